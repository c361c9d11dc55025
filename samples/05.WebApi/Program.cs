// A web API with a model inside: /ask streams an answer as server-sent events, through an IChatClient of the application's services,
// and MapHalfspace adds OpenAI's routes (docs/server.md). Try: curl -N "localhost:5000/ask?question=Name+a+colour."
using System.Runtime.CompilerServices;
using Halfspace.Runtime;
using Halfspace.Server;
using Microsoft.Extensions.AI;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
// Both load the model: OpenAI's routes answer several requests in one run of it, the chat client one after another.
builder.Services.AddHalfspace(options => options.Models.Add(new ServedModelOptions("smol", EmbeddedModel.Path)));
builder.Services.AddSingleton(_ => HalfspaceModel.Load(EmbeddedModel.Path));
builder.Services.AddChatClient(services => new HalfspaceChatClient(services.GetRequiredService<HalfspaceModel>()));
WebApplication app = builder.Build();
app.MapHalfspace();
app.MapGet("/ask", (string question, IChatClient client, CancellationToken cancellation) =>
    TypedResults.ServerSentEvents(Answer(client, question, cancellation)));
app.Run();

static async IAsyncEnumerable<string> Answer(IChatClient client, string question, [EnumeratorCancellation] CancellationToken cancellation)
{
    await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(question, new ChatOptions { MaxOutputTokens = 60 }, cancellation))
        if (update.Text.Length > 0) yield return update.Text;
}

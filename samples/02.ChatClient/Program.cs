// The model behind Microsoft.Extensions.AI's IChatClient, streaming.
using Halfspace.Runtime;
using Microsoft.Extensions.AI;

using HalfspaceModel model = HalfspaceModel.Load(EmbeddedModel.Path);
using IChatClient client = new HalfspaceChatClient(model);
List<ChatMessage> conversation = [new(ChatRole.System, "Be brief.")];
foreach (string line in args.Length > 0 ? args : ["Name a colour.", "Another one."])
{
    conversation.Add(new ChatMessage(ChatRole.User, line));
    List<ChatResponseUpdate> updates = [];
    Console.WriteLine("> " + line);
    await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(conversation, new ChatOptions { MaxOutputTokens = 40 }))
    {
        Console.Write(update.Text);
        updates.Add(update);
    }

    Console.WriteLine();
    conversation.AddMessages(updates);
}

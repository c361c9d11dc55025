using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Halfspace.Server.Tests;

/// <summary>The server within an application of someone else.</summary>
public sealed class ServicesTests(TinyServer tiny) : IClassFixture<TinyServer>
{
    [Fact]
    public async Task An_application_has_the_routes_and_the_models_as_chat_clients()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddHalfspace(options =>
        {
            options.Models.Add(tiny.Served());
            options.ApiKeys = ApiKeys.Parse(["key"]);
        });
        await using WebApplication app = builder.Build();
        app.MapHalfspace();
        await app.StartAsync(TestContext.Current.CancellationToken);

        ChatOptions few = new() { MaxOutputTokens = 5 };
        IChatClient usual = app.Services.GetRequiredService<IChatClient>();
        IChatClient named = app.Services.GetRequiredKeyedService<IChatClient>(TinyServer.Name);
        foreach (IChatClient client in new[] { usual, named })
        {
            ChatResponse whole = await client.GetResponseAsync("Name a colour.", few, TestContext.Current.CancellationToken);
            Assert.Equal(5, whole.Usage!.OutputTokenCount);
            StringBuilder streamed = new();
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Name a colour.", few,
                TestContext.Current.CancellationToken))
                streamed.Append(update.Text);
            Assert.Equal(whole.Text, streamed.ToString());
        }

        using HttpClient http = new() { BaseAddress = new Uri(app.Urls.Single()) };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/ready", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync("/v1/models", TestContext.Current.CancellationToken)).StatusCode);
        await app.StopAsync(TestContext.Current.CancellationToken);
    }
}

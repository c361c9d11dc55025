using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Halfspace.Server;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Halfspace.Page.Tests;

/// <summary>The page in a browser.</summary>
public sealed partial class PageTests(Browser browser) : IClassFixture<Browser>
{
    private static readonly string _text = string.Concat(Enumerable.Range(0, 30).Select(i => $"Line {i} of it. "));

    [Fact]
    public async Task A_question_is_answered_and_looked_at()
    {
        await using PageServer server = await new PageServer().StartAsync();
        IPage page = await browser.OpenAsync(server.Url);
        List<string> errors = [];
        page.Console += (_, message) =>
        {
            if (message.Type == "error") errors.Add(message.Text);
        };
        await AskAsync(page, "What is it?");
        await Expect(page.Locator("#send")).ToHaveTextAsync("Send", new() { Timeout = 30_000 });
        await Expect(page.Locator("#status")).ToContainTextAsync("in the prompt");
        Assert.NotEmpty(await page.Locator(".turn.assistant").InnerTextAsync());

        await page.Locator(".look").ClickAsync();
        await Expect(page.Locator("#n-keys")).ToHaveTextAsync(KeysRegex());
        await Expect(page.Locator("#source")).ToContainTextAsync("What is it?");
        Assert.Equal(2, await page.Locator("#chart rect").CountAsync());
        await Expect(page.Locator("#tokens")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("ArrowRight");
        await Expect(page.Locator("#token-1")).ToHaveAttributeAsync("aria-selected", "true");
        await page.Locator("#layer").PressAsync("ArrowRight");
        await page.Locator("#head").PressAsync("End");
        await Expect(page.Locator("#lens-status")).ToContainTextAsync("Layer 1, head 3");
        await Save(page, "chat");
        Assert.Empty(errors);
    }

    [Fact]
    public async Task An_answer_is_stopped_by_escape()
    {
        await using PageServer server = await new PageServer().StartAsync();
        IPage page = await browser.OpenAsync(server.Url);
        // An answer that does not come.
        await page.RouteAsync("**/v1/chat/completions", _ => Task.CompletedTask);
        await AskAsync(page, "And?");
        await Expect(page.Locator("#send")).ToHaveTextAsync("Stop");
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator("#send")).ToHaveTextAsync("Send");
        await Expect(page.Locator("#status")).ToHaveTextAsync("Stopped.");
        await Expect(page.Locator("#trouble")).ToBeHiddenAsync();
    }

    [Fact]
    public async Task A_file_becomes_a_context_that_is_asked_about()
    {
        await using PageServer server = await new PageServer().StartAsync();
        IPage page = await browser.OpenAsync(server.Url);
        await page.Locator("#make summary").ClickAsync();
        await page.SetInputFilesAsync("#file", new FilePayload { Name = "My book.txt", MimeType = "text/plain", Buffer = Encoding.UTF8.GetBytes(_text) });
        await Expect(page.Locator("#name")).ToHaveValueAsync("My-book");
        await page.Locator("#create").ClickAsync();
        await Expect(page.Locator("#context")).ToHaveValueAsync("My-book");
        await Expect(page.Locator("#read")).ToContainTextAsync("tokens saved");
        Assert.Equal("1", await page.Locator("#progress").EvaluateAsync<string>("bar => String(bar.value)"));
        await AskAsync(page, "Which?");
        await Expect(page.Locator("#send")).ToHaveTextAsync("Send", new() { Timeout = 30_000 });
        await page.Locator(".look").ClickAsync();
        await Expect(page.Locator("#source")).ToContainTextAsync("Line 7 of it.");
        Assert.True(await page.Locator("#source .k").CountAsync() > 10);

        await page.Locator("#create").ClickAsync();
        await Expect(page.Locator("#trouble")).ToContainTextAsync("already");
        await Save(page, "context");
    }

    [Fact]
    public async Task A_server_with_keys_asks_for_one()
    {
        ApiKeys keys = ApiKeys.Parse(["secret-of-the-test"]);
        await using PageServer server = await new PageServer(keys).StartAsync();
        IPage page = await browser.OpenAsync(server.Url);
        await Expect(page.Locator("#trouble")).ToContainTextAsync("key is missing or wrong");
        await page.Locator("#key-text").FillAsync("wrong");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#key-text")).ToHaveValueAsync("");
        await Expect(page.Locator("#trouble")).ToContainTextAsync("key is missing or wrong");
        await page.Locator("#key-text").FillAsync("secret-of-the-test");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#model")).ToHaveValueAsync("tiny");
        await Expect(page.Locator("#trouble")).ToBeHiddenAsync();
    }

    [Fact]
    public async Task A_prompt_that_is_too_long_is_told()
    {
        await using PageServer server = await new PageServer().StartAsync();
        IPage page = await browser.OpenAsync(server.Url);
        await AskAsync(page, new string('a', 2000));
        await Expect(page.Locator("#trouble")).ToContainTextAsync("holds 768");
        await Expect(page.Locator("#trouble")).ToContainTextAsync("Start a new chat");
    }

    [Fact]
    public async Task A_lost_connection_can_be_tried_again()
    {
        await using PageServer server = await new PageServer().StartAsync();
        IPage page = await browser.OpenAsync(server.Url);
        await Expect(page.Locator("#model")).ToHaveValueAsync("tiny");
        await page.RouteAsync("**/v1/chat/completions", route => route.AbortAsync());
        await AskAsync(page, "Still there?");
        await Expect(page.Locator("#trouble")).ToContainTextAsync("cannot be reached");
        await page.UnrouteAsync("**/v1/chat/completions");
        // Ends without saying that it has ended.
        await page.RouteAsync("**/v1/chat/completions", route => route.FulfillAsync(new()
        {
            ContentType = "text/event-stream",
            Body = "data: {\"choices\": [{\"delta\": {\"content\": \"half\"}}]}\n\n",
        }));
        await page.Locator("#retry").ClickAsync();
        await Expect(page.Locator("#trouble")).ToContainTextAsync("lost before the end");
        await page.UnrouteAsync("**/v1/chat/completions");
        await page.Locator("#retry").ClickAsync();
        await Expect(page.Locator("#status")).ToContainTextAsync("in the prompt", new() { Timeout = 30_000 });
        Assert.Equal(1, await page.Locator(".turn.user").CountAsync());
        Assert.Equal(1, await page.Locator(".turn.assistant").CountAsync());
    }

    [Fact]
    public async Task Nothing_is_wider_than_a_narrow_screen()
    {
        await using PageServer server = await new PageServer().StartAsync();
        IPage page = await browser.OpenAsync(server.Url, 400, ColorScheme.Dark);
        await AskAsync(page, "What?");
        await Expect(page.Locator("#send")).ToHaveTextAsync("Send", new() { Timeout = 30_000 });
        await page.Locator(".look").ClickAsync();
        await Expect(page.Locator("#n-keys")).ToHaveTextAsync(KeysRegex());
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= 400"));
        await Save(page, "narrow");
    }

    [Fact]
    public async Task Files_have_a_policy_and_are_kept_by_their_tag()
    {
        await using PageServer server = await new PageServer().StartAsync();
        using HttpClient http = new();
        foreach (string path in new[] { "/", "/page/app.js", "/page/page.css", "/page/icon.svg" })
        {
            using HttpResponseMessage first = await http.GetAsync(server.Url + path, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, first.StatusCode);
            string policy = Assert.Single(first.Headers.GetValues("Content-Security-Policy"));
            Assert.StartsWith("default-src 'none'", policy);
            Assert.DoesNotContain("unsafe", policy);
            using HttpRequestMessage again = new(HttpMethod.Get, server.Url + path);
            again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
            using HttpResponseMessage second = await http.SendAsync(again, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        }
    }

    private static async Task AskAsync(IPage page, string question)
    {
        await Expect(page.Locator("#model")).ToHaveValueAsync("tiny");
        await page.Locator("#question").FillAsync(question);
        await page.Locator("#question").PressAsync("Enter");
    }

    // Pictures for someone to look at, where a folder for them is given.
    private static async Task Save(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("HALFSPACE_SCREENSHOTS") is not { Length: > 0 } folder) return;
        await page.ScreenshotAsync(new() { Path = Path.Combine(folder, name + ".png"), FullPage = true });
    }

    [GeneratedRegex(@"\d+ of \d+")]
    private static partial Regex KeysRegex();
}

using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Halfspace.Runtime;
using Halfspace.Server.Security;

namespace Halfspace.Server.Tests;

public sealed class SecurityTests(TinyServer tiny) : IClassFixture<TinyServer>
{
    private const string First = "first-key", Second = "second-key";

    [Fact]
    public async Task A_key_lets_in_and_nothing_else_does()
    {
        string hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(Second)));
        string file = tiny.Write("keys", $"# keys\n\n  {First}  \nsha256:{hash}\n");
        await using RunningServer server = await tiny.StartAsync(options => options.ApiKeys = ApiKeys.Load(file));
        foreach (string key in new[] { First, Second })
        {
            Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, $"Bearer {key}")).Status);
            await server.Client(key).GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken);
        }

        foreach (string? wrong in new[] { null, "", "Bearer", "Bearer ", "Bearer first-ke", "Bearer first-keys", $"Basic {First}", First,
            $"Bearer sha256:{hash}", $"Bearer {hash}" })
            (await GetAsync(server, wrong)).ExpectError(HttpStatusCode.Unauthorized, null, "API key");
        // A wrong key is told before the body is read, and about routes that are not there too.
        (await server.PostAsync("/v1/chat/completions", "{")).ExpectError(HttpStatusCode.Unauthorized, null, "API key");
        (await server.GetAsync("/v1/nothing")).ExpectError(HttpStatusCode.Unauthorized, null, "API key");
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health")).Status);
    }

    [Theory]
    [InlineData("", "none")]
    [InlineData("# only a comment", "none")]
    [InlineData("two words", "Line 1")]
    [InlineData("good\nsha256:12", "Line 2")]
    [InlineData("sha256:zz", "Line 1")]
    public void A_bad_file_of_keys_is_refused_without_telling_keys(string text, string part)
    {
        ModelException e = Assert.Throws<ModelException>(() => ApiKeys.Parse(text.Split('\n')));
        Assert.Contains(part, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("words", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_keys_that_is_not_there_is_refused() =>
        Assert.Contains("cannot be read", Assert.Throws<ModelException>(() => ApiKeys.Load("/nowhere/keys")).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("http://localhost:8080", true)]
    [InlineData("http://127.0.0.1:0", true)]
    [InlineData("http://127.9.9.9:80/", true)]
    [InlineData("http://[::1]:8080", true)]
    [InlineData("http://0.0.0.0:8080", false)]
    [InlineData("http://[::]:8080", false)]
    [InlineData("http://*:8080", false)]
    [InlineData("http://192.168.1.5:8080", false)]
    public void Only_this_machine_is_let_in_without_a_key(string url, bool loopback)
    {
        ListenAddress address = ListenAddress.Parse(url);
        Assert.Equal(loopback, address.IsLoopback);
        ApiKeys keys = ApiKeys.Parse([First]);
        address.RequireGuard(keys, false);
        address.RequireGuard(ApiKeys.None, true);
        if (loopback) address.RequireGuard(ApiKeys.None, false);
        else Assert.Contains("--api-key-file", Assert.Throws<ModelException>(() => address.RequireGuard(ApiKeys.None, false)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://localhost:8080")]
    [InlineData("localhost:8080")]
    [InlineData("http://localhost")]
    [InlineData("http://:80")]
    [InlineData("http://example.com:80")]
    [InlineData("http://localhost:99999")]
    [InlineData("http://localhost:-1")]
    [InlineData("")]
    public void What_is_no_address_is_refused(string url) => Assert.Throws<ModelException>(() => ListenAddress.Parse(url));

    private static async Task<Reply> GetAsync(RunningServer server, string? authorization)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/v1/models");
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using HttpResponseMessage response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        if (response.StatusCode == HttpStatusCode.Unauthorized)
            Assert.Equal("Bearer", Assert.Single<AuthenticationHeaderValue>(response.Headers.WwwAuthenticate).Scheme);
        return await Reply.OfAsync(response);
    }
}

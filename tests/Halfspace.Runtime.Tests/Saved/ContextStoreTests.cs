using Halfspace.Runtime.Saved;

namespace Halfspace.Runtime.Tests.Saved;

public sealed class ContextStoreTests(SavedModels models) : IClassFixture<SavedModels>, IDisposable
{
    private readonly HalfspaceModel _model = models.Model;
    private readonly TemporaryFolder _folder = new();

    private ContextStore Store => field ??= new ContextStore(_folder.File("contexts"));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a", true)]
    [InlineData("Ruth-1_b.2", true)]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData(".hidden", false)]
    [InlineData("../a", false)]
    [InlineData("a/b", false)]
    [InlineData("a\\b", false)]
    [InlineData("/etc/passwd", false)]
    [InlineData("a\0", false)]
    [InlineData("a b", false)]
    [InlineData("naïve", false)]
    [InlineData("C:", false)]
    public void Names_cannot_leave_the_folder(string name, bool fits)
    {
        Assert.Equal(fits, ContextStore.IsName(name));
        if (fits) Assert.False(Store.Contains(name));
        else SavedContextTests.Refused("cannot be the name", () => Store.Contains(name));
    }

    [Fact]
    public void A_long_name_is_refused()
    {
        Assert.True(ContextStore.IsName(new string('a', ContextStore.MostNameLength)));
        Assert.False(ContextStore.IsName(new string('a', ContextStore.MostNameLength + 1)));
    }

    [Fact]
    public async Task Contexts_are_created_listed_shown_and_deleted()
    {
        Assert.Empty(Store.List());
        CreatedContext b = await CreateAsync("b", Words(400)), a = await CreateAsync("a", "Other words. " + Words(400));
        Assert.Equal(0, b.ReusedTokens);
        Assert.Equal(["a", "b"], Store.List().Select(context => context.Name));
        Assert.Equal(b.Context, Store.List()[1]);
        Assert.Equal((Words(400), true), (b.Context.Document!.Text, b.Context.HasIndex));
        Assert.Equal(_model.Config.Name, a.Context.Model);
        await RefusedAsync("already", CreateAsync("a", Words(10)));
        Assert.Equal(400, (await CreateAsync("a", Words(400), replace: true)).Context.Tokens - 2);
        Store.Verify("b", TestContext.Current.CancellationToken);
        Store.Delete("b");
        Assert.Equal("a", Assert.Single(Store.List()).Name);
        SavedContextTests.Refused("no saved context b", () => Store.Show("b"));
        SavedContextTests.Refused("no saved context b", () => Store.Open(_model, "b"));
        await RefusedAsync("empty", CreateAsync("c", " \n"));
    }

    [Fact]
    public async Task A_damaged_context_is_listed_with_what_is_wrong()
    {
        await CreateAsync("a", Words(100));
        await CreateAsync("b", Words(90));
        string path = Path.Combine(_folder.File("contexts"), "a.context");
        byte[] whole = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(path, whole[..5000], TestContext.Current.CancellationToken);
        Assert.Contains("end is missing", Store.List()[0].Damage, StringComparison.Ordinal);
        Assert.Null(Store.List()[1].Damage);
        // Nor is it in the way of others.
        await CreateAsync("c", Words(100));
    }

    [Theory]
    [InlineData(3000, 2000)]
    [InlineData(3000, 5000)]
    [InlineData(1500, 1500)]
    public async Task A_context_that_begins_as_another_reuses_it_and_is_as_if_it_had_not(int first, int second)
    {
        int shared = Math.Min(first, second);
        string text = Words(5000);
        await CreateAsync("far", "Something else. " + text[..1000]);
        await CreateAsync("near", text[..300] + "!" + text[..1000]);
        await CreateAsync("first", text[..first]);
        ContextDocument document = new(null, text[..shared] + "?" + text[shared..second], Raw: true);
        CreatedContext made = await Store.CreateAsync(
            _model, "second", document, SavedContextTests.Options(0), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(shared / 512 * 512, made.ReusedTokens);
        int[] prompt = document.Prompt(_model, "What is this?"), opening = document.Opening(_model);
        Assert.Equal(made.Context.Tokens, opening.Length);
        ContextOptions options = SavedContextTests.Options(opening.Length);
        using ModelContext reused = Store.Open(_model, "second", options), fresh = _model.CreateContext(options);
        Assert.Equal(opening.Length, reused.Tokens.CommonPrefixLength(prompt));
        reused.Read(prompt.AsSpan(opening.Length), null, TestContext.Current.CancellationToken);
        fresh.Read(prompt, null, TestContext.Current.CancellationToken);
        for (int i = 0; i < 40; i++)
        {
            Assert.Equal(fresh.Logits, reused.Logits);
            fresh.ReadOne(i, TestContext.Current.CancellationToken);
            reused.ReadOne(i, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task The_same_document_is_not_read_again()
    {
        await CreateAsync("a", Words(2000));
        using (ModelContext talk = Store.Open(_model, "a"))
        {
            talk.ReadOne(65, TestContext.Current.CancellationToken);
            await Store.SaveAsync(talk, "0", cancellation: TestContext.Current.CancellationToken);
        }

        CreatedContext again = await CreateAsync("b", Words(2000));
        Assert.Equal(again.Context.Tokens, again.ReusedTokens);
    }

    [Fact]
    public async Task A_conversation_goes_on_from_the_longest_beginning_that_was_saved()
    {
        using (ModelContext context = _model.CreateContext())
        {
            context.Read(SavedContextTests.Text.AsSpan(0, 600), null, TestContext.Current.CancellationToken);
            for (int i = 600; i < 700; i++) context.ReadOne(SavedContextTests.Text[i], TestContext.Current.CancellationToken);
            await Store.SaveAsync(context, "talk", cancellation: TestContext.Current.CancellationToken);
        }

        using ModelContext all = Store.Begin(_model, SavedContextTests.Text.AsSpan(0, 900));
        using ModelContext part = Store.Begin(_model, SavedContextTests.Text.AsSpan(0, 650));
        Assert.Equal((700, 650), (all.Count, part.Count));
        // As decoding attends otherwise than a prompt, its tokens are not what a document can build on.
        using ModelContext plain = Store.Begin(_model, SavedContextTests.Text.AsSpan(0, 900),
            new ContextOptions { OpeningTokens = 900 });
        Assert.Equal(512, plain.Count);
        using ModelContext none = Store.Begin(models.Other, SavedContextTests.Text.AsSpan(0, 900));
        Assert.Equal(0, none.Count);
    }

    [Fact]
    public async Task A_cancelled_creation_leaves_nothing()
    {
        using CancellationTokenSource cancellation = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.CreateAsync(_model, "a",
            new ContextDocument(null, Words(3000), true),
            progress: new Cancelling(cancellation), cancellation: cancellation.Token));
        Assert.Empty(Store.List());
    }

    private static string Words(int length) =>
        string.Concat(Enumerable.Range(0, length).Select(i => (char)('a' + (i * i / 7 + i % 11) % 26)));

    private Task<CreatedContext> CreateAsync(string name, string text, bool replace = false) => Store.CreateAsync(_model, name,
        new ContextDocument(null, text, Raw: true), SavedContextTests.Options(0), replace,
        cancellation: TestContext.Current.CancellationToken);

    private static async Task RefusedAsync(string part, Task task) =>
        Assert.Contains(part, (await Assert.ThrowsAsync<ModelException>(() => task)).Message, StringComparison.Ordinal);

    private sealed class Cancelling(CancellationTokenSource cancellation) : IProgress<int>
    {
        public void Report(int value) => cancellation.Cancel();
    }
}

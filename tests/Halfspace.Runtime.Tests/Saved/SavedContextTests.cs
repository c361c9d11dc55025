using Halfspace.Attention;
using Halfspace.Runtime.Saved;
using Halfspace.Runtime.Tests.Decoder;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Saved;

/// <summary>A tiny model whose contexts are long enough for an index, and one of other weights.</summary>
public sealed class SavedModels : IDisposable
{
    private readonly TinyModelFile _file = new(new TinyModel { Context = 8192, HeadDim = 16, Hidden = 64 });
    private readonly TinyModelFile _other = new(new TinyModel { Context = 8192, HeadDim = 16, Hidden = 64, Architecture = "qwen2" });
    private readonly Lazy<HalfspaceModel> _otherModel;

    public SavedModels()
    {
        Model = _file.Load();
        _otherModel = new Lazy<HalfspaceModel>(() => _other.Load());
    }

    public HalfspaceModel Model { get; }

    public HalfspaceModel Other => _otherModel.Value;

    public HalfspaceModel Stretched() =>
        HalfspaceModel.Load(_file.Path, new ModelOptions { CacheDirectory = _file.Cache, RopeScaling = "linear:2" });

    public void Dispose()
    {
        Model.Dispose();
        if (_otherModel.IsValueCreated) _otherModel.Value.Dispose();
        _file.Dispose();
        _other.Dispose();
    }
}

/// <summary>A folder that is removed with what is in it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("halfspace-saved-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, true);
}

public sealed class SavedContextTests(SavedModels models) : IClassFixture<SavedModels>
{
    internal static readonly int[] Text = [.. Enumerable.Range(0, 6000).Select(i => (i * 37 + i / 5 + i * i / 91) % 256)];
    private readonly HalfspaceModel _model = models.Model;

    /// <summary>Few enough keys that rows are sparse.</summary>
    internal static ContextOptions Options(int opening, int clusters = 2) => new()
    {
        OpeningTokens = opening,
        Attention = new AttentionOptions { Policy = new AttentionPolicy.Budget(32), Clusters = clusters },
    };

    [Theory]
    [InlineData(3)]
    [InlineData(700)]
    [InlineData(3000)]
    [InlineData(5120)]
    public async Task An_opened_context_goes_on_as_the_one_that_was_never_saved_to_the_last_bit(int opening)
    {
        using TemporaryFolder folder = new();
        using ModelContext kept = _model.CreateContext(Options(opening));
        Read(kept, Text[..opening]);
        await kept.SaveAsync(folder.File("a"), null, Cancellation);
        List<float[]> expected = Continue(_model.CreateContext(Options(opening)), 0);
        Same(expected, Continue(_model.OpenContext(folder.File("a"), Options(opening)), opening));
        Same(expected, Continue(kept, opening));
        Assert.Single(Directory.GetFiles(folder.Path));

        List<float[]> Continue(ModelContext context, int from)
        {
            using (context)
            {
                Read(context, Text[from..(opening + 40)]);
                List<float[]> logits = [context.Logits.ToArray()];
                for (int i = 40; i < 140; i++)
                {
                    context.ReadOne(Text[opening + i], Cancellation);
                    logits.Add(context.Logits.ToArray());
                }

                if (opening >= 3000) Assert.True(context.Counters.RowsDense < context.Counters.Rows, "no row was sparse");
                return logits;
            }
        }
    }

    [Fact]
    public async Task What_is_read_after_opening_stays_private_until_it_is_saved()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a");
        using (ModelContext context = _model.CreateContext(Options(0)))
        {
            Read(context, Text[..2500]);
            await context.SaveAsync(path, new ContextDocument("s", "t"), Cancellation);
        }

        byte[] before = await File.ReadAllBytesAsync(path, Cancellation);
        using ModelContext first = _model.OpenContext(path, Options(0)), second = _model.OpenContext(path, Options(0));
        Read(first, Text[2500..2600]);
        Read(second, Text[3000..3300]);
        Assert.Equal(before, await File.ReadAllBytesAsync(path, Cancellation));
        await first.SaveAsync(path, null, Cancellation);
        using ModelContext again = _model.OpenContext(path, Options(0));
        Assert.Equal(Text[..2600], again.Tokens.ToArray());
        Assert.Equal(new ContextDocument("s", "t"), again.Document);
        foreach (ModelContext context in new[] { first, again }) Read(context, Text[2600..2700]);
        Assert.Equal(first.Logits, again.Logits);
        // The file that the second one maps is gone from the folder, but not from under it.
        Read(second, Text[3300..3310]);
        Assert.Equal(2810, second.Count);
    }

    [Fact]
    public async Task Rewinding_an_opened_context_gives_what_reading_afresh_gives()
    {
        using TemporaryFolder folder = new();
        using ModelContext fresh = _model.CreateContext(Options(0)), kept = _model.CreateContext(Options(0));
        Read(kept, Text[..3000]);
        await kept.SaveAsync(folder.File("a"), null, Cancellation);
        using ModelContext opened = _model.OpenContext(folder.File("a"), Options(0));
        opened.Rewind(2400);
        Read(opened, Text[4000..4100]);
        Read(fresh, Text[..2400]);
        Read(fresh, Text[4000..4100]);
        double error = 0, scale = 0;
        for (int i = 0; i < fresh.Logits.Length; i++)
        {
            error += Math.Pow(fresh.Logits[i] - opened.Logits[i], 2);
            scale += Math.Pow(fresh.Logits[i], 2);
        }

        Assert.True(error <= 1e-6 * scale, $"off by {Math.Sqrt(error / scale):E2}");
    }

    [Theory]
    [InlineData(5, 2)]
    [InlineData(2, 1)]
    public async Task An_index_of_other_options_is_made_anew(int saved, int opened)
    {
        using TemporaryFolder folder = new();
        using ModelContext kept = _model.CreateContext(Options(3000, saved)), fresh = _model.CreateContext(Options(3000, opened));
        Read(kept, Text[..3000]);
        await kept.SaveAsync(folder.File("a"), null, Cancellation);
        using ModelContext other = _model.OpenContext(folder.File("a"), Options(3000, opened));
        Read(other, Text[3000..3050]);
        Read(fresh, Text[..3050]);
        for (int i = 3050; i < 3100; i++)
        {
            other.ReadOne(Text[i], Cancellation);
            fresh.ReadOne(Text[i], Cancellation);
            // Moments were summed in other parts.
            for (int l = 0; l < fresh.Logits.Length; l++) Assert.Equal(fresh.Logits[l], other.Logits[l], 1e-4f);
        }
    }

    [Fact]
    public async Task A_wrong_model_or_a_small_limit_is_refused_in_a_sentence()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a");
        using (ModelContext context = _model.CreateContext())
        {
            Read(context, Text[..300]);
            await context.SaveAsync(path, null, Cancellation);
        }

        Refused("another model", () => models.Other.OpenContext(path));
        using HalfspaceModel stretched = models.Stretched();
        Refused("RoPE scaling", () => stretched.OpenContext(path));
        Refused("300 tokens", () => _model.OpenContext(path, new ContextOptions { Limit = 299 }));
        Refused("no saved context", () => _model.OpenContext(folder.File("b")));
        using ModelContext empty = _model.CreateContext();
        ModelException nothing = await Assert.ThrowsAsync<ModelException>(() => empty.SaveAsync(path, null, Cancellation));
        Assert.Contains("empty", nothing.Message, StringComparison.Ordinal);
        using ModelContext whole = _model.OpenContext(path);
        ModelException nowhere = await Assert.ThrowsAsync<ModelException>(() => whole.SaveAsync(folder.File("none/a"), null, Cancellation));
        Assert.Contains("cannot be saved", nowhere.Message, StringComparison.Ordinal);
    }

    internal static void Refused(string part, Func<object?> open)
    {
        ModelException e = Assert.Throws<ModelException>(open);
        Assert.Contains(part, e.Message, StringComparison.Ordinal);
        Assert.EndsWith(".", e.Message, StringComparison.Ordinal);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static void Read(ModelContext context, int[] tokens) => context.Read(tokens, null, Cancellation);

    private static void Same(List<float[]> expected, List<float[]> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++) Assert.Equal(expected[i], actual[i]);
    }
}

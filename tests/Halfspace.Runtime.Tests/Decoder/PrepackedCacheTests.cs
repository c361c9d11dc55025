using Halfspace.Runtime.Decoder;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Decoder;

/// <summary>The cache of prepacked weights where several fill it, and where it is damaged.</summary>
public sealed class PrepackedCacheTests : IDisposable
{
    private readonly TinyModelFile _file = new(new TinyModel { Context = 64 });

    public void Dispose() => _file.Dispose();

    [Fact]
    public async Task Many_that_fill_it_at_once_all_load()
    {
        for (int round = 0; round < 3; round++)
        {
            // Threads of their own: the pool's may be fewer, and they would load one after another.
            Task[] loads = [.. Enumerable.Range(0, 6).Select(_ => Task.Factory.StartNew(
                LoadAndRead, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
            await Task.WhenAll(loads);
            Assert.Equal([PrepackedCache.GraphName, PrepackedCache.WeightsName], Content());
            Directory.Delete(_file.Cache, true);
        }
    }

    [Fact]
    public void A_folder_that_somebody_has_put_in_place_first_is_left_alone()
    {
        string first = Folder("first"), second = Folder("second"), place = Path.Combine(_file.Cache, "place");
        PrepackedCache.Publish(first, place);
        // Were it removed and put there again, whoever is opening it would find nothing for a moment.
        PrepackedCache.Publish(second, place);
        Assert.Equal("first", File.ReadAllText(Path.Combine(place, PrepackedCache.GraphName)));
        Assert.Equal([place], Directory.GetDirectories(_file.Cache));
    }

    [Theory]
    [InlineData(PrepackedCache.GraphName, true)]
    [InlineData(PrepackedCache.GraphName, false)]
    [InlineData(PrepackedCache.WeightsName, false)]
    public void A_damaged_one_is_made_again(string name, bool damaged)
    {
        LoadAndRead();
        string path = Path.Combine(Directory.GetDirectories(_file.Cache).Single(), name);
        if (damaged) File.WriteAllText(path, "no graph");
        else File.Delete(path);
        LoadAndRead();
        Assert.Equal([PrepackedCache.GraphName, PrepackedCache.WeightsName], Content());
    }

    private void LoadAndRead()
    {
        using HalfspaceModel model = _file.Load(threads: 1);
        using ModelContext context = model.CreateContext();
        context.Read([1, 2, 3], null, TestContext.Current.CancellationToken);
        Assert.Equal(TinyModel.Vocabulary, context.Logits.Length);
    }

    /// <summary>A folder to publish, whose graph is its name.</summary>
    private string Folder(string name)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_file.Cache, name)).FullName;
        File.WriteAllText(Path.Combine(folder, PrepackedCache.GraphName), name);
        return folder;
    }

    /// <summary>The names of the only folder's files.</summary>
    private IEnumerable<string?> Content() =>
        Directory.GetFiles(Assert.Single(Directory.GetDirectories(_file.Cache))).Select(Path.GetFileName).Order(StringComparer.Ordinal);
}

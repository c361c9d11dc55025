using System.Runtime.InteropServices;

namespace Halfspace.Attention.Tests;

/// <summary>One layer of tests/assets/golden: one KV head over 8,192 tokens and its three query heads at the last 256 positions.</summary>
internal sealed class Golden
{
    public const int Dim = 64, Tokens = 8192, Heads = 3, Rows = 256, PrefillRows = 1984;

    /// <summary>The layers in the repository; HALFSPACE_GOLDEN names a folder with layers 5, 18 and 29 besides.</summary>
    public static readonly int[] Layers = Folder is null ? [0, 11] : [0, 5, 11, 18, 29];

    private static readonly Dictionary<int, Golden> Loaded = [];

    private Golden(int layer)
    {
        Keys = Read<Half>(layer, "k", Tokens * Dim);
        Values = Read<Half>(layer, "v", Tokens * Dim);
        Queries = Widen(Read<Half>(layer, "q", Heads * Rows * Dim));
        Prefill = Widen(Read<Half>(layer, "q_prefill", Heads * PrefillRows * Dim));
        Softmax = Read<float>(layer, "softmax", Heads * Rows * Dim);
        ReluBias = Read<float>(layer, "relu_bias", Heads * Rows);
        Relu1 = Read<float>(layer, "relu1", Heads * Rows * Dim);
        Relu2 = Read<float>(layer, "relu2", Heads * Rows * Dim);
    }

    private static string? Folder => Environment.GetEnvironmentVariable("HALFSPACE_GOLDEN");

    public Half[] Keys { get; }

    public Half[] Values { get; }

    /// <summary>[heads, rows, d].</summary>
    public float[] Queries { get; }

    /// <summary>[heads, prefill rows, d]: every 4th position from 2 on.</summary>
    public float[] Prefill { get; }

    public float[] Softmax { get; }

    public float[] ReluBias { get; }

    public float[] Relu1 { get; }

    public float[] Relu2 { get; }

    public static Golden Layer(int layer)
    {
        lock (Loaded)
        {
            if (!Loaded.TryGetValue(layer, out Golden? golden)) Loaded[layer] = golden = new Golden(layer);
            return golden;
        }
    }

    public static int Position(int row) => Tokens - Rows + row;

    public ReadOnlySpan<float> Query(int head, int row) => Queries.AsSpan(((head * Rows) + row) * Dim, Dim);

    /// <summary>Query rows from <paramref name="row"/> on, [rows, heads, d].</summary>
    public float[] Group(int row, int rows)
    {
        float[] group = new float[rows * Heads * Dim];
        for (int r = 0; r < rows; r++)
            for (int h = 0; h < Heads; h++) Query(h, row + r).CopyTo(group.AsSpan(((r * Heads) + h) * Dim));
        return group;
    }

    /// <summary>The largest difference of outputs [rows, heads, d] from golden softmax.</summary>
    public double WorstDifference(ReadOnlySpan<float> output, int row, int rows)
    {
        double worst = 0;
        for (int r = 0; r < rows; r++)
            for (int h = 0; h < Heads; h++)
                for (int c = 0; c < Dim; c++)
                    worst = Math.Max(worst, Math.Abs(output[(((r * Heads) + h) * Dim) + c] - Softmax[(((h * Rows) + row + r) * Dim) + c]));
        return worst;
    }

    /// <summary>‖output − golden‖₂ / ‖golden‖₂ averaged over outputs [rows, heads, d].</summary>
    public double MeanRelativeError(ReadOnlySpan<float> output, int row, int rows)
    {
        double total = 0;
        for (int r = 0; r < rows; r++)
        {
            for (int h = 0; h < Heads; h++)
            {
                double error = 0, norm = 0;
                for (int c = 0; c < Dim; c++)
                {
                    double exact = Softmax[(((h * Rows) + row + r) * Dim) + c];
                    error += Math.Pow(output[(((r * Heads) + h) * Dim) + c] - exact, 2);
                    norm += exact * exact;
                }
                total += Math.Sqrt(error / norm);
            }
        }
        return total / (rows * Heads);
    }

    /// <summary>A context of one head with the first <paramref name="tokens"/> keys and values.</summary>
    public KeyValueCache Cache(int tokens = Tokens) => Contexts.Of(Keys, Values, Dim, tokens);

    private static float[] Widen(Half[] halves) => Array.ConvertAll(halves, h => (float)h);

    private static T[] Read<T>(int layer, string name, int count) where T : unmanaged
    {
        string folder = Folder ?? Path.Combine(Root(), "tests", "assets", "golden");
        byte[] bytes = File.ReadAllBytes(Path.Combine(folder, $"layer{layer}.{name}.bin"));
        T[] data = MemoryMarshal.Cast<byte, T>(bytes).ToArray();
        Assert.Equal(count, data.Length);
        return data;
    }

    private static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Halfspace.slnx"))) folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("No folder above the tests holds Halfspace.slnx.");
    }
}

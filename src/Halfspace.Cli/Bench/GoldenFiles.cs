using System.Runtime.InteropServices;
using Halfspace.Runtime;

namespace Halfspace.Cli.Bench;

/// <summary>Recorded keys, values and queries of the embedded model: <c>layerL.k.bin</c> and so on, float16, little-endian.</summary>
internal static class GoldenFiles
{
    /// <summary>d of a recorded head.</summary>
    public const int Dimension = 64;

    /// <summary>The repository's test data, from the working folder upwards; null outside the repository.</summary>
    public static string? Repository()
    {
        for (string? folder = Directory.GetCurrentDirectory(); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string golden = Path.Combine(folder, "tests", "assets", "golden");
            if (Has(golden, 11)) return golden;
        }

        return null;
    }

    /// <summary>The test data, and the folder <c>shared/golden</c> beside the repository; those that exist.</summary>
    public static string[] Folders()
    {
        if (Repository() is not { } golden) return [];
        string beside = Path.GetFullPath(Path.Combine(golden, "..", "..", "..", "..", "shared", "golden"));
        return Directory.Exists(beside) ? [golden, beside] : [golden];
    }

    /// <summary>Whether a folder has the keys of a layer.</summary>
    public static bool Has(string folder, int layer) => File.Exists(PathOf(folder, layer, "k"));

    /// <summary>A part of a layer: k, v or q.</summary>
    /// <exception cref="ModelException">The file is not there, is not of rows, or holds NaN or infinity.</exception>
    public static Half[] Read(string folder, int layer, string part)
    {
        string path = PathOf(folder, layer, part);
        if (!File.Exists(path)) throw new ModelException($"{path} was not found; give a folder of golden data with --golden.");
        byte[] bytes = File.ReadAllBytes(path);
        if (bytes.Length == 0 || bytes.Length % (Dimension * sizeof(short)) != 0)
            throw new ModelException($"{path} has {bytes.Length} bytes, which are not rows of {Dimension} float16 numbers.");
        Half[] numbers = MemoryMarshal.Cast<byte, Half>(bytes).ToArray();
        return Array.TrueForAll(numbers, Half.IsFinite) ? numbers : throw new ModelException($"{path} holds NaN or infinity.");
    }

    private static string PathOf(string folder, int layer, string part) => Path.Combine(folder, $"layer{layer}.{part}.bin");
}

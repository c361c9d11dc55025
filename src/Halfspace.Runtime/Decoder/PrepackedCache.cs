using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Onnx;
using Halfspace.Runtime.Saved;
using Microsoft.ML.OnnxRuntime;

namespace Halfspace.Runtime.Decoder;

/// <summary>
/// Keeps a decoder's graph and prepacked weights in a folder a model, so that a later start maps them instead of converting and packing.
/// A folder appears whole by one rename, or not at all; whatever does not open is made again.
/// </summary>
public static class PrepackedCache
{
    /// <summary>The variable that moves the cache.</summary>
    public const string Variable = "HALFSPACE_CACHE";

    internal const string GraphName = "decoder.onnx", WeightsName = "decoder.weights";

    /// <summary>The folder that holds the caches of all models: <see cref="Variable"/>, or a folder of the user's.</summary>
    public static string DefaultDirectory
    {
        get
        {
            if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } set) return set;
            if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg) return Path.Combine(xdg, "halfspace");
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            return OperatingSystem.IsWindows() || OperatingSystem.IsMacOS()
                ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "halfspace")
                : Path.Combine(home.Length > 0 ? home : Path.GetTempPath(), ".cache", "halfspace");
        }
    }

    /// <summary>The name of a file's folder: it depends on the file's header, samples of its data, this CPU and ONNX Runtime's version.</summary>
    internal static string Key(GgufFile file)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        ModelFingerprint.AppendTensors(hash, file);
        hash.AppendData(MemoryMarshal.AsBytes(Machine().AsSpan()));
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..32];
    }

    /// <summary>Whether every packed weight in a saved graph's file lies at a multiple of 64 bytes.</summary>
    internal static bool IsAligned(string graph)
    {
        // An entry reads: prepacked_0 = kernel+hash|offset;length;flags|…
        ModelProto model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(graph));
        return model.Graph.Initializer.SelectMany(i => i.ExternalData)
            .Where(e => e.Key.StartsWith("prepacked", StringComparison.Ordinal))
            .SelectMany(e => e.Value.Split('|').Skip(1))
            .All(place => long.TryParse(place.Split(';')[0], NumberStyles.None, CultureInfo.InvariantCulture, out long offset) && offset % 64 == 0);
    }

    /// <summary>Puts a finished folder in its place; if another process was faster, its folder stays, as somebody may be opening it.</summary>
    internal static void Publish(string finished, string place)
    {
        try
        {
            Directory.Move(finished, place);
        }
        catch (IOException) when (Directory.Exists(place))
        {
            Directory.Delete(finished, true);
        }
    }

    /// <summary>Takes a folder that does not open out of its place, by one rename: nobody meets a part of it.</summary>
    /// <param name="place">The folder.</param>
    /// <param name="aside">Where it is moved before it is deleted, on the same file system.</param>
    internal static void Discard(string place, string aside)
    {
        try
        {
            Directory.Move(place, aside);
            Directory.Delete(aside, true);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody else has taken it away.
        }
    }

    // Prepacked weights depend on the kernels that ONNX Runtime chose for this CPU.
    private static string Machine() => string.Create(CultureInfo.InvariantCulture,
        $"{DecoderGraph.Revision} {OrtEnv.Instance().GetVersionString()} {RuntimeInformation.ProcessArchitecture} {Vector512.IsHardwareAccelerated} "
        + $"{Avx512BW.IsSupported} {AvxVnni.IsSupported} {Avx2.IsSupported} {CpuModel()}");

    private static string CpuModel()
    {
        if (!X86Base.IsSupported) return "";
        (int family, int _, int _, int _) = X86Base.CpuId(1, 0);
        (int _, int features, int more, int last) = X86Base.CpuId(7, 0);
        return string.Create(CultureInfo.InvariantCulture, $"{family:x} {features:x} {more:x} {last:x}");
    }
}

using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Tests.Gguf;

/// <summary>A small sound file with every type of value and of tensor.</summary>
internal static class FuzzSeed
{
    public static readonly (string Key, object Value)[] Metadata =
    [
        ("general.architecture", "llama"), ("u8", (byte)200), ("i8", (sbyte)-100), ("u16", (ushort)60_000), ("i16", (short)-30_000),
        ("u32", 4_000_000_000u), ("i32", -2_000_000_000), ("u64", ulong.MaxValue), ("i64", long.MinValue), ("f32", -0.0f), ("f64", Math.PI),
        ("yes", true), ("no", false), ("empty", ""), ("text", "Grüße, 世界 🌍\n"),
        ("bytes", new byte[] { 1, 2, 255 }), ("i8s", new sbyte[] { -1, 1 }), ("u16s", new ushort[] { 1, 65535 }), ("i16s",
            new short[] { -1, 7 }),
        ("u32s", new uint[] { 5, uint.MaxValue }), ("i32s", new[] { -5, 6, 7 }), ("u64s", new[] { 5UL, ulong.MaxValue }), ("i64s",
            new[] { -5L }),
        ("f32s", new[] { 1.5f, float.NegativeInfinity }), ("f64s", new[] { 1.5, -2.5 }), ("bools", new[] { true, false, true }),
        ("strings", new[] { "a", "", "ä€" }), ("none", Array.Empty<string>()),
        ("nested",
            new object[] { new[] { 1, 2 }, new[] { "x", "y" }, Array.Empty<bool>(),
            new object[] { new byte[] { 9 }, new object[] { new[] { 2.5 } } } }),
        ("jagged", new[] { new[] { 1u }, [2u, 3u] }),
    ];

    public static byte[] Write(uint version, int alignment)
    {
        GgufWriter writer = new(version, alignment);
        foreach ((string key, object value) in Metadata) writer.Add(key, value);
        Random random = new(3);
        foreach (GgufTensorType type in Enum.GetValues<GgufTensorType>())
        {
            byte[] data = new byte[3 * Dequantizer.BlockBytes(type)];
            random.NextBytes(data);
            writer.AddTensor($"blk.0.{type}.weight", type, [Dequantizer.BlockSize(type), 3], data);
        }

        return writer.AddTensor("four", GgufTensorType.F32, [2, 1, 3, 1], new byte[24]).ToArray();
    }
}

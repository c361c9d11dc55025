using System.Buffers.Binary;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Tests.Gguf;

/// <summary>
/// Seeded mutations of sound files: whatever the bytes are, the result is a file or a sentence, with little memory.
/// </summary>
public sealed class FuzzTests
{
    private const int Mutations = 120_000, OnDisk = 400;

    /// <summary>Opening may allocate this many times the file's size, and a constant for the exception.</summary>
    private const int Times = 8, Constant = 16 << 10;

    [Fact]
    public void Mutated_headers_open_or_fail_with_a_sentence()
    {
        byte[][] seeds = [FuzzSeed.Write(3, 32), FuzzSeed.Write(2, 8), Small(), Nested()];
        Random random = new(20_260_101);
        int opened = 0, refused = 0;
        for (int i = 0; i < Mutations; i++)
        {
            byte[] bytes = Mutate(seeds, random);
            if (Try(() => GgufFile.Read(bytes, "fuzz.gguf"), bytes.Length)) opened++;
            else refused++;
        }

        // Both ways are often taken: the mutations are neither harmless nor hopeless. A loop that believed a count of 2^60 would hang.
        Assert.InRange(opened, Mutations / 20, Mutations);
        Assert.InRange(refused, Mutations / 3, Mutations);
    }

    [Fact]
    public void Mutated_files_on_disk_open_or_fail_with_a_sentence()
    {
        byte[][] seeds = [FuzzSeed.Write(3, 32), FuzzSeed.Write(2, 8)];
        Random random = new(77);
        using TemporaryFile file = new([]);
        for (int i = 0; i < OnDisk; i++)
        {
            byte[] bytes = Mutate(seeds, random);
            File.WriteAllBytes(file.Path, bytes);
            Try(() => GgufFile.Open(file.Path), bytes.Length);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_densest_header_allocates_a_small_multiple_of_its_size(bool tensors)
    {
        const int Count = 20_000;
        RawGguf dense = RawGguf.Header(tensors ? Count : 0u, tensors ? 0u : Count);
        for (int i = 0; i < Count; i++)
        {
            string name = i.ToString("x");
            if (tensors) dense.Tensor(name, [1], 0, (ulong)i * 32);
            else dense.Text(name).U32(0).Byte(1);
        }

        byte[] header = dense.ToArray();
        Try(() => GgufFile.Read(header, "dense.gguf"), header.Length);
        if (tensors) return; // its data are missing, which is found last
        using GgufFile file = GgufFile.Read(header, "dense.gguf");
        Assert.Equal(Count, file.Metadata.Keys.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_count_that_just_fits_allocates_a_small_multiple_of_the_size(bool tensors)
    {
        const int Size = 1 << 20;
        byte[] bytes = RawGguf.Header(tensors ? Size / 33 : 0u, tensors ? 0u : Size / 14).Bytes(new byte[Size]).ToArray();
        Assert.False(Try(() => GgufFile.Read(bytes, "count.gguf"), bytes.Length));
    }

    /// <summary>Opens and reads all of it; true if it opened. Anything but a <see cref="GgufException"/> fails the test.</summary>
    private static bool Try(Func<GgufFile> open, int length)
    {
        GgufFile? file = null;
        string? sentence = null;
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            file = open();
        }
        catch (GgufException e)
        {
            sentence = e.Message;
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= (long)Times * length + Constant, $"opening {length} bytes allocated {allocated}: {sentence ?? "opened"}");
        if (file is null)
        {
            Assert.True(sentence!.EndsWith('.') && !sentence.AsSpan().ContainsAnyInRange('\0', '\x1f'), sentence);
            return false;
        }

        using (file) ReadAll(file);
        return true;
    }

    private static void ReadAll(GgufFile file)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (string key in file.Metadata.Keys)
        {
            try
            {
                Assert.NotNull(file.Metadata.GetValue(key));
            }
            catch (GgufException e)
            {
                Assert.Contains("UTF-8", e.Message, StringComparison.Ordinal);
            }
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= 16 * file.Length + file.Metadata.Keys.Count * Constant,
            $"reading {file.Length} bytes allocated {allocated}");
        float[] row = new float[1024];
        foreach (GgufTensor tensor in file.Tensors.Values)
        {
            Assert.Equal(tensor.ByteLength, tensor.Data.Length);
            if (tensor.Dimensions[0] <= row.Length)
                Dequantizer.Dequantize(tensor.Type, tensor.Row(tensor.RowCount - 1), row.AsSpan(0, (int)tensor.Dimensions[0]));
        }
    }

    private static byte[] Mutate(byte[][] seeds, Random random)
    {
        byte[] bytes = [.. seeds[random.Next(seeds.Length)]];
        for (int changes = random.Next(1, 4); changes > 0; changes--)
        {
            if (bytes.Length < 16) break;

            // Most changes go where the counts and descriptions are, not to the tensors' data at the end.
            int at = random.Next(random.Next(4) == 0 ? bytes.Length : Math.Min(bytes.Length, 1760));
            switch (random.Next(8))
            {
                case 0 or 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes = bytes[..at];
                    break;
                case 3:
                    BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(Math.Min(at, bytes.Length - 8)), Huge(random));
                    break;
                case 4:
                    BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(Math.Min(at, bytes.Length - 4)), (uint)Huge(random));
                    break;
                case 5: // a piece of another file over this one
                    byte[] other = seeds[random.Next(seeds.Length)];
                    int from = random.Next(other.Length), length = random.Next(1, 64);
                    other.AsSpan(from, Math.Min(Math.Min(length, other.Length - from), bytes.Length - at)).CopyTo(bytes.AsSpan(at));
                    break;
                case 6: // a piece out, or in twice
                    int end = Math.Min(bytes.Length, at + random.Next(1, 40));
                    bytes = random.Next(2) == 0 ? [.. bytes[..at], .. bytes[end..]] : [.. bytes[..end], .. bytes[at..]];
                    break;
                default:
                    bytes[at] = (byte)random.Next(256);
                    break;
            }
        }

        return bytes;
    }

    private static ulong Huge(Random random) => random.Next(6) switch
    {
        0 => ulong.MaxValue - (ulong)random.Next(64),
        1 => (ulong)long.MaxValue + (ulong)random.Next(3),
        2 => 1UL << random.Next(64),
        3 => (1UL << random.Next(1, 64)) - 1,
        4 => uint.MaxValue - (uint)random.Next(64),
        _ => (ulong)random.Next(0, 3000),
    };

    private static byte[] Small() => new GgufWriter().Add("general.architecture", "llama").Add("tokens", new[] { "a", "b" })
        .AddTensor("a", GgufTensorType.F32, [2, 2], new byte[16]).AddTensor("b", GgufTensorType.F16, [3], new byte[6]).ToArray();

    private static byte[] Nested() => new GgufWriter().Add("n", new object[] { new object[] { new object[] { new[] { 1 } } } })
        .Add("s", new[] { new[] { "x" } }).ToArray();
}

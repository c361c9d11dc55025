using System.Buffers.Binary;
using CsCheck;

namespace Halfspace.Reporting.Tests;

/// <summary>Saved indexes come back whole, and damaged files are refused with a sentence or do no harm.</summary>
public sealed class StorageTests
{
    public static TheoryData<string, int> Names() => Structures.Names();

    [Theory, MemberData(nameof(Names))]
    public void A_saved_index_reports_the_same(string name, int dimension) =>
        Gen.Select(Gen.Int[0, 100], Gen.Bool, Gen.Int[0, int.MaxValue - 1]).Sample((n, half, seed) =>
        {
            float[] points = Points(n, dimension, seed);
            PointSet set = half ? PointSet.From(points.Select(x => (Half)x).ToArray(), dimension) : PointSet.From(points, dimension);
            using Oracle.TemporaryFile file = new();
            using (HalfspaceIndex index = Structures.Build(name, set)) index.Save(file.Path);
            using HalfspaceIndex loaded = Structures.Load(name, file.Path);
            Assert.Equal(n, loaded.Count);
            Assert.Equal(dimension, loaded.Dimension);
            float[] query = Points(1, dimension, seed + 1);
            foreach (float bias in new[] { -40f, 0, 13 }) Assert.Equal(Oracle.Report(points, query, bias), loaded.Report(query, bias));
        }, seed: "0000Storage01", iter: 25, threads: 1);

    [Theory, MemberData(nameof(Names))]
    public void A_changed_byte_or_a_cut_is_refused_or_harmless(string name, int dimension)
    {
        (byte[] saved, float[] points) = Saved(name, dimension);
        Gen.Select(Gen.Int[0, saved.Length - 1], Gen.Byte[1, 255], Gen.Int[0, 9]).Sample((at, change, cut) =>
        {
            byte[] bytes = [.. saved];
            bytes[at] ^= change;
            if (cut == 0) bytes = bytes[..at];
            using Oracle.TemporaryFile file = new();
            File.WriteAllBytes(file.Path, bytes);
            try
            {
                // Only padding is not under a checksum.
                using HalfspaceIndex index = Structures.Load(name, file.Path);
                float[] query = Points(1, dimension, 7);
                Assert.Equal(Oracle.Report(points, query, 3), index.Report(query, 3));
            }
            catch (InvalidDataException e)
            {
                Assert.Contains("is not a usable Halfspace index", e.Message, StringComparison.Ordinal);
            }
        }, seed: "0000Storage01", iter: 300, threads: 1);
    }

    /// <summary>Damage that its checksums do not show: what is read must still be checked before it is used.</summary>
    [Theory, MemberData(nameof(Names))]
    public void A_forged_file_is_refused_or_harmless(string name, int dimension)
    {
        (byte[] saved, _) = Saved(name, dimension);
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, int.MaxValue - 1]).Sample((kind, seed) =>
        {
            Random random = new(seed);
            byte[] bytes = [.. saved];
            IndexFile forged = new(bytes);
            Span<byte> entry = forged.Entry(random.Next(forged.Sections));
            switch (kind)
            {
                case 0:
                    BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12 + (4 * random.Next(3))), Odd(random));
                    break;
                case 1:
                    BinaryPrimitives.WriteInt32LittleEndian(entry[(4 * random.Next(6))..], Odd(random));
                    break;
                default:
                    long offset = BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), length = BinaryPrimitives.ReadInt64LittleEndian(entry[16..]);
                    for (int i = 0; i < 4 && length >= 4; i++)
                        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan((int)(offset + random.NextInt64(length - 3))), Odd(random));
                    break;
            }

            forged.Seal();
            using Oracle.TemporaryFile file = new();
            File.WriteAllBytes(file.Path, bytes);
            try
            {
                using HalfspaceIndex index = Structures.Load(name, file.Path);
                float[] query = Points(1, index.Dimension, 7);
                foreach (float bias in new[] { float.NegativeInfinity, -9, 3 }) index.Report(query, bias);
                index.Top(query, 5);
            }
            catch (InvalidDataException e)
            {
                Assert.Contains("is not a usable Halfspace index", e.Message, StringComparison.Ordinal);
            }
        }, seed: "0000Storage01", iter: 400, threads: 1);
    }

    [Fact]
    public void A_file_of_another_kind_says_so()
    {
        using Oracle.TemporaryFile file = new();
        File.WriteAllText(file.Path, string.Concat(Enumerable.Repeat("no index at all ", 100)));
        Assert.Contains("does not begin as one", Assert.Throws<InvalidDataException>(() => HalfspaceIndex.Load(file.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(file.Path, "short");
        Assert.Contains("fewer than a header", Assert.Throws<InvalidDataException>(() => HalfspaceIndex.Load(file.Path)).Message, StringComparison.Ordinal);
        using FlatIndex flat = new(PointSet.From(new float[4], 2));
        flat.Save(file.Path);
        Assert.Throws<InvalidDataException>(() => DynamicIndex.Load(file.Path, part => new FlatIndex(part)));
        Assert.Throws<FileNotFoundException>(() => HalfspaceIndex.Load(file.Path + ".none"));
    }

    [Fact]
    public void A_file_with_the_sketches_of_before_is_sketched_anew()
    {
        PointSet points = PointSet.From(Points(300, 5, 1), 5);
        using SketchIndex sketch = new(points);
        using FlatIndex flat = new(points);
        IndexFile old = IndexFile.Of(sketch);

        // Their section had number 8, and what was in it is not looked at.
        Span<byte> entry = default;
        for (int i = 0; i < old.Sections; i++)
            if (BinaryPrimitives.ReadInt32LittleEndian(old.Entry(i)) == 10) entry = old.Entry(i);
        BinaryPrimitives.WriteInt32LittleEndian(entry, 8);
        old.Bytes.AsSpan((int)BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), 300).Fill(0xFF);
        old.Seal();
        using Oracle.TemporaryFile file = new();
        File.WriteAllBytes(file.Path, old.Bytes);
        using HalfspaceIndex loaded = HalfspaceIndex.Load(file.Path);
        HitList expected = new(), hits = new();
        foreach (float bias in (float[])[-1, 0, 0.5f, 2])
        {
            flat.Report([1, -2, 0.5f, 0, 1], bias, expected);
            loaded.Report([1, -2, 0.5f, 0, 1], bias, hits);
            Assert.Equal(expected.Ids, hits.Ids);
        }
    }

    [Theory, InlineData(0, 0), InlineData(0, 0x7F80), InlineData(0, 0x8000), InlineData(128, 0x7FC0), InlineData(134, 0xBF80), InlineData(138, 0x7F80)]
    public void Damaged_numbers_of_sketches_are_refused(int at, int upper)
    {
        using SketchIndex sketch = new(PointSet.From(Points(70, 3, 1), 3));
        IndexFile damaged = IndexFile.Of(sketch);
        int offset = 0;
        for (int i = 0; i < damaged.Sections; i++)
            if (BinaryPrimitives.ReadInt32LittleEndian(damaged.Entry(i)) == 10) offset = (int)BinaryPrimitives.ReadInt64LittleEndian(damaged.Entry(i)[8..]);

        // A scale, or the upper half of one of the three floats, of the second block.
        int block = (8 * 64) + 128 + 64, word = at < 128 ? at : (at / 4 * 4) + 2;
        BinaryPrimitives.WriteUInt16LittleEndian(damaged.Bytes.AsSpan(offset + block + (8 * 64) + word), (ushort)upper);
        damaged.Seal();
        using Oracle.TemporaryFile file = new();
        File.WriteAllBytes(file.Path, damaged.Bytes);
        string message = Assert.Throws<InvalidDataException>(() => HalfspaceIndex.Load(file.Path)).Message;
        Assert.Contains("its sketches are damaged", message, StringComparison.Ordinal);
    }

    private static int Odd(Random random) => random.Next(6) switch
    {
        0 => 0,
        1 => -1,
        2 => int.MaxValue,
        3 => random.Next(),
        4 => 1 << random.Next(31),
        _ => random.Next(200),
    };

    private static (byte[] Bytes, float[] Points) Saved(string name, int dimension)
    {
        float[] points = Points(70, dimension, 3);
        using Oracle.TemporaryFile file = new();
        using (HalfspaceIndex index = Structures.Build(name, PointSet.From(points, dimension)))
        {
            if (index is UpdatableIndex updatable)
            {
                for (int i = 0; i < 30; i++) updatable.Add(points.AsSpan(i * dimension, dimension));
                points = [.. points, .. points.Take(30 * dimension)];
            }

            index.Save(file.Path);
        }

        return (File.ReadAllBytes(file.Path), points);
    }

    private static float[] Points(int n, int dimension, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, n * dimension).Select(_ => (float)random.Next(-9, 10))];
    }
}

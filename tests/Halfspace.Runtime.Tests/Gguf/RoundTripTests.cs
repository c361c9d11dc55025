using CsCheck;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Tests.Gguf;

public sealed class RoundTripTests
{
    [Theory]
    [InlineData(2, 32)]
    [InlineData(3, 32)]
    [InlineData(3, 8)]
    [InlineData(3, 4096)]
    public void Everything_that_is_written_is_read(uint version, int alignment)
    {
        byte[] bytes = FuzzSeed.Write(version, alignment);
        using TemporaryFile disk = new(bytes);
        using GgufFile file = GgufFile.Open(disk.Path), memory = GgufFile.Read(bytes, "memory");
        foreach (GgufFile read in new[] { file, memory })
        {
            Assert.Equal(version, read.Version);
            Assert.Equal(alignment, read.Alignment);
            Assert.Equal(bytes.Length, read.Length);
            IEnumerable<string> keys = FuzzSeed.Metadata.Select(pair => pair.Key);
            Assert.Equal(alignment == 32 ? keys : keys.Prepend("general.alignment"), read.Metadata.Keys);
            foreach ((string key, object value) in FuzzSeed.Metadata) Same(value, read.Metadata.GetValue(key));

            Random random = new(3);
            foreach (GgufTensorType type in Enum.GetValues<GgufTensorType>())
            {
                byte[] data = new byte[3 * Dequantizer.BlockBytes(type)];
                random.NextBytes(data);
                GgufTensor tensor = read.Tensors[$"blk.0.{type}.weight"];
                Assert.Equal(type, tensor.Type);
                Assert.Equal([Dequantizer.BlockSize(type), 3], tensor.Dimensions);
                Assert.Equal(3 * Dequantizer.BlockSize(type), tensor.ElementCount);
                Assert.Equal(data.Length, tensor.ByteLength);
                Assert.Equal(data, tensor.Data);
                Assert.Equal(Dequantizer.BlockBytes(type), tensor.RowBytes);
                Assert.Equal(data.AsSpan((int)tensor.RowBytes, (int)tensor.RowBytes), tensor.Row(1));
                Assert.Equal(0, tensor.Offset % alignment);
                unsafe
                {
                    Assert.Equal(data, new ReadOnlySpan<byte>(tensor.Pointer, data.Length));
                }
            }

            Assert.Equal([2, 1, 3, 1], read.Tensors["four"].Dimensions);
            Assert.Equal(3, read.Tensors["four"].RowCount);
            Assert.Equal("four", read.Tensors.Keys.Last());
            Assert.Throws<ArgumentOutOfRangeException>(() => read.Tensors["four"].Row(3).Length);
            Assert.Throws<ArgumentOutOfRangeException>(() => read.Tensors["four"].Row(-1).Length);
            Assert.Throws<ArgumentOutOfRangeException>(() => read.Tensors["four"].Rows(1, long.MaxValue).Length);
        }
    }

    [Fact]
    public void Random_metadata_comes_back()
    {
        Gen<object> value = Gen.OneOf(
            Boxed(Gen.Byte), Boxed(Gen.SByte), Boxed(Gen.UShort), Boxed(Gen.Short), Boxed(Gen.UInt), Boxed(Gen.Int), Boxed(Gen.ULong),
            Boxed(Gen.Long), Boxed(Gen.Float), Boxed(Gen.Double), Boxed(Gen.Bool), Boxed(Gen.String.AlphaNumeric),
            Boxed(Gen.Int.Array[0, 9]),
            Boxed(Gen.String.AlphaNumeric.Array[0, 9]), Boxed(Gen.Bool.Array[0, 9]), Boxed(Gen.Long.Array[0, 3].Array[0, 3]));
        Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 1, 20], value).Array[0, 20].Sample(pairs =>
        {
            GgufWriter writer = new();
            Dictionary<string, object> added = [];
            foreach ((string key, object item) in pairs)
                if (added.TryAdd(key, item)) writer.Add(key, item);
            using GgufFile file = GgufFile.Read(writer.ToArray(), "memory");
            Assert.Equal(added.Count, file.Metadata.Keys.Count);
            foreach ((string key, object item) in added) Same(item, file.Metadata.GetValue(key));
        }, seed: "0000KOIKwXF3", iter: 300);
    }

    [Fact]
    public void A_closed_file_is_not_read()
    {
        GgufFile file = GgufFile.Read(FuzzSeed.Write(3, 32), "memory");
        GgufTensor tensor = file.Tensors["four"];
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tensor.Data.Length);
        Assert.Throws<ObjectDisposedException>(() => tensor.Row(0).Length);
        Assert.Throws<ObjectDisposedException>(() => file.Metadata.GetString("text"));
    }

    [Fact]
    public void Data_end_where_the_file_ends()
    {
        byte[] bytes =
            new GgufWriter().AddTensor("a", GgufTensorType.Q8_0, [32], new byte[34]).AddTensor("b", GgufTensorType.Q8_0, [32],
            new byte[34]).ToArray();
        using GgufFile file = GgufFile.Read(bytes, "memory");
        Assert.Equal(bytes.Length, file.Tensors["b"].Offset + 34);
        Assert.Equal(64, file.Tensors["b"].Offset - file.Tensors["a"].Offset);
    }

    [Fact]
    public void A_writer_refuses_what_the_format_cannot_hold()
    {
        GgufWriter writer = new GgufWriter().Add("k", 1).AddTensor("t", GgufTensorType.F32, [1], new byte[4]);
        Assert.Throws<ArgumentOutOfRangeException>(() => new GgufWriter(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GgufWriter(3, 24));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GgufWriter(3, 0));
        Assert.Throws<ArgumentException>(() => writer.Add("k", 2));
        Assert.Throws<ArgumentException>(() => writer.Add("", 2));
        Assert.Throws<ArgumentException>(() => writer.Add("\ud800", 2));
        Assert.Throws<ArgumentException>(() => writer.Add(new string('k', 65536), 2));
        Assert.Throws<ArgumentException>(() => writer.Add("general.alignment", 32u));
        Assert.Throws<ArgumentException>(() => writer.Add("d", 1m));
        Assert.Throws<ArgumentException>(() => writer.Add("d", 'c'));
        Assert.Throws<ArgumentException>(() => writer.Add("d", DayOfWeek.Friday));
        Assert.Throws<ArgumentException>(() => writer.Add("d", "\udc00"));
        Assert.Throws<ArgumentException>(() => writer.Add("d", new string?[] { "a", null }));
        Assert.Throws<ArgumentException>(() => writer.Add("d", new object[] { 1, "a" }));
        Assert.Throws<ArgumentException>(() => writer.Add("d", new int[2, 2]));
        object[] endless = new object[1];
        endless[0] = endless;
        Assert.Throws<ArgumentException>(() => writer.Add("d", endless));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("t", GgufTensorType.F32, [1], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", (GgufTensorType)4, [32], new byte[20]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", GgufTensorType.F32, [], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", GgufTensorType.F32, [1, 1, 1, 1, 1], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", GgufTensorType.F32, [0], []));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", GgufTensorType.F32, [2], new byte[4]));
        Assert.Throws<ArgumentException>(() =>
            writer.AddTensor("u", GgufTensorType.F32, [1L << 32, 1L << 32, 1L << 32, 1L << 32], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", GgufTensorType.Q8_0, [16, 2], new byte[34]));
        using GgufFile file = GgufFile.Read(writer.ToArray(), "memory");
        Assert.Equal(["k"], file.Metadata.Keys);
        Assert.Equal(["t"], file.Tensors.Keys);
    }

    private static Gen<object> Boxed<T>(Gen<T> gen) where T : notnull => gen.Select(value => (object)value);

    private static void Same(object expected, object actual)
    {
        if (expected is Array array && array.GetType().GetElementType() is { } element && (element == typeof(object) || element.IsArray))
        {
            object[] items = Assert.IsType<object[]>(actual);
            Assert.Equal(array.Length, items.Length);
            for (int i = 0; i < items.Length; i++) Same(array.GetValue(i)!, items[i]);
            return;
        }

        Assert.Equal(expected.GetType(), actual.GetType());
        Assert.Equal(expected, actual);
    }
}

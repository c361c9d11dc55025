using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Tests.Gguf;

public sealed class MetadataTests : IDisposable
{
    private readonly GgufFile _file = GgufFile.Read(FuzzSeed.Write(3, 32), "model.gguf");

    private GgufMetadata Metadata => _file.Metadata;

    public void Dispose() => _file.Dispose();

    [Fact]
    public void Integers_of_every_width_are_read_if_they_fit()
    {
        Assert.Equal(200, Metadata.GetInt64("u8"));
        Assert.Equal(-100, Metadata.GetInt32("i8"));
        Assert.Equal(60_000u, Metadata.GetUInt32("u16"));
        Assert.Equal(-30_000, Metadata.GetInt32("i16"));
        Assert.Equal(4_000_000_000u, Metadata.GetUInt32("u32"));
        Assert.Equal(4_000_000_000, Metadata.GetInt64("u32"));
        Assert.Equal(-2_000_000_000, Metadata.GetInt64("i32"));
        Assert.Equal(long.MinValue, Metadata.GetInt64("i64"));
        Fails(() => Metadata.GetInt64("u64"), "'u64'", "does not fit");
        Fails(() => Metadata.GetInt32("u32"), "'u32'", "does not fit");
        Fails(() => Metadata.GetUInt32("i8"), "'i8'", "does not fit");
        Fails(() => Metadata.GetInt32("i64"), "'i64'", "does not fit");
    }

    [Fact]
    public void Arrays_are_read_as_what_they_hold()
    {
        Assert.Equal(["a", "", "ä€"], Metadata.GetStringArray("strings"));
        Assert.Equal([], Metadata.GetStringArray("none"));
        Assert.Equal([1, 2, 255], Metadata.GetInt32Array("bytes"));
        Assert.Equal([-1, 1], Metadata.GetInt32Array("i8s"));
        Assert.Equal([1, 65535], Metadata.GetInt32Array("u16s"));
        Assert.Equal([-5, 6, 7], Metadata.GetInt32Array("i32s"));
        Assert.Equal([-5], Metadata.GetInt32Array("i64s"));
        Assert.Equal([1.5f, float.NegativeInfinity], Metadata.GetFloatArray("f32s"));
        Assert.Equal([1.5f, -2.5f], Metadata.GetFloatArray("f64s"));
        Assert.Equal((GgufValueType.Bool, 3L), Metadata.GetArrayShape("bools"));
        Fails(() => Metadata.GetInt32Array("u32s"), "'u32s'", "does not fit");
        Fails(() => Metadata.GetInt32Array("u64s"), "'u64s'", "does not fit");
    }

    [Fact]
    public void Other_values_are_read()
    {
        Assert.Equal("Grüße, 世界 🌍\n", Metadata.GetString("text"));
        Assert.Equal((float)Math.PI, Metadata.GetFloat("f64"));
        Assert.Equal(0x80000000, BitConverter.SingleToUInt32Bits(Metadata.GetFloat("f32")));
        Assert.True(Metadata.GetBool("yes"));
        Assert.False(Metadata.GetBool("no"));
        Assert.Equal(GgufValueType.Float64, Metadata.TypeOf("f64"));
    }

    [Fact]
    public void A_fallback_stands_in_for_what_is_missing_only()
    {
        Assert.Equal("x", Metadata.GetString("missing", "x"));
        Assert.Null(Metadata.GetString("missing", null));
        Assert.Equal(-1, Metadata.GetInt64("missing", -1));
        Assert.Equal(-1, Metadata.GetInt32("missing", -1));
        Assert.Equal(1u, Metadata.GetUInt32("missing", 1));
        Assert.Equal(2.5f, Metadata.GetFloat("missing", 2.5f));
        Assert.True(Metadata.GetBool("missing", true));
        Assert.Null(Metadata.GetStringArray("missing", null));
        Assert.Null(Metadata.GetInt32Array("missing", null));
        Assert.Null(Metadata.GetFloatArray("missing", null));
        Assert.Equal("llama", Metadata.GetString("general.architecture", "x"));
        Fails(() => Metadata.GetString("u8", "x"), "'u8'", "UInt8", "a string");
    }

    [Fact]
    public void A_missing_key_or_another_type_is_named()
    {
        Fails(() => Metadata.GetString("missing"), "'missing'", "is missing");
        Fails(() => Metadata.GetValue("missing"), "'missing'");
        Fails(() => Metadata.TypeOf("missing"), "'missing'");
        Fails(() => Metadata.GetInt64("f32"), "'f32'", "Float32", "an integer");
        Fails(() => Metadata.GetInt64("yes"), "'yes'", "Bool");
        Fails(() => Metadata.GetInt64("i32s"), "'i32s'", "an array of 3 × Int32");
        Fails(() => Metadata.GetFloat("u8"), "'u8'", "a floating-point number");
        Fails(() => Metadata.GetBool("u8"), "'u8'", "a bool");
        Fails(() => Metadata.GetStringArray("text"), "'text'", "an array of strings");
        Fails(() => Metadata.GetStringArray("bytes"), "'bytes'", "an array of strings");
        Fails(() => Metadata.GetInt32Array("strings"), "'strings'", "an array of integers");
        Fails(() => Metadata.GetInt32Array("bools"), "'bools'", "an array of integers");
        Fails(() => Metadata.GetFloatArray("i32s"), "'i32s'");
        Fails(() => Metadata.GetArrayShape("text"), "'text'", "an array");
    }

    [Fact]
    public void Text_that_is_not_unicode_is_named_when_it_is_read()
    {
        byte[] bytes =
            RawGguf.Header(0,
            2).Text("name").U32(8).U64(1).Byte(0xFF).Text("tokens").U32(9).U32(8).U64(2).Text("a").U64(1).Byte(0x80).ToArray();
        using GgufFile file = GgufFile.Read(bytes, "model.gguf");
        Fails(() => file.Metadata.GetString("name"), "'name'", "not UTF-8");
        Fails(() => file.Metadata.GetValue("name"), "'name'", "not UTF-8");
        Fails(() => file.Metadata.GetStringArray("tokens"), "'tokens'", "not UTF-8");
    }

    private static void Fails(Func<object> read, params string[] says) =>
        HostileFileTests.Says(Assert.Throws<GgufException>(read), "model.gguf: ", says);
}

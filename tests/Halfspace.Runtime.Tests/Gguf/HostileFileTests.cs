using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Tests.Gguf;

/// <summary>One wrong field a file; the sentence must name the file, the field, and say what to do.</summary>
public sealed class HostileFileTests
{
    private const uint F32 = 0, Q4K = 12, String = 8, ArrayType = 9, Bool = 7, U32 = 4;

    private static readonly Dictionary<string, (byte[] File, string[] Says)> Cases = new()
    {
        ["nothing"] = ([], ["empty", "give a model's GGUF file"]),
        ["text"] = ("Once upon a time"u8.ToArray(), ["magic", "'Once'", "give a model's GGUF file"]),
        ["one byte"] = ("G"u8.ToArray(), ["magic", "'G'"]),
        ["a terminal's control codes"] = ([0x1B, (byte)'[', (byte)'2', (byte)'J', 0], ["magic", "'?[2J'"]),
        ["magic alone"] = ("GGUF"u8.ToArray(), ["the version", "needs 4 bytes", "0 are left"]),
        ["version 1"] = (RawGguf.Header(0, 0, 1).ToArray(), ["the version", "is 1", "convert"]),
        ["version 4"] = (RawGguf.Header(0, 0, 4).ToArray(), ["the version", "is 4"]),
        ["big-endian version"] = (RawGguf.Header(0, 0, 0x03000000).ToArray(), ["big-endian", "little-endian"]),
        ["big-endian magic"] = ([.. "FUGG"u8, .. new byte[20]], ["big-endian"]),
        ["no counts"] = (new RawGguf().Bytes("GGUF"u8).U32(3).ToArray(), ["the tensor count"]),
        ["no metadata count"] = (new RawGguf().Bytes("GGUF"u8).U32(3).U64(0).ToArray(), ["the metadata count", "needs 8 bytes"]),
        ["tensor count"] = (RawGguf.Header(ulong.MaxValue, 0).ToArray(), ["the tensor count", "18446744073709551615", "fetch or convert"]),
        ["tensor count within the file but not its entries"] =
            (RawGguf.Header(3, 0).Bytes(new byte[64]).ToArray(), ["the tensor count", "is 3", "at most 2"]),
        ["metadata count"] = (RawGguf.Header(0, 1UL << 40).ToArray(), ["the metadata count", "1099511627776"]),
        ["key length"] = (RawGguf.Header(0, 1).U64(1UL << 63).Bytes(new byte[32]).ToArray(), ["the key's length", "9223372036854775808"]),
        ["empty key"] = (RawGguf.Header(0, 1).Text("").U32(U32).U32(0).ToArray(), ["the key", "empty"]),
        ["long key"] =
            (RawGguf.Header(0, 1).Text(new string('k', 65536)).U32(U32).U32(0).ToArray(), ["the key's length", "65536", "65535"]),
        ["key that is no text"] = (RawGguf.Header(0, 1).U64(2).Bytes([0xC3, 0x28]).U32(U32).U32(0).ToArray(), ["the key", "not UTF-8"]),
        ["key that occurs twice"] =
            (RawGguf.Header(0, 2).Text("k").U32(U32).U32(0).Text("k").U32(U32).U32(0).ToArray(), ["'k'", "occurs twice"]),
        ["value type"] = (RawGguf.Header(0, 1).Text("k").U32(13).U32(0).ToArray(), ["the value type", "'k'", "is 13"]),
        ["value cut off"] = (RawGguf.Header(0, 1).Text("keys").U32(10).U32(0).ToArray(), ["the value", "'keys'", "needs 8 bytes"]),
        ["bool"] = (RawGguf.Header(0, 1).Text("k").U32(Bool).Byte(2).ToArray(), ["the bool", "'k'", "neither 0 nor 1"]),
        ["bool in an array"] =
            (RawGguf.Header(0, 1).Text("k").U32(ArrayType).U32(Bool).U64(3).Bytes([0, 1, 255]).ToArray(), ["the bool", "'k'"]),
        ["string length"] =
            (RawGguf.Header(0, 1).Text("k").U32(String).U64(ulong.MaxValue).ToArray(),
                ["the string length", "'k'", "18446744073709551615"]),
        ["array element type"] =
            (RawGguf.Header(0, 1).Text("k").U32(ArrayType).U32(99).U64(0).ToArray(), ["the array's element type", "is 99"]),
        ["array length whose bytes overflow"] =
            (RawGguf.Header(0, 1).Text("k").U32(ArrayType).U32(10).U64((1UL << 61) + 1).U64(0).ToArray(),
                ["the array length", "'k'", "2305843009213693953"]),
        ["array of strings length"] =
            (RawGguf.Header(0, 1).Text("k").U32(ArrayType).U32(String).U64(3).U64(0).U64(0).ToArray(),
                ["the array length", "is 3", "at most 2"]),
        ["string length in an array"] =
            (RawGguf.Header(0, 1).Text("k").U32(ArrayType).U32(String).U64(1).U64(9).ToArray(),
                ["a string length of the array", "'k'", "is 9"]),
        ["inner element type"] =
            (RawGguf.Header(0, 1).Text("k").U32(ArrayType).U32(ArrayType).U64(1).U32(77).U64(0).ToArray(),
                ["the element type of an inner array", "is 77"]),
        ["inner array length"] =
            (RawGguf.Header(0, 1).Text("k").U32(ArrayType).U32(ArrayType).U64(1).U32(U32).U64(5).ToArray(), ["the array length", "is 5"]),
        ["deep arrays"] = (Nested(9), ["the nesting of arrays", "'k'", "deeper than 8"]),
        ["very deep arrays"] = (Nested(100_000), ["the nesting of arrays", "deeper than 8"]),
        ["alignment 0"] =
            (RawGguf.Header(0, 1).Text("general.alignment").U32(U32).U32(0).ToArray(), ["'general.alignment'", "is 0", "power of two"]),
        ["alignment 48"] = (RawGguf.Header(0, 1).Text("general.alignment").U32(U32).U32(48).ToArray(), ["'general.alignment'", "is 48"]),
        ["alignment 4"] = (RawGguf.Header(0, 1).Text("general.alignment").U32(U32).U32(4).ToArray(), ["'general.alignment'", "is 4"]),
        ["alignment of 64 bits"] =
            (RawGguf.Header(0, 1).Text("general.alignment").U32(10).U64(1UL << 63).ToArray(), ["'general.alignment'", "does not fit"]),
        ["alignment as text"] =
            (RawGguf.Header(0, 1).Text("general.alignment").U32(String).Text("32").ToArray(), ["'general.alignment'", "String", "integer"]),
        ["alignment beyond the file"] =
            (RawGguf.Header(1, 1).Text("general.alignment").U32(U32).U32(1 << 30).Tensor("t", [8], F32, 0).Data(32).ToArray(),
                ["the data", "'t'", "beyond the file"]),
        ["tensor name length"] =
            (RawGguf.Header(1, 0).U64(1UL << 50).Bytes(new byte[40]).ToArray(), ["the name's length", "the tensor 0", "1125899906842624"]),
        ["empty tensor name"] = (RawGguf.Header(1, 0).Tensor("", [8], F32, 0).Data(32).ToArray(), ["the name", "the tensor 0", "empty"]),
        ["tensor name that is no text"] =
            (RawGguf.Header(1, 0).U64(1).Byte(0xFF).U32(1).U64(8).U32(F32).U64(0).Data(32).ToArray(), ["the name", "not UTF-8"]),
        ["tensor that occurs twice"] =
            (RawGguf.Header(2, 0).Tensor("t", [8], F32, 0).Tensor("t", [8], F32, 32).Data(64).ToArray(),
                ["the name", "'t'", "occurs twice"]),
        ["no dimension"] = (RawGguf.Header(1, 0).Tensor("t", [], F32, 0).Data(32).ToArray(), ["the number of dimensions", "'t'", "is 0"]),
        ["five dimensions"] =
            (RawGguf.Header(1, 0).Tensor("t", [1, 1, 1, 1, 1], F32, 0).Data(32).ToArray(), ["the number of dimensions", "is 5"]),
        ["many dimensions"] =
            (RawGguf.Header(1, 0).Text("t").U32(uint.MaxValue).Bytes(new byte[64]).ToArray(), ["the number of dimensions", "4294967295"]),
        ["dimension 0"] = (RawGguf.Header(1, 0).Tensor("t", [8, 0], F32, 0).Data(32).ToArray(), ["a dimension", "'t'", "is 0"]),
        ["dimension above 63 bits"] =
            (RawGguf.Header(1, 0).Tensor("t", [1UL << 63], F32, 0).Data(32).ToArray(), ["a dimension", "9223372036854775808"]),
        ["product that overflows to 0"] =
            (RawGguf.Header(1, 0).Tensor("t", [1UL << 32, 1UL << 32], F32, 0).Data(32).ToArray(), ["the product of dimensions", "'t'"]),
        ["product that overflows to 8"] =
            (RawGguf.Header(1, 0).Tensor("t", [8, (1UL << 61) + 1], F32, 0).Data(32).ToArray(), ["the product of dimensions", "'t'"]),
        ["product whose bytes overflow"] =
            (RawGguf.Header(1, 0).Tensor("t", [(1UL << 62) + 8], F32, 0).Data(32).ToArray(),
                ["the product of dimensions", "more than the whole file"]),
        ["tensor type removed from the format"] =
            (RawGguf.Header(1, 0).Tensor("t", [32], 4, 0).Data(32).ToArray(), ["the type", "'t'", "is 4", "Q4_K"]),
        ["tensor type not supported"] =
            (RawGguf.Header(1, 0).Tensor("t", [256], 16, 0).Data(96).ToArray(), ["the type", "'t'", "16 (IQ2_XXS)", "Q8_0"]),
        ["tensor type unknown"] = (RawGguf.Header(1, 0).Tensor("t", [32], uint.MaxValue, 0).Data(32).ToArray(), ["the type", "4294967295"]),
        ["row that cuts a block"] =
            (RawGguf.Header(1, 0).Tensor("t", [128, 2], Q4K, 0).Data(144).ToArray(), ["the first dimension", "is 128", "256"]),
        ["misaligned offset"] =
            (RawGguf.Header(1, 0).Tensor("t", [8], F32, 4).Data(64).ToArray(), ["the offset", "'t'", "is 4", "alignment 32"]),
        ["offset beyond the file"] =
            (RawGguf.Header(1, 0).Tensor("t", [8], F32, ulong.MaxValue - 31).Data(64).ToArray(), ["the offset", "18446744073709551584"]),
        ["data cut off"] = (RawGguf.Header(1, 0).Tensor("t", [9], F32, 0).Data(32).ToArray(), ["the data", "'t'", "needs 36 bytes"]),
        ["offset within the file, data not"] =
            (RawGguf.Header(1, 0).Tensor("t", [8], F32, 32).Data(32).ToArray(), ["the data", "'t'", "beyond the file"]),
        ["no data at all"] = (RawGguf.Header(1, 0).Tensor("t", [8], F32, 0).ToArray(), ["the data", "'t'"]),
        ["overlap"] =
            (RawGguf.Header(2, 0).Tensor("a", [16], F32, 0).Tensor("b", [8], F32, 32).Data(128).ToArray(),
                ["the data", "'b'", "overlaps", "'a'"]),
        ["overlap in another order"] =
            (RawGguf.Header(3, 0).Tensor("a", [8], F32, 64).Tensor("b", [24], F32, 0).Tensor("c", [8], F32, 96).Data(128).ToArray(),
                ["the data", "overlaps", "'a'"]),
        ["the same data twice"] =
            (RawGguf.Header(2, 0).Tensor("a", [8], F32, 0).Tensor("b", [8], F32, 0).Data(32).ToArray(), ["the data", "overlaps"]),
        ["description cut off"] = (RawGguf.Header(1, 0).Text("tensor").U32(2).U64(1).U64(1).U32(F32).ToArray(), ["the offset", "'tensor'"]),
        ["name with a line break and an escape"] =
            (RawGguf.Header(0, 1).Text("a\n\u001b[31mb\u202e").U32(13).ToArray(), ["the value type", "'a??[31mb?'"]),
        ["name too long to show"] =
            (RawGguf.Header(0, 1).Text(new string('x', 1000)).U32(13).ToArray(), ["the value type", new string('x', 64) + "…'"]),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory, MemberData(nameof(Names))]
    public void A_wrong_field_is_named(string name)
    {
        (byte[] file, string[] says) = Cases[name];
        Says(Assert.Throws<GgufException>(() => GgufFile.Read(file, "model.gguf")), "model.gguf", says);
    }

    [Theory, MemberData(nameof(Names))]
    public void A_wrong_file_on_disk_says_the_same(string name)
    {
        using TemporaryFile file = new(Cases[name].File);
        GgufException error = Assert.Throws<GgufException>(() => GgufFile.Open(file.Path));
        Says(error, file.Path, Cases[name].Says);
        File.Delete(file.Path); // nothing holds it
    }

    [Fact]
    public void Eight_levels_of_arrays_are_read()
    {
        using GgufFile file = GgufFile.Read(Nested(8), "model.gguf");
        Assert.Equal((GgufValueType.Array, 1L), file.Metadata.GetArrayShape("k"));
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        byte[] whole = FuzzSeed.Write(3, 32);
        for (int length = 0; length < whole.Length; length++)
        {
            byte[] cut = whole[..length];
            Says(Assert.Throws<GgufException>(() => GgufFile.Read(cut, "model.gguf")), "model.gguf", []);
        }
    }

    [Fact]
    public void A_path_without_a_file_says_so()
    {
        string missing = Path.Combine(Path.GetTempPath(), "halfspace-no-such-folder", "model.gguf");
        Says(Assert.Throws<GgufException>(() => GgufFile.Open(missing)), missing, ["no such file"]);
        Says(Assert.Throws<GgufException>(() => GgufFile.Open(Path.GetTempPath())), Path.GetTempPath(), ["directory"]);
        Says(Assert.Throws<GgufException>(() => GgufFile.Open("")), "The path", ["empty"]);
        Says(Assert.Throws<GgufException>(() => GgufFile.Open("a\0b")), "The path", ["'a?b'", "cannot be"]);
        using TemporaryFile file = new([1, 2, 3]);
        string below = Path.Combine(file.Path, "model.gguf");
        Says(Assert.Throws<GgufException>(() => GgufFile.Open(below)), below, []);
    }

    [Fact]
    public void A_file_without_permission_says_so()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "permissions do not bind this user");
        if (OperatingSystem.IsWindows()) return;
        using TemporaryFile file = new([1]);
        File.SetUnixFileMode(file.Path, UnixFileMode.None);
        Says(Assert.Throws<GgufException>(() => GgufFile.Open(file.Path)), file.Path, ["may not be read"]);
    }

    internal static void Says(GgufException error, string begins, string[] parts)
    {
        string message = error.Message;
        Assert.StartsWith(begins, message, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
        Assert.EndsWith(".", message, StringComparison.Ordinal);
        string sentence = message[begins.Length..];
        Assert.DoesNotContain(". ", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain(sentence, char.IsControl);
        Assert.Contains(sentence, c => c is ';' or ':');
        Assert.InRange(sentence.Length, 20, 400);
    }

    private static byte[] Nested(int depth)
    {
        RawGguf file = RawGguf.Header(0, 1).Text("k").U32(ArrayType);
        for (int i = 1; i < depth; i++) file.U32(ArrayType).U64(1);
        return file.U32(U32).U64(0).ToArray();
    }
}

using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Halfspace.Runtime.Gguf;

/// <summary>
/// A GGUF file's key–value pairs, in the file's order. Values stay in the file until they are asked for, and every call reads them anew,
/// so an array that is needed twice should be kept. Safe for concurrent readers while the file is open.
/// </summary>
public sealed class GgufMetadata
{
    private readonly GgufFile _file;
    private readonly OrderedDictionary<string, GgufValue> _values;

    internal GgufMetadata(GgufFile file, OrderedDictionary<string, GgufValue> values) => (_file, _values) = (file, values);

    /// <summary>All keys.</summary>
    public IReadOnlyCollection<string> Keys => _values.Keys;

    /// <summary>Whether the file has the key.</summary>
    public bool Contains(string key) => _values.ContainsKey(key);

    /// <summary>The type of a key's value.</summary>
    /// <exception cref="GgufException">The key is missing.</exception>
    public GgufValueType TypeOf(string key) => Find(key).Type;

    /// <summary>The type of an array's elements and their number.</summary>
    /// <exception cref="GgufException">The key is missing or no array.</exception>
    public (GgufValueType Element, long Count) GetArrayShape(string key)
    {
        GgufValue array = FindArray(key, "an array");
        return (array.Element, array.Count);
    }

    /// <summary>A value of any type: a number, bool, string, an array of those, or object[] for arrays of arrays.</summary>
    /// <exception cref="GgufException">The key is missing, or its text is not UTF-8.</exception>
    public object GetValue(string key)
    {
        GgufValue value = Find(key);
        if (value.Type == GgufValueType.String) return GetString(key);
        GgufReader reader = Reader(key, value);
        return value.Type == GgufValueType.Array ? GgufValue.ReadArray(ref reader, value.Element, FindArray(key, "an array").Count)
            : GgufValue.Read(ref reader, value.Type);
    }

    /// <summary>A string.</summary>
    /// <exception cref="GgufException">The key is missing, of another type, or not UTF-8.</exception>
    public string GetString(string key)
    {
        GgufValue value = Find(key);
        if (value.Type != GgufValueType.String) throw Wrong(key, value, "a string");
        return Reader(key, value).Utf8("the value", value.Count);
    }

    /// <summary>A string, or <paramref name="fallback"/> if the key is missing.</summary>
    /// <exception cref="GgufException">The value is of another type or not UTF-8.</exception>
    [return: NotNullIfNotNull(nameof(fallback))]
    public string? GetString(string key, string? fallback) => Contains(key) ? GetString(key) : fallback;

    /// <summary>An integer of any width and sign that fits.</summary>
    /// <exception cref="GgufException">The key is missing, of another type, or does not fit.</exception>
    public long GetInt64(string key)
    {
        GgufValue value = Find(key);
        if (Integer(value.Type, value.Offset, out long number)) return number;
        throw IsInteger(value.Type) ? TooLarge(key, "64 bits with sign") : Wrong(key, value, "an integer");
    }

    /// <summary>An integer, or <paramref name="fallback"/> if the key is missing.</summary>
    /// <exception cref="GgufException">The value is of another type or does not fit.</exception>
    public long GetInt64(string key, long fallback) => Contains(key) ? GetInt64(key) : fallback;

    /// <summary>An integer of any width and sign whose value fits.</summary>
    /// <exception cref="GgufException">The key is missing, of another type, or does not fit.</exception>
    public int GetInt32(string key) =>
        GetInt64(key) is >= int.MinValue and <= int.MaxValue and long value ? (int)value : throw TooLarge(key, "32 bits with sign");

    /// <summary>An integer, or <paramref name="fallback"/> if the key is missing.</summary>
    /// <exception cref="GgufException">The value is of another type or does not fit.</exception>
    public int GetInt32(string key, int fallback) => Contains(key) ? GetInt32(key) : fallback;

    /// <summary>An integer of any width and sign whose value fits.</summary>
    /// <exception cref="GgufException">The key is missing, of another type, or does not fit.</exception>
    public uint GetUInt32(string key) =>
        GetInt64(key) is >= 0 and <= uint.MaxValue and long value ? (uint)value : throw TooLarge(key, "32 bits without sign");

    /// <summary>An integer, or <paramref name="fallback"/> if the key is missing.</summary>
    /// <exception cref="GgufException">The value is of another type or does not fit.</exception>
    public uint GetUInt32(string key, uint fallback) => Contains(key) ? GetUInt32(key) : fallback;

    /// <summary>A floating-point number; one of 64 bits is rounded.</summary>
    /// <exception cref="GgufException">The key is missing or of another type.</exception>
    public float GetFloat(string key)
    {
        GgufValue value = Find(key);
        return IsFloat(value.Type) ? (float)Float(value.Type, value.Offset) : throw Wrong(key, value, "a floating-point number");
    }

    /// <summary>A floating-point number, or <paramref name="fallback"/> if the key is missing.</summary>
    /// <exception cref="GgufException">The value is of another type.</exception>
    public float GetFloat(string key, float fallback) => Contains(key) ? GetFloat(key) : fallback;

    /// <summary>A truth value.</summary>
    /// <exception cref="GgufException">The key is missing or of another type.</exception>
    public bool GetBool(string key)
    {
        GgufValue value = Find(key);
        return value.Type == GgufValueType.Bool ? _file.Bytes(value.Offset, 1)[0] != 0 : throw Wrong(key, value, "a bool");
    }

    /// <summary>A truth value, or <paramref name="fallback"/> if the key is missing.</summary>
    /// <exception cref="GgufException">The value is of another type.</exception>
    public bool GetBool(string key, bool fallback) => Contains(key) ? GetBool(key) : fallback;

    /// <summary>A new array of the strings.</summary>
    /// <exception cref="GgufException">The key is missing, of another type, or holds text that is not UTF-8.</exception>
    public string[] GetStringArray(string key)
    {
        GgufValue array = FindArray(key, "an array of strings");
        if (array.Element != GgufValueType.String) throw Wrong(key, array, "an array of strings");
        string[] values = new string[array.Count];
        GgufReader reader = Reader(key, array);
        for (int i = 0; i < values.Length; i++) values[i] = reader.Text("a string");
        return values;
    }

    /// <summary>A new array of the strings, or <paramref name="fallback"/> if the key is missing.</summary>
    /// <exception cref="GgufException">The value is of another type or holds text that is not UTF-8.</exception>
    [return: NotNullIfNotNull(nameof(fallback))]
    public string[]? GetStringArray(string key, string[]? fallback) => Contains(key) ? GetStringArray(key) : fallback;

    /// <summary>A new array of integers, stored in any width and sign.</summary>
    /// <exception cref="GgufException">The key is missing, of another type, or a value does not fit.</exception>
    public int[] GetInt32Array(string key)
    {
        GgufValue array = FindArray(key, "an array of integers");
        if (!IsInteger(array.Element)) throw Wrong(key, array, "an array of integers");
        int[] values = new int[array.Count];
        int size = SizeOf(array.Element);
        for (int i = 0; i < values.Length; i++)
        {
            if (!Integer(array.Element, array.Offset + (long)i * size, out long value) || value != (int)value)
                throw TooLarge(key, "32 bits with sign");
            values[i] = (int)value;
        }

        return values;
    }

    /// <summary>A new array of integers, or <paramref name="fallback"/> if the key is missing.</summary>
    /// <exception cref="GgufException">The value is of another type or does not fit.</exception>
    [return: NotNullIfNotNull(nameof(fallback))]
    public int[]? GetInt32Array(string key, int[]? fallback) => Contains(key) ? GetInt32Array(key) : fallback;

    /// <summary>A new array of floating-point numbers; those of 64 bits are rounded.</summary>
    /// <exception cref="GgufException">The key is missing or of another type.</exception>
    public float[] GetFloatArray(string key)
    {
        GgufValue array = FindArray(key, "an array of floating-point numbers");
        if (!IsFloat(array.Element)) throw Wrong(key, array, "an array of floating-point numbers");
        float[] values = new float[array.Count];
        for (int i = 0; i < values.Length; i++) values[i] = (float)Float(array.Element, array.Offset + (long)i * SizeOf(array.Element));
        return values;
    }

    /// <summary>A new array of floating-point numbers, or <paramref name="fallback"/> if the key is missing.</summary>
    /// <exception cref="GgufException">The value is of another type.</exception>
    [return: NotNullIfNotNull(nameof(fallback))]
    public float[]? GetFloatArray(string key, float[]? fallback) => Contains(key) ? GetFloatArray(key) : fallback;

    /// <summary>Bytes of a value of fixed size; 0 for strings and arrays.</summary>
    internal static int SizeOf(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };

    private static bool IsFloat(GgufValueType type) => type is GgufValueType.Float32 or GgufValueType.Float64;

    private static bool IsInteger(GgufValueType type) => SizeOf(type) != 0 && !IsFloat(type) && type != GgufValueType.Bool;

    private GgufValue Find(string key) => _values.TryGetValue(key, out GgufValue value) ? value
        : throw Error(key, "is missing; use a file that was converted for text generation.");

    private GgufValue FindArray(string key, string wanted)
    {
        GgufValue value = Find(key);
        return value.Type == GgufValueType.Array && value.Count <= Array.MaxLength ? value : throw Wrong(key, value, wanted);
    }

    private GgufException Wrong(string key, GgufValue value, string wanted)
    {
        string held = value.Type == GgufValueType.Array ? $"an array of {GgufText.Number(value.Count)} × {value.Element}" : $"{value.Type}";
        return Error(key, $"is {held} where {wanted} is expected; convert the model again.");
    }

    private GgufException TooLarge(string key, string room) =>
        Error(key, $"holds a number that does not fit into {room}; the file is damaged, so fetch or convert it again.");

    private GgufException Error(string key, string problem) => new($"{_file.Name}: the metadata key {GgufText.Quote(key)} {problem}");

    private bool Integer(GgufValueType type, long offset, out long value)
    {
        ReadOnlySpan<byte> bytes = _file.Bytes(offset, SizeOf(type));
        value = type switch
        {
            GgufValueType.UInt8 => bytes[0],
            GgufValueType.Int8 => (sbyte)bytes[0],
            GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            GgufValueType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            GgufValueType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            GgufValueType.UInt64 or GgufValueType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            _ => 0,
        };
        return IsInteger(type) && (type != GgufValueType.UInt64 || value >= 0);
    }

    private double Float(GgufValueType type, long offset) => type == GgufValueType.Float32
        ? BinaryPrimitives.ReadSingleLittleEndian(_file.Bytes(offset, sizeof(float)))
        : BinaryPrimitives.ReadDoubleLittleEndian(_file.Bytes(offset, sizeof(double)));

    private GgufReader Reader(string key, GgufValue value)
    {
        GgufReader reader = _file.Reader();
        reader.Enter("the metadata key", -1);
        reader.Named = key;
        reader.Position = value.Offset;
        return reader;
    }
}

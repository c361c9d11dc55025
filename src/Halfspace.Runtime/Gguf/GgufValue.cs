using System.Text;

namespace Halfspace.Runtime.Gguf;

/// <summary>Where a metadata value lies in the file.</summary>
/// <param name="Type">The value's type.</param>
/// <param name="Element">An array's element type.</param>
/// <param name="Offset">The first byte of a number, of a string's text, or of an array's first element.</param>
/// <param name="Count">A string's bytes or an array's elements.</param>
internal readonly record struct GgufValue(GgufValueType Type, GgufValueType Element, long Offset, long Count)
{
    /// <summary>Reads a checked value of any type as an object.</summary>
    public static object Read(ref GgufReader reader, GgufValueType type)
    {
        const string Field = "the value";
        switch (type)
        {
            case GgufValueType.UInt8: return reader.Take(Field, 1)[0];
            case GgufValueType.Int8: return (sbyte)reader.Take(Field, 1)[0];
            case GgufValueType.Bool: return reader.Take(Field, 1)[0] != 0;
            case GgufValueType.UInt16: return BitConverter.ToUInt16(reader.Take(Field, sizeof(ushort)));
            case GgufValueType.Int16: return BitConverter.ToInt16(reader.Take(Field, sizeof(short)));
            case GgufValueType.UInt32: return reader.UInt32(Field);
            case GgufValueType.Int32: return (int)reader.UInt32(Field);
            case GgufValueType.Float32: return BitConverter.UInt32BitsToSingle(reader.UInt32(Field));
            case GgufValueType.UInt64: return reader.UInt64(Field);
            case GgufValueType.Int64: return (long)reader.UInt64(Field);
            case GgufValueType.Float64: return BitConverter.UInt64BitsToDouble(reader.UInt64(Field));
            case GgufValueType.String: return reader.Text(Field);
            default:
                GgufValueType element = (GgufValueType)reader.UInt32(Field);
                long count = (long)reader.UInt64(Field);
                return ReadArray(ref reader, element, count);
        }
    }

    /// <summary>Reads a checked array's elements, from the first on, into an array of their own type.</summary>
    public static Array ReadArray(ref GgufReader reader, GgufValueType element, long count)
    {
        Array values = element switch
        {
            GgufValueType.UInt8 => new byte[count],
            GgufValueType.Int8 => new sbyte[count],
            GgufValueType.Bool => new bool[count],
            GgufValueType.UInt16 => new ushort[count],
            GgufValueType.Int16 => new short[count],
            GgufValueType.UInt32 => new uint[count],
            GgufValueType.Int32 => new int[count],
            GgufValueType.Float32 => new float[count],
            GgufValueType.UInt64 => new ulong[count],
            GgufValueType.Int64 => new long[count],
            GgufValueType.Float64 => new double[count],
            GgufValueType.String => new string[count],
            _ => new object[count],
        };
        for (long i = 0; i < count; i++) values.SetValue(Read(ref reader, element), i);
        return values;
    }
}

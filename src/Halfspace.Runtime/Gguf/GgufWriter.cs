using System.Text;

namespace Halfspace.Runtime.Gguf;

/// <summary>Builds a GGUF file from metadata and tensors, which are written in the order in which they were added.</summary>
public sealed class GgufWriter
{
    private readonly OrderedDictionary<string, object> _metadata = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);
    private readonly uint _version;
    private readonly int _alignment;

    /// <summary>An empty file.</summary>
    /// <param name="version">The format's version: 2 or 3.</param>
    /// <param name="alignment">
    /// What offsets of tensors are multiples of: a power of two from 8 on. Another value than 32 is stored in the metadata.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The version or the alignment is another.</exception>
    public GgufWriter(uint version = 3, int alignment = GgufFile.DefaultAlignment)
    {
        if (version is not (2 or 3)) throw new ArgumentOutOfRangeException(nameof(version), version, "The version must be 2 or 3.");
        if (alignment < 8 || !int.IsPow2(alignment))
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, "The alignment must be a power of two from 8 on.");
        _version = version;
        _alignment = alignment;
        if (alignment != GgufFile.DefaultAlignment) _metadata.Add(GgufFile.AlignmentKey, (uint)alignment);
    }

    /// <summary>Adds a key and its value.</summary>
    /// <param name="key">1 to 65,535 bytes of UTF-8, used once.</param>
    /// <param name="value">
    /// A byte, sbyte, ushort, short, uint, int, ulong, long, float, double, bool, string, an array of one of these, or arrays of
    /// arrays, 8 deep.
    /// </param>
    /// <returns>This writer.</returns>
    /// <exception cref="ArgumentException">
    /// The key is not as above, or the value is of another type, holds null or text that is not Unicode.
    /// </exception>
    public GgufWriter Add(string key, object value)
    {
        CheckName(key, nameof(key));
        ArgumentNullException.ThrowIfNull(value);
        if (key == GgufFile.AlignmentKey) throw new ArgumentException("The alignment is given to the constructor.", nameof(key));
        using (BinaryWriter nowhere = new(Stream.Null)) WriteValue(nowhere, value, Kind(value.GetType()), 0);
        return _metadata.TryAdd(key, value) ? this : throw new ArgumentException($"The key '{key}' is there already.", nameof(key));
    }

    /// <summary>Adds a tensor, whose data are copied.</summary>
    /// <param name="name">1 to 65,535 bytes of UTF-8, used once.</param>
    /// <param name="type">How <paramref name="data"/> are stored.</param>
    /// <param name="dimensions">One to four extents, the fastest first; it is a multiple of the type's block.</param>
    /// <param name="data">The blocks of all rows.</param>
    /// <returns>This writer.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit each other, or the name is used already.</exception>
    public GgufWriter AddTensor(string name, GgufTensorType type, ReadOnlySpan<long> dimensions, ReadOnlySpan<byte> data)
    {
        CheckName(name, nameof(name));
        if (!Dequantizer.IsSupported(type)) throw new ArgumentException($"The tensor type {type} is unknown.", nameof(type));
        if (dimensions.Length is 0 or > 4)
            throw new ArgumentException($"A tensor has 1 to 4 dimensions, not {dimensions.Length}.", nameof(dimensions));
        Int128 elements = 1;
        foreach (long extent in dimensions)
        {
            if (extent <= 0) throw new ArgumentException($"A dimension must be above 0, not {extent}.", nameof(dimensions));
            elements = elements > Array.MaxLength ? elements : elements * extent;
        }

        int block = Dequantizer.BlockSize(type), bytes = Dequantizer.BlockBytes(type);
        if (dimensions[0] % block != 0)
            throw new ArgumentException($"The first dimension of a {type} tensor must be a multiple of {block}, not {dimensions[0]}.",
                nameof(dimensions));
        if (elements / block * bytes != data.Length)
            throw new ArgumentException($"{elements} elements of {type} need {elements / block * bytes} bytes, not {data.Length}.",
                nameof(data));
        return _tensors.TryAdd(name, new Tensor(type, dimensions.ToArray(), data.ToArray())) ? this
            : throw new ArgumentException($"The tensor '{name}' is there already.", nameof(name));
    }

    /// <summary>Writes the file.</summary>
    public void WriteTo(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using MemoryStream header = new();
        using (BinaryWriter writer = new(header, GgufText.Strict, true)) WriteHeader(writer);
        header.WriteTo(stream);
        Pad(stream, header.Length);
        int left = _tensors.Count;
        foreach (Tensor tensor in _tensors.Values)
        {
            stream.Write(tensor.Data);
            if (--left > 0) Pad(stream, tensor.Data.Length);
        }
    }

    /// <summary>The file as bytes.</summary>
    public byte[] ToArray()
    {
        using MemoryStream stream = new();
        WriteTo(stream);
        return stream.ToArray();
    }

    private static void CheckName(string name, string parameter)
    {
        ArgumentNullException.ThrowIfNull(name, parameter);
        int bytes;
        try
        {
            bytes = GgufText.Strict.GetByteCount(name);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException("The name is not proper Unicode.", parameter, e);
        }

        if (bytes is 0 or > 65535) throw new ArgumentException($"A name has 1 to 65,535 bytes, not {bytes}.", parameter);
    }

    private static GgufValueType Kind(Type type) => Type.GetTypeCode(type) switch
    {
        _ when type.IsEnum => throw new ArgumentException($"{type} is no type of metadata."),
        TypeCode.Byte => GgufValueType.UInt8,
        TypeCode.SByte => GgufValueType.Int8,
        TypeCode.UInt16 => GgufValueType.UInt16,
        TypeCode.Int16 => GgufValueType.Int16,
        TypeCode.UInt32 => GgufValueType.UInt32,
        TypeCode.Int32 => GgufValueType.Int32,
        TypeCode.Single => GgufValueType.Float32,
        TypeCode.Boolean => GgufValueType.Bool,
        TypeCode.String => GgufValueType.String,
        TypeCode.UInt64 => GgufValueType.UInt64,
        TypeCode.Int64 => GgufValueType.Int64,
        TypeCode.Double => GgufValueType.Float64,
        _ when type.IsSZArray || type == typeof(object) || type == typeof(Array) => GgufValueType.Array, // object[] and Array[] hold arrays
        _ => throw new ArgumentException($"{type} is no type of metadata."),
    };

    private void WriteHeader(BinaryWriter writer)
    {
        writer.Write("GGUF"u8);
        writer.Write(_version);
        writer.Write((ulong)_tensors.Count);
        writer.Write((ulong)_metadata.Count);
        foreach ((string key, object value) in _metadata)
        {
            WriteString(writer, key);
            GgufValueType type = Kind(value.GetType());
            writer.Write((uint)type);
            WriteValue(writer, value, type, 0);
        }

        long offset = 0;
        foreach ((string name, Tensor tensor) in _tensors)
        {
            WriteString(writer, name);
            writer.Write(tensor.Dimensions.Length);
            foreach (long extent in tensor.Dimensions) writer.Write(extent);
            writer.Write((uint)tensor.Type);
            writer.Write(offset);
            offset = (offset + tensor.Data.Length + _alignment - 1) / _alignment * _alignment;
        }
    }

    private static void WriteValue(BinaryWriter writer, object value, GgufValueType type, int depth)
    {
        switch (value)
        {
            case byte v: writer.Write(v); break;
            case sbyte v: writer.Write(v); break;
            case ushort v: writer.Write(v); break;
            case short v: writer.Write(v); break;
            case uint v: writer.Write(v); break;
            case int v: writer.Write(v); break;
            case float v: writer.Write(v); break;
            case bool v: writer.Write(v); break;
            case string v: WriteString(writer, v); break;
            case ulong v: writer.Write(v); break;
            case long v: writer.Write(v); break;
            case double v: writer.Write(v); break;
            case Array array when type == GgufValueType.Array && array.Rank == 1:
                if (depth == GgufFile.DeepestArray) throw new ArgumentException($"Arrays are nested deeper than {depth}.", nameof(value));
                GgufValueType element = Kind(array.GetType().GetElementType()!);
                writer.Write((uint)element);
                writer.Write((ulong)array.Length);
                foreach (object? item in array)
                {
                    if (item is null || Kind(item.GetType()) != element)
                        throw new ArgumentException("An array holds null or mixed types.", nameof(value));
                    WriteValue(writer, item, element, depth + 1);
                }

                break;
            default:
                throw new ArgumentException($"{value.GetType()} is no type of metadata.", nameof(value));
        }
    }

    private static void WriteString(BinaryWriter writer, string text)
    {
        try
        {
            byte[] bytes = GgufText.Strict.GetBytes(text);
            writer.Write((ulong)bytes.Length);
            writer.Write(bytes);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException("The text is not proper Unicode.", nameof(text), e);
        }
    }

    private void Pad(Stream stream, long written)
    {
        for (long i = written; i % _alignment != 0; i++) stream.WriteByte(0);
    }

    private sealed record Tensor(GgufTensorType Type, long[] Dimensions, byte[] Data);
}

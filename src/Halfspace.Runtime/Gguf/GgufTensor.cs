using System.Diagnostics.CodeAnalysis;

namespace Halfspace.Runtime.Gguf;

/// <summary>A tensor in an open GGUF file. Its data are read where they lie, so spans and pointers end with the file's disposal.</summary>
public sealed unsafe class GgufTensor
{
    private readonly GgufFile _file;

    internal GgufTensor(GgufFile file, string name, GgufTensorType type, long[] dimensions, long elementCount, long byteLength)
    {
        _file = file;
        Name = name;
        Type = type;
        Dimensions = Array.AsReadOnly(dimensions);
        ElementCount = elementCount;
        ByteLength = byteLength;
    }

    /// <summary>The name, such as <c>blk.0.attn_q.weight</c>.</summary>
    public string Name { get; }

    /// <summary>How the numbers are stored.</summary>
    public GgufTensorType Type { get; }

    /// <summary>One to four extents; [0] is the fastest, the length of a row. A linear layer's weight is [inputs, outputs].</summary>
    public IReadOnlyList<long> Dimensions { get; }

    /// <summary>The product of the dimensions.</summary>
    public long ElementCount { get; }

    /// <summary>The size of the data in bytes.</summary>
    public long ByteLength { get; }

    /// <summary>How many rows of <see cref="Dimensions"/>[0] elements there are.</summary>
    public long RowCount => ElementCount / Dimensions[0];

    /// <summary>The size of a row in bytes; rows follow each other without gaps.</summary>
    public long RowBytes => ByteLength / RowCount;

    /// <summary>All data.</summary>
    /// <exception cref="GgufException">They are more than a span holds (2 GiB): read rows instead.</exception>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    public ReadOnlySpan<byte> Data => _file.Bytes(Offset, Length(ByteLength));

    /// <summary>The first byte of the data.</summary>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    [SuppressMessage("Naming", "CA1720", Justification = "It is a pointer.")]
    public void* Pointer => _file.At(Offset);

    /// <summary>Where the data begin in the file.</summary>
    internal long Offset { get; set; }

    /// <summary>One row's data.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    public ReadOnlySpan<byte> Row(long row) => Rows(row, 1);

    /// <summary>The data of consecutive rows.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are no such rows.</exception>
    /// <exception cref="GgufException">They are more than a span holds (2 GiB): read fewer.</exception>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    public ReadOnlySpan<byte> Rows(long first, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, RowCount - first);
        return _file.Bytes(Offset + first * RowBytes, Length(count * RowBytes));
    }

    private int Length(long bytes) => bytes <= int.MaxValue ? (int)bytes
        : throw new GgufException($"{_file.Name}: the data of the tensor {GgufText.Quote(Name)} are {GgufText.Number(bytes)} bytes, "
            + "more than can be read at once; use a quantised file of this model.");
}

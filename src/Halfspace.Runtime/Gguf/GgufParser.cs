namespace Halfspace.Runtime.Gguf;

/// <summary>
/// Reads a header: counts, metadata, tensor descriptions; then places the tensors' data. Everything is checked here, once.
/// </summary>
internal ref struct GgufParser(GgufFile file, GgufReader reader)
{
    private const uint Magic = 0x46554747, SwappedMagic = 0x47475546; // "GGUF" read in little-endian order, and reversed
    private const int LongestName = 65535, MostDimensions = 4;

    // The fewest bytes that an entry can take bound the counts, and with them what is allocated before the entries are seen.
    private const int LeastPair = sizeof(ulong) + 1 + sizeof(uint) + 1;
    private const int LeastTensor = sizeof(ulong) + 1 + sizeof(uint) + sizeof(ulong) + sizeof(uint) + sizeof(ulong);

    private GgufReader _reader = reader;

    public uint Version { get; private set; }

    public int Alignment { get; private set; }

    public GgufMetadata Metadata { get; private set; } = null!;

    public OrderedDictionary<string, GgufTensor> Tensors { get; private set; } = null!;

    public void Parse()
    {
        ReadVersion();
        long tensors = _reader.Count("the tensor count", LeastTensor);
        long pairs = _reader.Count("the metadata count", LeastPair);
        if (Math.Max(tensors, pairs) > Array.MaxLength)
            throw _reader.Fail("the count of tensors or metadata", "is above what can be held in memory");
        ReadMetadata((int)pairs);
        ReadTensors((int)tensors);
        PlaceTensors();
    }

    private void ReadVersion()
    {
        if (_reader.Length == 0) throw new GgufException($"{file.Name}: the file is empty; give a model's GGUF file.");
        ReadOnlySpan<byte> head = _reader.Take("the magic", (int)Math.Min(_reader.Length, sizeof(uint)));
        uint magic = head.Length == sizeof(uint) ? BitConverter.ToUInt32(head) : 0;
        if (magic == SwappedMagic) throw BigEndian();
        if (magic != Magic)
        {
            throw new GgufException($"{file.Name}: this is no GGUF file, because its magic is {GgufText.Quote(head)} and not 'GGUF'; "
                + "give a model's GGUF file.");
        }

        Version = _reader.UInt32("the version");
        if (Version is 0x02000000 or 0x03000000) throw BigEndian();
        if (Version is not (2 or 3))
            throw _reader.Fail("the version",
                $"is {GgufText.Number(Version)} where 2 or 3 can be read", "convert the model again with a current converter");
    }

    private readonly GgufException BigEndian() =>
        new($"{file.Name}: the version of the header is stored in big-endian order; use the little-endian file of this model.");

    private void ReadMetadata(int count)
    {
        OrderedDictionary<string, GgufValue> values = new(count, StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            _reader.Named = null;
            _reader.Enter("the metadata entry", i);
            string key = _reader.Name("the key", LongestName);
            _reader.Enter("the metadata key", i);
            _reader.Named = key;
            GgufValue value = PassValue();
            if (!values.TryAdd(key, value)) throw _reader.Fail("the name", "occurs twice");
        }

        _reader.Named = null;
        Metadata = new GgufMetadata(file, values);
    }

    private GgufValue PassValue()
    {
        const string Field = "the value";
        GgufValueType type = PassType("the value type");
        switch (type)
        {
            case GgufValueType.String:
                long length = _reader.Count("the string length", 1);
                return new GgufValue(type, default, _reader.Skip(Field, length), length);
            case GgufValueType.Array:
                GgufValueType element = PassType("the array's element type");
                long count = PassCount(element);
                long start = _reader.Position;
                PassElements(element, count, 1);
                return new GgufValue(type, element, start, count);
            case GgufValueType.Bool:
                long position = _reader.Position;
                PassElements(type, 1, 0);
                return new GgufValue(type, default, position, 1);
            default:
                return new GgufValue(type, default, _reader.Skip(Field, GgufMetadata.SizeOf(type)), 1);
        }
    }

    private GgufValueType PassType(string field)
    {
        uint type = _reader.UInt32(field);
        return type <= (uint)GgufValueType.Float64 ? (GgufValueType)type
            : throw _reader.Fail(field, $"is {GgufText.Number(type)}, which is none of the format's types 0 to 12");
    }

    private long PassCount(GgufValueType element) => _reader.Count("the array length", element switch
    {
        GgufValueType.String => sizeof(ulong),
        GgufValueType.Array => sizeof(uint) + sizeof(ulong),
        _ => GgufMetadata.SizeOf(element),
    });

    private void PassElements(GgufValueType element, long count, int depth)
    {
        if (depth > GgufFile.DeepestArray) throw _reader.Fail("the nesting of arrays", $"is deeper than {GgufFile.DeepestArray}");
        switch (element)
        {
            case GgufValueType.String:
                for (long i = 0; i < count; i++) _reader.Skip("a string of the array", _reader.Count("a string length of the array", 1));
                break;
            case GgufValueType.Array:
                for (long i = 0; i < count; i++)
                {
                    GgufValueType inner = PassType("the element type of an inner array");
                    PassElements(inner, PassCount(inner), depth + 1);
                }

                break;
            case GgufValueType.Bool:
                for (long left = count; left > 0;)
                {
                    int part = (int)Math.Min(left, 1 << 20);
                    int bad = _reader.Take("the bool", part).IndexOfAnyExceptInRange((byte)0, (byte)1);
                    if (bad >= 0) throw _reader.Fail("the bool", "is neither 0 nor 1");
                    left -= part;
                }

                break;
            default:
                _reader.Skip("the array", count * GgufMetadata.SizeOf(element)); // PassCount has bounded the product
                break;
        }
    }

    private void ReadTensors(int count)
    {
        Tensors = new OrderedDictionary<string, GgufTensor>(count, StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            _reader.Named = null;
            _reader.Enter("the tensor", i);
            string name = _reader.Name("the name", LongestName);
            _reader.Named = name;
            if (!Tensors.TryAdd(name, ReadTensor(name))) throw _reader.Fail("the name", "occurs twice");
        }

        _reader.Named = null;
    }

    private GgufTensor ReadTensor(string name)
    {
        uint dimensions = _reader.UInt32("the number of dimensions");
        if (dimensions is 0 or > MostDimensions)
            throw _reader.Fail("the number of dimensions", $"is {GgufText.Number(dimensions)} where 1 to {MostDimensions} are allowed");
        long[] shape = new long[dimensions];
        long elements = 1;
        for (int i = 0; i < shape.Length; i++)
        {
            ulong extent = _reader.UInt64("a dimension");
            if (extent == 0 || extent > long.MaxValue)
                throw _reader.Fail("a dimension", $"is {GgufText.Number(extent)}, which is not possible");
            if (elements > long.MaxValue / (long)extent) throw _reader.Fail("the product of dimensions", "is too large for any file");
            shape[i] = (long)extent;
            elements *= shape[i];
        }

        uint number = _reader.UInt32("the type");
        GgufTensorType type = (GgufTensorType)number;
        if (!Dequantizer.IsSupported(type))
        {
            throw _reader.Fail("the type", $"is {GgufTensorTypes.Describe(number)}, which cannot be used",
                $"use a file of this model with types among {GgufTensorTypes.Supported}");
        }

        int block = Dequantizer.BlockSize(type), blockBytes = Dequantizer.BlockBytes(type);
        if (shape[0] % block != 0)
            throw _reader.Fail("the first dimension",
                $"is {GgufText.Number(shape[0])}, no multiple of the {block} elements in a block of {type}");
        if (elements / block > _reader.Length / blockBytes)
            throw _reader.Fail("the product of dimensions",
                $"is {GgufText.Number(elements)} elements of {type}, more than the whole file holds");
        ulong offset = _reader.UInt64("the offset");
        if (offset > (ulong)_reader.Length)
            throw _reader.Fail("the offset", $"is {GgufText.Number(offset)}, beyond the file's {GgufText.Number(_reader.Length)} bytes");
        return new GgufTensor(file, name, type, shape, elements, elements / block * blockBytes) { Offset = (long)offset };
    }

    private void PlaceTensors()
    {
        long alignment = Metadata.GetInt64(GgufFile.AlignmentKey, GgufFile.DefaultAlignment);
        if (alignment is < 8 or > int.MaxValue || !long.IsPow2(alignment))
        {
            _reader.Enter("the metadata key", -1);
            _reader.Named = GgufFile.AlignmentKey;
            throw _reader.Fail("the value", $"is {GgufText.Number(alignment)} where a power of two from 8 on is allowed");
        }

        Alignment = (int)alignment;
        if (Tensors.Count == 0) return;
        long start = (_reader.Position + alignment - 1) / alignment * alignment;
        GgufTensor[] order = [.. Tensors.Values];
        Array.Sort(order, static (a, b) => a.Offset.CompareTo(b.Offset));
        GgufTensor? before = null;
        long end = 0;
        foreach (GgufTensor tensor in order)
        {
            _reader.Enter("the tensor", -1);
            _reader.Named = tensor.Name;
            if (tensor.Offset % alignment != 0)
                throw _reader.Fail("the offset",
                    $"is {GgufText.Number(tensor.Offset)}, no multiple of the alignment {GgufText.Number(alignment)}");
            if (start > _reader.Length || tensor.Offset > _reader.Length - start
                || tensor.ByteLength > _reader.Length - start - tensor.Offset)
            {
                throw _reader.Fail("the data",
                    $"needs {GgufText.Number(tensor.ByteLength)} bytes at {GgufText.Number(start + tensor.Offset)}, "
                    + $"beyond the file's {GgufText.Number(_reader.Length)} bytes");
            }

            if (tensor.Offset < end) throw _reader.Fail("the data", $"overlaps the data of {GgufText.Quote(before!.Name)}");
            end = tensor.Offset + tensor.ByteLength;
            before = tensor;
        }

        foreach (GgufTensor tensor in order) tensor.Offset += start;
    }
}

using Google.Protobuf;

namespace Halfspace.Runtime.Onnx;

/// <summary>Writes an ONNX graph node by node. Values are named by the caller; data of initializers lies in a file beside the graph.</summary>
internal sealed class GraphBuilder(string name = "decoder")
{
    private readonly GraphProto _graph = new() { Name = name };

    /// <summary>A value's element type, in ONNX's numbers.</summary>
    public enum Element
    {
        Float = 1,
        Byte = 2,
        Int32 = 6,
        Int64 = 7,
    }

    /// <summary>A graph input; a negative dimension is dynamic.</summary>
    public void Input(string name, Element type, params ReadOnlySpan<long> shape) => _graph.Input.Add(Value(name, type, shape));

    /// <summary>A graph output.</summary>
    public void Output(string name, Element type, params ReadOnlySpan<long> shape) => _graph.Output.Add(Value(name, type, shape));

    /// <summary>States the shape of a value that ONNX Runtime cannot infer.</summary>
    public void Shape(string name, Element type, params ReadOnlySpan<long> shape) => _graph.ValueInfo.Add(Value(name, type, shape));

    /// <summary>A small constant within the graph.</summary>
    public string Constant(string name, ReadOnlySpan<long> values)
    {
        byte[] raw = new byte[values.Length * sizeof(long)];
        for (int i = 0; i < values.Length; i++) BitConverter.TryWriteBytes(raw.AsSpan(i * sizeof(long)), values[i]);
        _graph.Initializer.Add(new TensorProto { Name = name, DataType = (int)Element.Int64, Dims = { values.Length }, RawData = ByteString.CopyFrom(raw) });
        return name;
    }

    /// <summary>A constant whose data lies in a file beside the graph.</summary>
    public string External(string name, Element type, ReadOnlySpan<long> shape, string file, long offset, long length)
    {
        TensorProto tensor = new() { Name = name, DataType = (int)type, DataLocation = TensorProto.Types.DataLocation.External };
        tensor.Dims.AddRange(shape.ToArray());
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = file });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString(System.Globalization.CultureInfo.InvariantCulture) });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = length.ToString(System.Globalization.CultureInfo.InvariantCulture) });
        _graph.Initializer.Add(tensor);
        return name;
    }

    /// <summary>A node of ONNX's own domain, or of <paramref name="domain"/>; returns the name of its first output.</summary>
    public string Node(string operation, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs, string domain = "", params ReadOnlySpan<AttributeProto> attributes)
    {
        NodeProto node = new() { OpType = operation, Domain = domain, Name = outputs[^1] };
        node.Input.AddRange(inputs.ToArray());
        node.Output.AddRange(outputs.ToArray());
        node.Attribute.AddRange(attributes.ToArray());
        _graph.Node.Add(node);
        return outputs[0];
    }

    /// <summary>An integer attribute.</summary>
    public static AttributeProto Attribute(string name, long value) => new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };

    /// <summary>A float attribute.</summary>
    public static AttributeProto Attribute(string name, float value) => new() { Name = name, F = value, Type = AttributeProto.Types.AttributeType.Float };

    /// <summary>The finished model, serialised; <paramref name="customDomain"/> holds operators of our own, if there are any.</summary>
    public byte[] Build(string? customDomain = null)
    {
        ModelProto model = new() { IrVersion = 10, ProducerName = "Halfspace", Graph = _graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 21 });
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "com.microsoft", Version = 1 });
        if (customDomain is not null) model.OpsetImport.Add(new OperatorSetIdProto { Domain = customDomain, Version = 1 });
        return model.ToByteArray();
    }

    private static ValueInfoProto Value(string name, Element type, ReadOnlySpan<long> shape)
    {
        TensorShapeProto dimensions = new();
        foreach (long dimension in shape)
            dimensions.Dim.Add(dimension >= 0 ? new TensorShapeProto.Types.Dimension { DimValue = dimension }
                : new TensorShapeProto.Types.Dimension { DimParam = dimension == -1 ? "tokens" : "rows" });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = dimensions } } };
    }
}

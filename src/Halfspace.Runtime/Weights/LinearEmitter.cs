using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Onnx;
using Element = Halfspace.Runtime.Onnx.GraphBuilder.Element;

namespace Halfspace.Runtime.Weights;

/// <summary>
/// Emits y = x Wᵀ for the weights of a GGUF file. Quantised weights stay quantised: MatMulNBits computes Σ scale (q − zero) x exactly as
/// the file's blocks say, and where blocks have a minimum, the sum of x over each block times the minima is added by one small product.
/// </summary>
internal sealed class LinearEmitter(GraphBuilder graph, WeightFile weights, Arithmetic arithmetic)
{
    /// <summary>Activations are quantised to 8 bits a block in ONNX Runtime's integer kernels.</summary>
    private const long IntegerActivations = 4;

    private const long FloatActivations = 1;

    private readonly Dictionary<string, string> _blockSums = [];

    /// <summary>One product for parts that share an input, [T, K] → [T, ΣN] in the order of the parts; returns the output's name.</summary>
    public string Emit(string name, string input, ReadOnlySpan<GgufTensor> parts)
    {
        int inner = checked((int)parts[0].Dimensions[0]);
        bool alike = true;
        foreach (GgufTensor part in parts) alike &= part.Type == parts[0].Type;
        if (!alike)
        {
            string[] outputs = new string[parts.Length];
            for (int i = 0; i < parts.Length; i++) outputs[i] = Emit($"{name}.{i}", input, [parts[i]]);
            return graph.Node("Concat", outputs, [name], "", GraphBuilder.Attribute("axis", 1));
        }

        int outer = 0;
        foreach (GgufTensor part in parts) outer = checked(outer + (int)part.Dimensions[1]);
        return arithmetic != Arithmetic.Dequantised && BlockLayout.For(parts[0].Type) is { } layout
            ? Quantised(name, input, parts, inner, outer, layout)
            : graph.Node("Gemm", [input, weights.Floats(graph, name + ".weight", [outer, inner], parts)], [name], "", GraphBuilder.Attribute("transB", 1));
    }

    private string Quantised(string name, string input, ReadOnlySpan<GgufTensor> parts, int inner, int outer, BlockLayout layout)
    {
        int blocks = inner / layout.Block;
        byte[] quants = new byte[(long)outer * layout.RowBytes(inner)];
        float[] scales = new float[(long)outer * blocks], minima = layout.HasMinimum ? new float[scales.Length] : [];
        bool centred = Convert(parts, inner, outer, layout, quants, scales, minima, centre: true);
        if (!centred) Convert(parts, inner, outer, layout, quants, scales, minima, centre: false);

        List<string> inputs =
        [
            input,
            weights.Add<byte>(graph, name + ".quants", Element.Byte, [outer, blocks, layout.Block * layout.Bits / 8], quants),
            weights.Add<float>(graph, name + ".scales", Element.Float, [outer, blocks], scales),
        ];
        if (!centred && layout.Bits == 4)
        {
            int packed = (blocks + 1) / 2;
            inputs.Add(weights.Add<byte>(graph, name + ".zeros", Element.Byte, [outer, packed], new byte[(long)outer * packed]));
        }

        string product = layout.HasMinimum ? name + ".scaled" : name;
        graph.Node("MatMulNBits", [.. inputs], [product], "com.microsoft",
            GraphBuilder.Attribute("K", (long)inner), GraphBuilder.Attribute("N", (long)outer), GraphBuilder.Attribute("bits", (long)layout.Bits),
            GraphBuilder.Attribute("block_size", (long)layout.Block), GraphBuilder.Attribute("accuracy_level",
                arithmetic == Arithmetic.FloatActivations && layout.Bits == 4 ? FloatActivations : IntegerActivations));
        if (!layout.HasMinimum) return product;
        string minimum = weights.Add<float>(graph, name + ".minima", Element.Float, [blocks, outer], minima);
        return graph.Node("Gemm", [BlockSums(input, inner, layout.Block), minimum, product], [name]);
    }

    /// <summary>Converts the parts one below the other; false if a minimum could not be raised exactly to centre the integers.</summary>
    private static bool Convert(ReadOnlySpan<GgufTensor> parts, int inner, int outer, BlockLayout layout, byte[] quants, float[] scales, float[] minima, bool centre)
    {
        int blocks = inner / layout.Block, row = 0;
        bool exact = true;
        foreach (GgufTensor part in parts)
        {
            int rows = checked((int)part.RowCount);
            exact &= BlockLayout.Convert(part.Type, part.Data, inner, quants.AsSpan(row * layout.RowBytes(inner), rows * layout.RowBytes(inner)),
                scales.AsSpan(row * blocks, rows * blocks), minima, outer, row, centre && layout.HasMinimum);
            row += rows;
        }

        return exact;
    }

    /// <summary>The sums of x over each block of a row, [T, K / block]: shared by all products of an input.</summary>
    private string BlockSums(string input, int inner, int block)
    {
        if (_blockSums.TryGetValue(input, out string? known)) return known;
        string shape = $"blocks{inner / block}x{block}", axis = "last";
        if (_constants.Add(shape)) graph.Constant(shape, [0, inner / block, block]);
        if (_constants.Add(axis)) graph.Constant(axis, [-1]);
        string blocks = graph.Node("Reshape", [input, shape], [input + ".blocks"]);
        string sums = graph.Node("ReduceSum", [blocks, axis], [input + ".sums"], "", GraphBuilder.Attribute("keepdims", 0));
        _blockSums.Add(input, sums);
        return sums;
    }

    private readonly HashSet<string> _constants = [];
}

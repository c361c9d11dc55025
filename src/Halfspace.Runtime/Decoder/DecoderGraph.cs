using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Onnx;
using Halfspace.Runtime.Operators;
using Halfspace.Runtime.Weights;
using Element = Halfspace.Runtime.Onnx.GraphBuilder.Element;

namespace Halfspace.Runtime.Decoder;

/// <summary>
/// Generates a decoder's ONNX graph from a GGUF file: [T, hidden] embeddings in, logits of the asked rows out. Every dense product is
/// ONNX Runtime's; attention is <see cref="AttentionOperator"/>. The weights go to a <see cref="WeightFile"/> in the order of use.
/// </summary>
internal sealed class DecoderGraph
{
    /// <summary>Changes when the same file gives another graph or weight file, so that caches of earlier versions are not used.</summary>
    public const int Revision = 2;

    /// <summary>Names of the graph's inputs and its output.</summary>
    public const string Embeddings = "embeddings", Run = "run", Rows = "rows", Logits = "logits";

    private const string Contrib = "com.microsoft";
    private readonly GgufFile _file;
    private readonly ModelConfig _config;
    private readonly GraphBuilder _graph = new();
    private readonly LinearEmitter _linear;
    private readonly WeightFile _weights;

    private DecoderGraph(GgufFile file, ModelConfig config, WeightFile weights, Arithmetic arithmetic)
    {
        _file = file;
        _config = config;
        _weights = weights;
        _linear = new LinearEmitter(_graph, weights, arithmetic);
    }

    /// <summary>The graph as a serialised ONNX model; its weights are written to <paramref name="weights"/>.</summary>
    /// <exception cref="ModelException">A tensor is missing or has another shape than the hyper-parameters say.</exception>
    public static byte[] Build(GgufFile file, ModelConfig config, WeightFile weights, Arithmetic arithmetic) =>
        new DecoderGraph(file, config, weights, arithmetic).Build();

    private byte[] Build()
    {
        int hidden = _config.Hidden;
        _graph.Input(Embeddings, Element.Float, -1, hidden);
        _graph.Input(Run, Element.Int64, 1);
        _graph.Input(Rows, Element.Int64, -2);
        _graph.Output(Logits, Element.Float, -2, _config.Vocabulary);

        string residual = Embeddings, branch = "";
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            string normed = Norm($"blk.{layer}.attn_norm", ref residual, branch);
            branch = Attention(layer, normed);
            normed = Norm($"blk.{layer}.ffn_norm", ref residual, branch);
            branch = FeedForward(layer, normed);
        }

        // Only the asked rows reach the output projection.
        string sum = _graph.Node("Add", [residual, branch], ["residual"]);
        string asked = _graph.Node("Gather", [sum, Rows], ["asked"], "", GraphBuilder.Attribute("axis", 0));
        string final = Norm("output_norm", ref asked, branch: "");
        GgufTensor output = _file.Tensors.TryGetValue("output.weight", out GgufTensor? own) ? own : Tensor("token_embd.weight", hidden, _config.Vocabulary);
        Check(output, hidden, _config.Vocabulary);
        _linear.Emit(Logits, final, [output]);
        return _graph.Build(AttentionOperator.Domain);
    }

    /// <summary>RMSNorm of residual + branch; the sum becomes the residual.</summary>
    private string Norm(string name, ref string residual, string branch)
    {
        string weight = Vector(name + ".weight", _config.Hidden), output = name + ".out";
        if (branch.Length == 0)
            return _graph.Node("SimplifiedLayerNormalization", [residual, weight], [output], "",
                GraphBuilder.Attribute("axis", -1), GraphBuilder.Attribute("epsilon", _config.NormEpsilon));
        string sum = name + ".sum";
        _graph.Node("SkipSimplifiedLayerNormalization", [branch, residual, weight], [output, "", "", sum], Contrib,
            GraphBuilder.Attribute("epsilon", _config.NormEpsilon));
        residual = sum;
        return output;
    }

    private string Attention(int layer, string input)
    {
        string prefix = $"blk.{layer}.";
        int d = _config.HeadDim, queryWidth = _config.QueryHeads * d, keyWidth = _config.KeyValueHeads * d, hidden = _config.Hidden;
        GgufTensor q = Tensor(prefix + "attn_q.weight", hidden, queryWidth);
        GgufTensor k = Tensor(prefix + "attn_k.weight", hidden, keyWidth);
        GgufTensor v = Tensor(prefix + "attn_v.weight", hidden, keyWidth);
        string packed;
        if (_file.Tensors.ContainsKey(prefix + "attn_q_norm.weight"))
        {
            string queries = HeadNorm(prefix + "attn_q_norm", Biased(prefix + "attn_q", _linear.Emit(prefix + "q", input, [q]), queryWidth), _config.QueryHeads);
            string keys = HeadNorm(prefix + "attn_k_norm", Biased(prefix + "attn_k", _linear.Emit(prefix + "k", input, [k]), keyWidth), _config.KeyValueHeads);
            string values = Biased(prefix + "attn_v", _linear.Emit(prefix + "v", input, [v]), keyWidth);
            packed = _graph.Node("Concat", [queries, keys, values], [prefix + "qkv"], "", GraphBuilder.Attribute("axis", 1));
        }
        else if (_file.Tensors.ContainsKey(prefix + "attn_q.bias"))
        {
            packed = _linear.Emit(prefix + "qkv", input, [q, k, v]);
            string bias = _weights.Floats(_graph, prefix + "qkv.bias", [queryWidth + 2 * keyWidth],
                [Tensor(prefix + "attn_q.bias", queryWidth), Tensor(prefix + "attn_k.bias", keyWidth), Tensor(prefix + "attn_v.bias", keyWidth)]);
            packed = _graph.Node("Add", [packed, bias], [prefix + "qkv.biased"]);
        }
        else
        {
            packed = _linear.Emit(prefix + "qkv", input, [q, k, v]);
        }

        string attended = prefix + "attention";
        _graph.Shape(attended, Element.Float, -1, queryWidth);
        _graph.Node(AttentionOperator.Name, [packed, Run], [attended], AttentionOperator.Domain,
            GraphBuilder.Attribute("layer", (long)layer), GraphBuilder.Attribute("width", (long)queryWidth));
        string output = _linear.Emit(prefix + "attn_output", attended, [Tensor(prefix + "attn_output.weight", queryWidth, hidden)]);
        return Biased(prefix + "attn_output", output, hidden);
    }

    /// <summary>RMSNorm of each head's vector (qwen3), before the rotation.</summary>
    private string HeadNorm(string name, string input, int heads)
    {
        int d = _config.HeadDim;
        string split = _graph.Node("Reshape", [input, Shape($"heads{heads}", 0, heads, d)], [name + ".heads"]);
        string normed = _graph.Node("SimplifiedLayerNormalization", [split, Vector(name + ".weight", d)], [name + ".normed"], "",
            GraphBuilder.Attribute("axis", -1), GraphBuilder.Attribute("epsilon", _config.NormEpsilon));
        return _graph.Node("Reshape", [normed, Shape($"width{heads}", 0, heads * d)], [name + ".out"]);
    }

    private string FeedForward(int layer, string input)
    {
        string prefix = $"blk.{layer}.";
        int hidden = _config.Hidden, inner = _config.FeedForward;
        string gate = _linear.Emit(prefix + "ffn_gate", input, [Tensor(prefix + "ffn_gate.weight", hidden, inner)]);
        string up = _linear.Emit(prefix + "ffn_up", input, [Tensor(prefix + "ffn_up.weight", hidden, inner)]);
        // SwiGLU: x · sigmoid(x) is QuickGelu with alpha 1.
        string silu = _graph.Node("QuickGelu", [gate], [prefix + "ffn_silu"], Contrib, GraphBuilder.Attribute("alpha", 1f));
        string gated = _graph.Node("Mul", [silu, up], [prefix + "ffn_gated"]);
        return _linear.Emit(prefix + "ffn_down", gated, [Tensor(prefix + "ffn_down.weight", inner, hidden)]);
    }

    private string Biased(string name, string value, int width) =>
        _file.Tensors.ContainsKey(name + ".bias") ? _graph.Node("Add", [value, Vector(name + ".bias", width)], [name + ".biased"]) : value;

    private readonly HashSet<string> _shapes = [];

    private string Shape(string name, params ReadOnlySpan<long> values) => _shapes.Add(name) ? _graph.Constant(name, values) : name;

    private string Vector(string name, int length) => _weights.Floats(_graph, name, [length], [Tensor(name, length)]);

    private GgufTensor Tensor(string name, params ReadOnlySpan<long> dimensions)
    {
        if (!_file.Tensors.TryGetValue(name, out GgufTensor? tensor))
            throw new ModelException($"{_file.Name}: the tensor {name} is missing; the file is incomplete or of another architecture than it says.");
        Check(tensor, dimensions);
        return tensor;
    }

    private void Check(GgufTensor tensor, params ReadOnlySpan<long> dimensions)
    {
        bool same = true;
        for (int i = 0; i < Math.Max(dimensions.Length, tensor.Dimensions.Count); i++)
            same &= (i < tensor.Dimensions.Count ? tensor.Dimensions[i] : 1) == (i < dimensions.Length ? dimensions[i] : 1);
        if (!same)
            throw new ModelException($"{_file.Name}: the tensor {tensor.Name} is [{string.Join(", ", tensor.Dimensions)}]; "
                + $"[{string.Join(", ", dimensions.ToArray())}] follows from the hyper-parameters.");
    }
}

using Halfspace.Runtime.Onnx;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Element = Halfspace.Runtime.Onnx.GraphBuilder.Element;

namespace Halfspace.Cli.Bench.Attention;

/// <summary>
/// ONNX Runtime's GroupQueryAttention in float. Past and present keys are one buffer, so that it writes the position's row and copies no
/// past; its threads are its own and spin.
/// </summary>
internal sealed class GroupQueryAttentionKernel : LayerKernel
{
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly List<OrtValue> _values = [];
    private readonly OrtIoBinding[] _bindings;
    private readonly float[] _query = new float[LayerSet.QueryHeads * LayerSet.Dim];
    private readonly float[] _key = new float[LayerSet.KeyValueHeads * LayerSet.Dim];
    private readonly float[] _value = new float[LayerSet.KeyValueHeads * LayerSet.Dim];
    private readonly int[] _last = new int[1], _total = new int[1];

    public GroupQueryAttentionKernel(IReadOnlyList<LayerSet> sets, int threads)
        : base("onnxruntime-gqa", sets)
    {
        using SessionOptions options = new()
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        _session = new InferenceSession(Model(), options);
        OrtValue query = Of(_query, 1, 1, _query.Length), key = Of(_key, 1, 1, _key.Length), value = Of(_value, 1, 1, _value.Length);
        OrtValue last = Of(_last, 1), total = Of(_total), output = Of(Output, 1, 1, Output.Length);
        _bindings = [.. sets.Select(set =>
        {
            OrtValue keys = Of(set, set.KeyPointer), values = Of(set, set.ValuePointer);
            OrtIoBinding binding = _session.CreateIoBinding();
            binding.BindInput("query", query);
            binding.BindInput("key", key);
            binding.BindInput("value", value);
            binding.BindInput("past_key", keys);
            binding.BindInput("past_value", values);
            binding.BindInput("last", last);
            binding.BindInput("total", total);
            binding.BindOutput("output", output);
            binding.BindOutput("present_key", keys);
            binding.BindOutput("present_value", values);
            return binding;
        })];
    }

    public override void Decode(int set, int j)
    {
        LayerSet keys = Sets[set];
        _last[0] = keys.First + j;
        _total[0] = _last[0] + 1;
        keys.Queries(j).CopyTo(_query);
        for (int head = 0; head < LayerSet.KeyValueHeads; head++)
        {
            keys.KeyRows(head, _last[0], 1).CopyTo(_key.AsSpan(head * LayerSet.Dim));
            keys.ValueRows(head, _last[0], 1).CopyTo(_value.AsSpan(head * LayerSet.Dim));
        }

        _session.RunWithBinding(_run, _bindings[set]);
    }

    public override double Bytes(double visible) => LayerSet.KeyValueHeads * visible * 2 * LayerSet.Dim * sizeof(float);

    public override void Dispose()
    {
        foreach (OrtIoBinding binding in _bindings) binding.Dispose();
        foreach (OrtValue value in _values) value.Dispose();
        _run.Dispose();
        _session.Dispose();
    }

    private static byte[] Model()
    {
        const int Heads = LayerSet.KeyValueHeads, Dim = LayerSet.Dim, Width = LayerSet.QueryHeads * Dim;
        const int Tokens = -1; // However many a buffer has room for.
        GraphBuilder graph = new("attention");
        graph.Input("query", Element.Float, 1, 1, Width);
        graph.Input("key", Element.Float, 1, 1, Heads * Dim);
        graph.Input("value", Element.Float, 1, 1, Heads * Dim);
        graph.Input("past_key", Element.Float, 1, Heads, Tokens, Dim);
        graph.Input("past_value", Element.Float, 1, Heads, Tokens, Dim);
        graph.Input("last", Element.Int32, 1);
        graph.Input("total", Element.Int32);
        graph.Output("output", Element.Float, 1, 1, Width);
        graph.Output("present_key", Element.Float, 1, Heads, Tokens, Dim);
        graph.Output("present_value", Element.Float, 1, Heads, Tokens, Dim);
        graph.Node("GroupQueryAttention", ["query", "key", "value", "past_key", "past_value", "last", "total"],
            ["output", "present_key", "present_value"], "com.microsoft",
            GraphBuilder.Attribute("num_heads", (long)LayerSet.QueryHeads), GraphBuilder.Attribute("kv_num_heads", (long)Heads),
            GraphBuilder.Attribute("do_rotary", 0L), GraphBuilder.Attribute("local_window_size", -1L));
        return graph.Build();
    }

    private OrtValue Of<T>(T[] data, params long[] shape) where T : unmanaged => Kept(OrtValue.CreateTensorValueFromMemory(data, shape));

    private OrtValue Of(LayerSet set, nint data) => Kept(OrtValue.CreateTensorValueWithData(
        OrtMemoryInfo.DefaultInstance, TensorElementType.Float, [1, LayerSet.KeyValueHeads, set.Keys, LayerSet.Dim], data, set.FloatBytes));

    private OrtValue Kept(OrtValue value)
    {
        _values.Add(value);
        return value;
    }
}

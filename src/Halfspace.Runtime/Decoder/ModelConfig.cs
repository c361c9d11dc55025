using Halfspace.Attention;
using Halfspace.Kernels;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Decoder;

/// <summary>A decoder's hyper-parameters, read from a GGUF file's metadata and checked against each other.</summary>
public sealed record ModelConfig
{
    /// <summary>The architectures whose graph can be generated, by their name in <c>general.architecture</c>.</summary>
    public static IReadOnlyList<string> Architectures { get; } = ["llama", "qwen2", "qwen3", ReluArchitecture];

    /// <summary>Like llama, with RMSNorm of each head's query and key and with ReLU^α attention.</summary>
    internal const string ReluArchitecture = "halfspace-relu";

    // The ε of ReLU attention is the architecture's, not the file's.
    private const double ReluEpsilon = 1e-6;

    /// <summary>The architecture's name, which is also the prefix of its metadata keys.</summary>
    public required string Architecture { get; init; }

    /// <summary>The model's own name for itself, or the file's.</summary>
    public required string Name { get; init; }

    /// <summary>Layers.</summary>
    public required int Layers { get; init; }

    /// <summary>The width of the residual stream.</summary>
    public required int Hidden { get; init; }

    /// <summary>The width of the feed-forward network.</summary>
    public required int FeedForward { get; init; }

    /// <summary>Query heads.</summary>
    public required int QueryHeads { get; init; }

    /// <summary>Key and value heads; each serves QueryHeads / KeyValueHeads query heads.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Numbers in a head's query, key and value.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Tokens in the vocabulary.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>The context, in tokens, that the model was trained for.</summary>
    public required int TrainedContext { get; init; }

    /// <summary>Added to the mean square under the root of RMSNorm.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>How positions turn queries and keys.</summary>
    public required RotaryOptions Rotary { get; init; }

    /// <summary>What its attention makes of a score.</summary>
    public AttentionFunction Function { get; init; } = new AttentionFunction.Softmax();

    /// <summary>The shape of its attention.</summary>
    public AttentionShape Attention => new(Layers, QueryHeads, KeyValueHeads, HeadDim);

    /// <summary>Reads the hyper-parameters.</summary>
    /// <exception cref="ModelException">The architecture is unknown, or a value is missing or does not fit the others.</exception>
    public static ModelConfig From(GgufFile file)
    {
        GgufMetadata m = file.Metadata;
        string architecture = m.GetString("general.architecture");
        if (!Architectures.Contains(architecture))
            throw new ModelException($"{file.Name}: the architecture '{architecture}' is not supported; use a model of one of: {string.Join(", ", Architectures)}.");

        int Int(string key, int? fallback = null)
        {
            string full = $"{architecture}.{key}";
            long value = fallback is { } or ? m.GetInt64(full, or) : m.GetInt64(full);
            return value is > 0 and <= 1 << 28 ? (int)value
                : throw new ModelException($"{file.Name}: {full} is {value}; it must be between 1 and {1 << 28}, so the file is damaged or of an unknown kind.");
        }

        int hidden = Int("embedding_length"), queryHeads = Int("attention.head_count"), keyValueHeads = Int("attention.head_count_kv", queryHeads);
        int headDim = Int("attention.key_length", Math.Max(1, hidden / queryHeads));
        void Require(bool holds, string what)
        {
            if (!holds) throw new ModelException($"{file.Name}: {what}; the file is damaged or needs a feature that is not supported.");
        }

        Require(Int("attention.value_length", headDim) == headDim, "attention.value_length differs from attention.key_length");
        Require(queryHeads % keyValueHeads == 0, $"{queryHeads} query heads cannot share {keyValueHeads} KV heads evenly");
        Require(headDim % 8 == 0 && headDim <= 1024, $"a head has {headDim} numbers, which is not a multiple of 8 up to 1024");
        Require(!m.Contains($"{architecture}.attention.sliding_window") || m.GetInt64($"{architecture}.attention.sliding_window", 0) == 0
            || architecture != "llama" || m.GetInt64($"{architecture}.attention.sliding_window", 0) >= Int("context_length"),
            "attention.sliding_window limits attention to a window");
        Require(m.GetInt64($"{architecture}.expert_count", 0) == 0, "expert_count says that it is a mixture of experts");

        float epsilon = m.GetFloat($"{architecture}.attention.layer_norm_rms_epsilon");
        Require(float.IsFinite(epsilon) && epsilon >= 0, $"attention.layer_norm_rms_epsilon is {epsilon}");
        if (!file.Tensors.TryGetValue("token_embd.weight", out GgufTensor? embedding))
            throw new ModelException($"{file.Name}: the tensor token_embd.weight is missing; the file is incomplete.");
        AttentionFunction function = new AttentionFunction.Softmax();
        if (architecture == ReluArchitecture)
        {
            int power = Int("attention.relu_power");
            double scale = m.GetFloat($"{architecture}.attention.relu_bias_scale");
            Require(power <= AttentionKernels.MaxPower, $"attention.relu_power is {power}, which is not 1, 2 or 3");
            Require(scale is >= 0 and <= AttentionFunction.Relu.MostBiasScale, $"attention.relu_bias_scale is {scale}");
            function = new AttentionFunction.Relu(power, scale, ReluEpsilon);
        }

        int trained = Int("context_length");
        return new ModelConfig
        {
            Architecture = architecture,
            Name = m.GetString("general.name", null) ?? Path.GetFileNameWithoutExtension(file.Name),
            Layers = Int("block_count"),
            Hidden = hidden,
            FeedForward = Int("feed_forward_length"),
            QueryHeads = queryHeads,
            KeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            Vocabulary = checked((int)embedding.Dimensions[^1]),
            TrainedContext = trained,
            NormEpsilon = epsilon,
            Function = function,
            Rotary = RotaryOptions.From(file, architecture, headDim, trained),
        };
    }
}

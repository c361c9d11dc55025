#if RUNTIME
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Tests;

/// <summary>Writes small decoders with seeded random weights: byte tokens, two layers.</summary>
internal sealed record TinyModel
{
    public string Architecture { get; init; } = "llama";
    public GgufTensorType Type { get; init; } = GgufTensorType.F32;
    public int Layers { get; init; } = 2;
    public int Hidden { get; init; } = 256;
    public int FeedForward { get; init; } = 256;
    public int QueryHeads { get; init; } = 4;
    public int KeyValueHeads { get; init; } = 2;
    public int HeadDim { get; init; } = 64;
    public int Context { get; init; } = 256;
    public bool TiedOutput { get; init; } = true;
    public bool RopeFactors { get; init; }
    public string TokenizerModel { get; init; } = "gpt2";

    public string? ChatTemplate { get; init; }

    /// <summary>A token whose embedding is NaN; the output product must then be of its own.</summary>
    public int? DamagedToken { get; init; }

    public int ReluPower { get; init; } = 2;
    public float ReluBiasScale { get; init; } = 0.4f;

    /// <summary>256 bytes in GPT-2's alphabet, and an end token.</summary>
    public const int Vocabulary = 257;

    public const int EndToken = 256;

    public byte[] ToGguf()
    {
        Random random = new(7);
        string a = Architecture;
        GgufWriter writer = new GgufWriter()
            .Add("general.architecture", a)
            .Add("general.name", "tiny " + a)
            .Add(a + ".block_count", (uint)Layers)
            .Add(a + ".context_length", (uint)Context)
            .Add(a + ".embedding_length", (uint)Hidden)
            .Add(a + ".feed_forward_length", (uint)FeedForward)
            .Add(a + ".attention.head_count", (uint)QueryHeads)
            .Add(a + ".attention.head_count_kv", (uint)KeyValueHeads)
            .Add(a + ".attention.key_length", (uint)HeadDim)
            .Add(a + ".attention.value_length", (uint)HeadDim)
            .Add(a + ".attention.layer_norm_rms_epsilon", 1e-5f)
            .Add(a + ".rope.freq_base", 10_000f)
            .Add("tokenizer.ggml.model", TokenizerModel)
            .Add("tokenizer.ggml.pre", "gpt-2")
            .Add("tokenizer.ggml.tokens", Tokens())
            .Add("tokenizer.ggml.token_type", Enumerable.Range(0, Vocabulary).Select(i => i == EndToken ? 3 : 1).ToArray())
            .Add("tokenizer.ggml.merges", Array.Empty<string>())
            .Add("tokenizer.ggml.eos_token_id", (uint)EndToken);

        if (ChatTemplate is not null) writer.Add("tokenizer.chat_template", ChatTemplate);
        if (a == "halfspace-relu")
            writer.Add(a + ".attention.relu_power", (uint)ReluPower).Add(a + ".attention.relu_bias_scale", ReluBiasScale);

        void Matrix(string name, int inner, int outer)
        {
            byte[] data = RandomBlocks(random, Type, inner, outer);
            if (DamagedToken is { } token && name == "token_embd.weight")
                MemoryMarshal.Cast<byte, float>(data.AsSpan()).Slice(token * inner, inner).Fill(float.NaN);
            writer.AddTensor(name, Type, [inner, outer], data);
        }

        void Vector(string name, int length, float centre)
        {
            float[] values = [.. Enumerable.Range(0, length).Select(_ => centre + 0.2f * (random.NextSingle() - 0.5f))];
            writer.AddTensor(name, GgufTensorType.F32, [length], MemoryMarshal.AsBytes<float>(values));
        }

        int queries = QueryHeads * HeadDim, keys = KeyValueHeads * HeadDim;
        Matrix("token_embd.weight", Hidden, Vocabulary);
        if (!TiedOutput) Matrix("output.weight", Hidden, Vocabulary);
        Vector("output_norm.weight", Hidden, 1);
        if (RopeFactors)
            writer.AddTensor("rope_freqs.weight", GgufTensorType.F32, [HeadDim / 2],
                MemoryMarshal.AsBytes<float>([.. Enumerable.Range(0, HeadDim / 2).Select(i => 1 + i / 4f)]));
        for (int layer = 0; layer < Layers; layer++)
        {
            string p = $"blk.{layer}.";
            Vector(p + "attn_norm.weight", Hidden, 1);
            Matrix(p + "attn_q.weight", Hidden, queries);
            Matrix(p + "attn_k.weight", Hidden, keys);
            Matrix(p + "attn_v.weight", Hidden, keys);
            if (a == "qwen2")
            {
                Vector(p + "attn_q.bias", queries, 0.1f);
                Vector(p + "attn_k.bias", keys, -0.1f);
                Vector(p + "attn_v.bias", keys, 0.2f);
            }

            if (a is "qwen3" or "halfspace-relu")
            {
                Vector(p + "attn_q_norm.weight", HeadDim, 1.5f);
                Vector(p + "attn_k_norm.weight", HeadDim, 1.5f);
            }

            Matrix(p + "attn_output.weight", queries, Hidden);
            Vector(p + "ffn_norm.weight", Hidden, 1);
            Matrix(p + "ffn_gate.weight", Hidden, FeedForward);
            Matrix(p + "ffn_up.weight", Hidden, FeedForward);
            Matrix(p + "ffn_down.weight", FeedForward, Hidden);
        }

        return writer.ToArray();
    }

    /// <summary>Random blocks of a type whose weights have a spread of about 1/√inner.</summary>
    private static byte[] RandomBlocks(Random random, GgufTensorType type, int inner, int outer)
    {
        float spread = 1 / MathF.Sqrt(inner);
        long count = (long)inner * outer;
        if (type is GgufTensorType.F32 or GgufTensorType.F16 or GgufTensorType.BF16)
        {
            int size = type == GgufTensorType.F32 ? 4 : 2;
            byte[] floats = new byte[count * size];
            for (long i = 0; i < count; i++)
            {
                float value = 3.4f * spread * (random.NextSingle() - 0.5f);
                Span<byte> at = floats.AsSpan((int)i * size);
                if (type == GgufTensorType.F32) BinaryPrimitives.WriteSingleLittleEndian(at, value);
                else if (type == GgufTensorType.F16) BinaryPrimitives.WriteHalfLittleEndian(at, (Half)value);
                else BinaryPrimitives.WriteUInt16LittleEndian(at, (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
            }

            return floats;
        }

        int bytes = Dequantizer.BlockBytes(type);
        byte[] data = new byte[count / Dequantizer.BlockSize(type) * bytes];
        random.NextBytes(data);
        // Only the float16 scales must not be random bits; where they lie and what they multiply differs by type.
        (int offset, float scale, float minimum)[] halves = type switch
        {
            GgufTensorType.Q4_0 => [(0, 0.22f, 0)],
            GgufTensorType.Q4_1 => [(0, 0.22f, 0), (2, 0, -1.6f)],
            GgufTensorType.Q5_0 => [(0, 0.11f, 0)],
            GgufTensorType.Q5_1 => [(0, 0.11f, 0), (2, 0, -1.7f)],
            GgufTensorType.Q8_0 => [(0, 0.0135f, 0)],
            GgufTensorType.Q4_K => [(0, 0.0045f, 0), (2, 0, 0.034f)],
            GgufTensorType.Q5_K => [(0, 0.0022f, 0), (2, 0, 0.034f)],
            GgufTensorType.Q6_K => [(208, 0.0008f, 0)],
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no such blocks"),
        };
        for (int block = 0; block < data.Length; block += bytes)
            foreach ((int offset, float scale, float minimum) in halves)
                BinaryPrimitives.WriteHalfLittleEndian(data.AsSpan(block + offset), (Half)((scale + minimum) * spread * (0.75f + random.NextSingle() / 2)));
        return data;
    }

    private static string[] Tokens()
    {
        string[] tokens = new string[Vocabulary];
        int beyond = 256;
        for (int b = 0; b < 256; b++)
            tokens[b] = (b is >= 33 and <= 126 or >= 161 and <= 172 or >= 174 ? (char)b : (char)beyond++).ToString();
        tokens[EndToken] = "<|endoftext|>";
        return tokens;
    }
}
#endif

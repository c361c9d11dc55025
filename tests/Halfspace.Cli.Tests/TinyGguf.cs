using System.Runtime.InteropServices;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Cli.Tests;

/// <summary>Writes a model of one small layer, whole but for what a test changes.</summary>
internal static class TinyGguf
{
    private const int Hidden = 32, FeedForward = 64, Heads = 2, HeadDim = 16;
    private static readonly string[] Tokens = [.. "<|endoftext|> H e l o".Split(' ')];

    public static TemporaryFile Write(string architecture = "llama", string tokenizer = "gpt2")
    {
        GgufWriter writer = new();
        writer.Add("general.architecture", architecture);
        void Number(string key, int value) => writer.Add($"{architecture}.{key}", (uint)value);
        Number("context_length", 64);
        Number("embedding_length", Hidden);
        Number("block_count", 1);
        Number("feed_forward_length", FeedForward);
        Number("attention.head_count", Heads);
        Number("attention.head_count_kv", Heads);
        Number("rope.dimension_count", HeadDim);
        writer.Add($"{architecture}.attention.layer_norm_rms_epsilon", 1e-5f);
        writer.Add("tokenizer.ggml.model", tokenizer);
        writer.Add("tokenizer.ggml.pre", "gpt-2");
        writer.Add("tokenizer.ggml.tokens", Tokens);
        writer.Add("tokenizer.ggml.token_type", (int[])[3, 1, 1, 1, 1]);
        writer.Add("tokenizer.ggml.merges", Array.Empty<string>());
        writer.Add("tokenizer.ggml.eos_token_id", 0u);
        Random random = new(1);
        Matrix("token_embd", Hidden, Tokens.Length);
        Norm("output_norm");
        Norm("blk.0.attn_norm");
        Norm("blk.0.ffn_norm");
        foreach (string name in (string[])["attn_q", "attn_k", "attn_v", "attn_output"]) Matrix($"blk.0.{name}", Hidden, Hidden);
        Matrix("blk.0.ffn_gate", Hidden, FeedForward);
        Matrix("blk.0.ffn_up", Hidden, FeedForward);
        Matrix("blk.0.ffn_down", FeedForward, Hidden);
        return new TemporaryFile(writer.ToArray());

        void Norm(string name) => Add(name, [Hidden], [.. Enumerable.Repeat(1f, Hidden)]);
        void Matrix(string name, int inner, int outer) =>
            Add(name, [inner, outer], [.. Enumerable.Range(0, inner * outer).Select(_ => (float)(random.NextDouble() - 0.5) / 4)]);
        void Add(string name, ReadOnlySpan<long> dimensions, float[] values) =>
            writer.AddTensor(name + ".weight", GgufTensorType.F32, dimensions, MemoryMarshal.AsBytes(values.AsSpan()));
    }
}

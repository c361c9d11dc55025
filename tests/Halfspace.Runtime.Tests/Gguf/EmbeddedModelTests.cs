using Halfspace.Runtime.Gguf;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Gguf;

/// <summary>The header of the model in the repository, as another reader shows it.</summary>
public sealed class EmbeddedModelTests : IDisposable
{
    private readonly GgufFile _file = GgufFile.Open(Repository.EmbeddedModel);

    public void Dispose() => _file.Dispose();

    [Fact]
    public void Its_metadata_are_read()
    {
        GgufMetadata m = _file.Metadata;
        Assert.Equal(3u, _file.Version);
        Assert.Equal(98_362_432, _file.Length);
        Assert.Equal(33, m.Keys.Count);
        Assert.Equal("general.architecture", m.Keys.First());
        Assert.Equal("llama", m.GetString("general.architecture"));
        Assert.Equal("Smollm2 135M 8k Lc100K Mix1 Ep2", m.GetString("general.name"));
        Assert.Equal(["en"], m.GetStringArray("general.languages"));
        Assert.Equal(30u, m.GetUInt32("llama.block_count"));
        Assert.Equal(8192, m.GetInt64("llama.context_length"));
        Assert.Equal(576, m.GetInt32("llama.embedding_length"));
        Assert.Equal(9u, m.GetUInt32("llama.attention.head_count"));
        Assert.Equal(3u, m.GetUInt32("llama.attention.head_count_kv"));
        Assert.Equal(100_000f, m.GetFloat("llama.rope.freq_base"));
        Assert.Equal(1e-5f, m.GetFloat("llama.attention.layer_norm_rms_epsilon"));
        Assert.False(m.GetBool("tokenizer.ggml.add_bos_token"));
        Assert.Equal("smollm", m.GetString("tokenizer.ggml.pre"));
        string[] tokens = m.GetStringArray("tokenizer.ggml.tokens"), merges = m.GetStringArray("tokenizer.ggml.merges");
        Assert.Equal(49_152, tokens.Length);
        Assert.Equal(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>"], tokens[..4]);
        Assert.Equal(48_900, merges.Length);
        Assert.Equal(["Ġ t", "Ġ a", "i n", "h e"], merges[..4]);
        Assert.Equal([3, 3, 3, 3], m.GetInt32Array("tokenizer.ggml.token_type")[..4]);
        Assert.StartsWith("{% for message in messages %}", m.GetString("tokenizer.chat_template"), StringComparison.Ordinal);
    }

    [Fact]
    public void Its_tensors_are_read()
    {
        Assert.Equal(272, _file.Tensors.Count);
        Assert.Equal(32, _file.Alignment);
        Dictionary<GgufTensorType, int> types = _file.Tensors.Values.CountBy(tensor => tensor.Type).ToDictionary();
        Assert.Equal(new Dictionary<GgufTensorType,
            int>
        { [GgufTensorType.Q8_0] = 1, [GgufTensorType.F32] = 61, [GgufTensorType.Q4_1] = 210 }, types);
        GgufTensor table = _file.Tensors["token_embd.weight"], down = _file.Tensors["blk.0.ffn_down.weight"];
        Assert.Equal([576, 49_152], table.Dimensions);
        Assert.Equal(1_785_664, table.Offset);
        Assert.Equal(612, table.RowBytes);
        Assert.Equal([1536, 576], down.Dimensions);
        Assert.Equal(1_785_664 + 30_083_328, down.Offset);
        Assert.Equal("output_norm.weight", _file.Tensors.Keys.Last());
        Assert.Equal(134_515_008, _file.Tensors.Values.Sum(tensor => tensor.ElementCount));
    }

    [Fact]
    public void Opening_it_allocates_little()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        GgufFile.Open(Repository.EmbeddedModel).Dispose();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 200_000); // 272 tensors and 33 keys, not 98,052 strings
    }
}

using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Tokenization;

/// <summary>The tokenizer that a model file's metadata describes.</summary>
internal static class GgufVocabulary
{
    /// <summary>Reads the keys of <c>tokenizer.ggml</c>.</summary>
    /// <exception cref="GgufException">A key is missing or of the wrong type.</exception>
    public static TokenizerVocabulary Read(GgufMetadata metadata)
    {
        int[]? types = metadata.GetInt32Array("tokenizer.ggml.token_type", null);
        return new()
        {
            Model = metadata.GetString("tokenizer.ggml.model"),
            Pre = metadata.GetString("tokenizer.ggml.pre", null),
            Tokens = metadata.GetStringArray("tokenizer.ggml.tokens"),
            Types = types is null ? null : Array.ConvertAll(types, type => (TokenType)type),
            Scores = metadata.GetFloatArray("tokenizer.ggml.scores", null),
            Merges = metadata.GetStringArray("tokenizer.ggml.merges", null),
            BosId = Id("bos"),
            EosId = Id("eos"),
            EotId = Id("eot"),
            UnknownId = Id("unknown"),
            AddBos = Flag("add_bos_token"),
            AddSpacePrefix = Flag("add_space_prefix"),
        };

        int? Id(string name)
        {
            string key = $"tokenizer.ggml.{name}_token_id";
            return metadata.Contains(key) ? metadata.GetInt32(key) : null;
        }

        bool? Flag(string name)
        {
            string key = $"tokenizer.ggml.{name}";
            return metadata.Contains(key) ? metadata.GetBool(key) : null;
        }
    }
}

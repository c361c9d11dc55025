using Halfspace.Runtime.Tokenization;

namespace Halfspace.Cli.Perplexity;

/// <summary>The first tokens of a text file from some place on, without reading or tokenizing all of a long one.</summary>
internal static class FirstTokens
{
    /// <summary>Characters to try for each token, and tokens to spare, since a cut text ends in other tokens than the whole.</summary>
    private const int CharactersPerToken = 6, Spare = 64;

    public static int[] Of(Tokenizer tokenizer, string path, int offset, int count)
    {
        for (long characters = ((long)count + Spare) * CharactersPerToken; ; characters *= 2)
        {
            int wanted = (int)Math.Min(characters, Array.MaxLength / sizeof(char));
            string text = TextFiles.ReadPart(path, offset, wanted);
            int[] tokens = tokenizer.Encode(text, parseSpecial: false, tokenizer.AddBos);
            if (text.Length < wanted || wanted < characters || tokens.Length >= (long)count + Spare)
                return tokens.Length > count ? tokens[..count] : tokens;
        }
    }
}

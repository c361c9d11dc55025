using Halfspace.Runtime.Tokenization;

namespace Halfspace.Cli.Perplexity;

/// <summary>The first tokens of a text, without tokenizing all of a long one.</summary>
internal static class FirstTokens
{
    /// <summary>Characters to try for each token wanted, and tokens to spare, since a cut text ends in tokens that the whole would not have.</summary>
    private const int CharactersPerToken = 6, Spare = 64;

    public static int[] Of(Tokenizer tokenizer, ReadOnlySpan<char> text, int count)
    {
        for (long characters = ((long)count + Spare) * CharactersPerToken; ; characters *= 2)
        {
            int taken = (int)Math.Min(characters, text.Length);
            if (taken < text.Length && char.IsHighSurrogate(text[taken - 1])) taken++;
            int[] tokens = tokenizer.Encode(text[..taken].ToString(), parseSpecial: false, tokenizer.AddBos);
            if (taken == text.Length || tokens.Length >= (long)count + Spare) return tokens.Length > count ? tokens[..count] : tokens;
        }
    }
}

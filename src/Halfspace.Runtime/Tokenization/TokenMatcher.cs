using System.Buffers;
using System.Runtime.InteropServices;

namespace Halfspace.Runtime.Tokenization;

/// <summary>Finds tokens that are written out in a text: the leftmost one, and of those that begin there the longest.</summary>
internal sealed class TokenMatcher
{
    private readonly Dictionary<char, List<(string Text, int Id)>> _byFirst = [];
    private readonly SearchValues<char> _firsts;

    /// <summary>A matcher of some tokens; empty texts and repeated ones (the first counts) are left out.</summary>
    public TokenMatcher(IEnumerable<(string Text, int Id)> tokens)
    {
        HashSet<string> seen = [];
        foreach ((string text, int id) in tokens)
        {
            if (text.Length == 0 || !seen.Add(text))
                continue;
            ref List<(string Text, int Id)>? list = ref CollectionsMarshal.GetValueRefOrAddDefault(_byFirst, text[0], out _);
            (list ??= []).Add((text, id));
        }

        foreach (List<(string Text, int Id)> list in _byFirst.Values)
            list.Sort((a, b) => b.Text.Length.CompareTo(a.Text.Length));
        _firsts = SearchValues.Create([.. _byFirst.Keys]);
    }

    /// <summary>Finds the first token.</summary>
    public bool TryFind(ReadOnlySpan<char> text, out int index, out int length, out int id)
    {
        index = 0;
        for (int step; (step = text[index..].IndexOfAny(_firsts)) >= 0; index++)
        {
            index += step;
            foreach ((string token, int tokenId) in _byFirst[text[index]])
            {
                if (!text[index..].StartsWith(token, StringComparison.Ordinal))
                    continue;
                (length, id) = (token.Length, tokenId);
                return true;
            }
        }

        (length, id) = (0, -1);
        return false;
    }
}

using System.Text;

namespace Halfspace.Runtime.Tokenization;

/// <summary>The bytes of every token, one after the other in one array.</summary>
internal sealed class TokenTexts
{
    private readonly byte[] _bytes;
    private readonly int[] _offsets;

    /// <param name="vocabulary">Valid.</param>
    /// <param name="writeText">Appends the bytes of a token that is text; others are written as they are.</param>
    public TokenTexts(TokenizerVocabulary vocabulary, Action<string, List<byte>> writeText)
    {
        string[] tokens = vocabulary.Tokens;
        List<byte> bytes = new(tokens.Length * 8);
        _offsets = new int[tokens.Length + 1];
        for (int id = 0; id < tokens.Length; id++)
        {
            switch (vocabulary.TypeOf(id))
            {
                case TokenType.Control or TokenType.Unknown or TokenType.UserDefined:
                    bytes.AddRange(Encoding.UTF8.GetBytes(tokens[id]));
                    break;
                case TokenType.Byte:
                    bytes.Add((byte)TokenizerVocabulary.ByteOf(tokens[id]));
                    break;
                default:
                    writeText(tokens[id], bytes);
                    break;
            }

            _offsets[id + 1] = bytes.Count;
        }

        _bytes = [.. bytes];
    }

    /// <summary>The bytes of a token.</summary>
    public ReadOnlySpan<byte> this[int id] => _bytes.AsSpan(_offsets[id].._offsets[id + 1]);
}

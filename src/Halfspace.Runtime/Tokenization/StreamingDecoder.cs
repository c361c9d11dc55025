using System.Text.Unicode;

namespace Halfspace.Runtime.Tokenization;

/// <summary>Turns tokens into text one at a time. Only whole characters come out, a surrogate pair always together; bytes that are not
/// UTF-8 become U+FFFD once that is certain. All outputs joined are what <see cref="Tokenizer.Decode"/> gives. For one thread.</summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecial;
    private byte[] _bytes = new byte[64];
    private char[] _text = new char[64];
    private int _pending;
    private bool _atStart;

    /// <summary>A decoder at the begin of an output.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="skipSpecial">Whether control tokens are left out rather than written.</param>
    /// <param name="atStart">Whether a text begins here, rather than goes on: SentencePiece's space before it is then taken away.</param>
    public StreamingDecoder(Tokenizer tokenizer, bool skipSpecial = true, bool atStart = false)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _skipSpecial = skipSpecial;
        _atStart = atStart;
    }

    /// <summary>Takes a token.</summary>
    /// <returns>The characters that it completes; valid until the next call.</returns>
    /// <exception cref="ModelException">The id is not in the vocabulary.</exception>
    public ReadOnlySpan<char> Append(int id)
    {
        ReadOnlySpan<byte> added = _tokenizer.TextOf(id, _skipSpecial, ref _atStart);
        int length = _pending + added.Length;
        if (length > _bytes.Length)
            Array.Resize(ref _bytes, 2 * length);
        if (length > _text.Length)
            _text = new char[2 * length]; // a character of UTF-16 takes at least a byte of UTF-8
        added.CopyTo(_bytes.AsSpan(_pending));
        return Convert(length, isFinal: false);
    }

    /// <summary>Ends the text.</summary>
    /// <returns>U+FFFD if the text ends within a character, else nothing; valid until the next call.</returns>
    public ReadOnlySpan<char> Flush() => Convert(_pending, isFinal: true);

    private ReadOnlySpan<char> Convert(int length, bool isFinal)
    {
        ReadOnlySpan<byte> bytes = _bytes.AsSpan(0, length);
        Utf8.ToUtf16(bytes, _text, out int read, out int written, replaceInvalidSequences: true, isFinalBlock: isFinal);
        bytes[read..].CopyTo(_bytes);
        _pending = length - read;
        return _text.AsSpan(0, written);
    }
}

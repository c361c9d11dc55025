namespace Halfspace.Runtime.Tokenization;

/// <summary>Ends a streamed text before the first of some stop strings, wherever token borders fall: text that may be the begin of a stop
/// string is held back until that is settled. The string whose end comes first counts, and of those that end together the longest.
/// For one thread.</summary>
public sealed class StopSequences
{
    private readonly string[] _stops;
    private readonly int[][] _borders;
    private readonly int[] _matched;
    private char[] _text = new char[64];
    private int _start;
    private int _held;

    /// <summary>Stop strings, compared by ordinal; none is allowed.</summary>
    /// <exception cref="ModelException">A stop string is empty, or begins or ends with half a surrogate pair.</exception>
    public StopSequences(IEnumerable<string> stops)
    {
        ArgumentNullException.ThrowIfNull(stops);
        _stops = [.. stops];
        foreach (string stop in _stops)
        {
            if (string.IsNullOrEmpty(stop))
                throw new ModelException("A stop string is empty; give it at least one character.");
            if (char.IsLowSurrogate(stop[0]) || char.IsHighSurrogate(stop[^1]))
                throw new ModelException("A stop string begins or ends with half a character; give it whole characters.");
        }

        _borders = [.. _stops.Select(Borders)];
        _matched = new int[_stops.Length];
    }

    /// <summary>The stop string that was found, or null.</summary>
    public string? Found { get; private set; }

    /// <summary>Takes the next text; ignored once a stop string is <see cref="Found"/>.</summary>
    /// <returns>What is certain not to belong to a stop string; valid until the next call.</returns>
    public ReadOnlySpan<char> Append(ReadOnlySpan<char> text)
    {
        if (Found is not null)
            return [];
        _text.AsSpan(_start, _held).CopyTo(_text);
        int length = _held + text.Length;
        if (length > _text.Length)
            Array.Resize(ref _text, 2 * length);
        text.CopyTo(_text.AsSpan(_held));
        for (int end = _held; end < length; end++)
        {
            if (Longest(_text[end]) is not string stop)
                continue;
            Found = stop;
            length = end + 1;
            break;
        }

        _held = Found?.Length ?? (_matched.Length == 0 ? 0 : _matched.Max());
        _start = length - _held;
        return _text.AsSpan(0, _start);
    }

    /// <summary>Ends the text.</summary>
    /// <returns>What was held back, since no stop string follows; valid until the next call.</returns>
    public ReadOnlySpan<char> Flush()
    {
        ReadOnlySpan<char> held = Found is null ? _text.AsSpan(_start, _held) : [];
        (_start, _held) = (0, 0);
        Array.Clear(_matched);
        return held;
    }

    /// <summary>Moves every stop string on by a character.</summary>
    /// <returns>The longest one that ends here, or null.</returns>
    private string? Longest(char next)
    {
        string? longest = null;
        for (int i = 0; i < _stops.Length; i++)
        {
            string stop = _stops[i];
            int matched = _matched[i];
            while (matched > 0 && stop[matched] != next)
                matched = _borders[i][matched];
            if (stop[matched] == next)
                matched++;
            if (matched == stop.Length && matched > (longest?.Length ?? 0))
                longest = stop;
            _matched[i] = matched;
        }

        return longest;
    }

    /// <summary>For every prefix of a string the longest proper prefix of it that it also ends with (Knuth, Morris and Pratt).</summary>
    private static int[] Borders(string stop)
    {
        int[] borders = new int[stop.Length + 1];
        for (int end = 1, border = 0; end < stop.Length; end++)
        {
            while (border > 0 && stop[border] != stop[end])
                border = borders[border];
            if (stop[border] == stop[end])
                border++;
            borders[end + 1] = border;
        }

        return borders;
    }
}

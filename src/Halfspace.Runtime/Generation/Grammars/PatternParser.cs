using System.Globalization;
using System.Text;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Reads the regular part of ECMA-262's expressions, by code points.</summary>
internal sealed class PatternParser
{
    private const int MostRepetitions = 1000, Nesting = 64;

    private readonly string _pattern, _where;
    private readonly int[] _characters;
    private int _at, _depth;

    private PatternParser(string pattern, string where)
    {
        _pattern = pattern;
        _where = where;
        _characters = [.. pattern.EnumerateRunes().Select(rune => rune.Value)];
    }

    /// <exception cref="ModelException">The pattern is malformed or not supported.</exception>
    public static PatternSyntax Parse(string pattern, string where)
    {
        PatternParser parser = new(pattern, where);
        PatternSyntax syntax = parser.Choice();
        return parser._at == parser._characters.Length ? syntax : throw parser.Refused("a ')' without '('");
    }

    private bool More => _at < _characters.Length;

    private bool Take(char c)
    {
        if (!More || _characters[_at] != c) return false;
        _at++;
        return true;
    }

    private ModelException Refused(string what) =>
        new($"The schema's {_where} has {what} at character {_at}, which is not supported ('{_pattern}'); write it without.");

    private PatternSyntax Choice()
    {
        if (++_depth > Nesting) throw Refused($"groups nested more than {Nesting} deep");
        List<PatternSyntax> parts = [Sequence()];
        while (Take('|')) parts.Add(Sequence());
        _depth--;
        return parts.Count == 1 ? parts[0] : new PatternSyntax.Choice([.. parts]);
    }

    private PatternSyntax.Sequence Sequence()
    {
        List<PatternSyntax> parts = [];
        while (More && _characters[_at] is not ('|' or ')')) parts.Add(Quantified(Atom()));
        return new PatternSyntax.Sequence([.. parts]);
    }

    private PatternSyntax Quantified(PatternSyntax part)
    {
        (int Least, int Most)? times = Take('*') ? (0, -1) : Take('+') ? (1, -1) : Take('?') ? (0, 1) : Braces();
        if (times is not { } t) return part;
        if (part is PatternSyntax.Anchor) throw Refused("a repeated '^' or '$'");
        Take('?'); // which reading is preferred makes no difference to what matches
        if (More && _characters[_at] is '*' or '+' or '?') throw Refused("two quantifiers in a row");
        return new PatternSyntax.Repeated(part, t.Least, t.Most);
    }

    private (int, int)? Braces()
    {
        int start = _at;
        if (!Take('{') || Integer() is not { } least) return Back(start);
        int most = least;
        if (Take(',')) most = Integer() ?? -1;
        if (!Take('}')) return Back(start);
        if (least > MostRepetitions || most > MostRepetitions) throw Refused($"a quantifier above {MostRepetitions}");
        return most < 0 || most >= least ? (least, most) : throw Refused("a quantifier whose bounds are the wrong way round");
    }

    private (int, int)? Back(int start)
    {
        _at = start;
        return null;
    }

    private int? Integer()
    {
        int start = _at;
        long value = 0;
        for (; More && _characters[_at] is >= '0' and <= '9'; _at++) value = Math.Min(int.MaxValue, (value * 10) + _characters[_at] - '0');
        return _at == start ? null : (int)value;
    }

    private PatternSyntax Atom()
    {
        int c = _characters[_at++];
        switch (c)
        {
            case '^': return new PatternSyntax.Anchor(false);
            case '$': return new PatternSyntax.Anchor(true);
            case '.': return new PatternSyntax.Class(CodePoints.Dot);
            case '[': return Set();
            case '\\': return new PatternSyntax.Class(Escape(inSet: false));
            case '(':
                if (Take('?') && !Take(':')) throw Refused("a group with '?' other than '(?:'");
                PatternSyntax inner = Choice();
                return Take(')') ? inner : throw Refused("a '(' without ')'");
            case '*' or '+' or '?':
                throw Refused("a quantifier that follows nothing");
            default:
                return new PatternSyntax.Class([(c, c)]);
        }
    }

    private PatternSyntax.Class Set()
    {
        bool negated = Take('^');
        List<(int First, int Last)> ranges = [];
        while (!Take(']'))
        {
            (int First, int Last)[] member = Member();
            if (member is [var low] && low.First == low.Last && _at + 1 < _characters.Length && _characters[_at] == '-' && _characters[_at + 1] != ']')
            {
                _at++;
                (int First, int Last)[] end = Member();
                if (end is not [var high] || high.First != high.Last || high.First < low.First) throw Refused("a range without order in a set");
                member = [(low.First, high.First)];
            }

            ranges.AddRange(member);
        }

        return new PatternSyntax.Class(negated ? CodePoints.Complement(ranges) : CodePoints.Normalise(ranges));
    }

    private (int First, int Last)[] Member()
    {
        if (!More) throw Refused("a '[' without ']'");
        int c = _characters[_at++];
        return c == '\\' ? Escape(inSet: true) : [(c, c)];
    }

    private (int First, int Last)[] Escape(bool inSet)
    {
        if (!More) throw Refused("a '\\' that ends it");
        int c = _characters[_at++];
        return c switch
        {
            'd' => CodePoints.Digits,
            'D' => CodePoints.Complement(CodePoints.Digits),
            'w' => CodePoints.Word,
            'W' => CodePoints.Complement(CodePoints.Word),
            's' => CodePoints.Space,
            'S' => CodePoints.Complement(CodePoints.Space),
            'n' => [('\n', '\n')],
            'r' => [('\r', '\r')],
            't' => [('\t', '\t')],
            'f' => [('\f', '\f')],
            'v' => [('\v', '\v')],
            'b' when inSet => [('\b', '\b')],
            '0' => [(0, 0)],
            'x' => Hex(2),
            'u' => Hex(4),
            >= '1' and <= '9' or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') => throw Refused($"the escape '\\{new Rune(c)}'"),
            _ => [(c, c)],
        };
    }

    private (int First, int Last)[] Hex(int digits)
    {
        string text = string.Concat(_characters.Skip(_at).Take(digits).Select(c => new Rune(c).ToString()));
        if (text.Length != digits || !int.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) || value is >= 0xD800 and <= 0xDFFF)
            throw Refused("an escape that is no character's number");
        _at += digits;
        return [(value, value)];
    }
}

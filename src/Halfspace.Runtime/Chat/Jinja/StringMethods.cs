using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The methods of text.</summary>
internal static class StringMethods
{
    public static FunctionValue? Find(string text, string name)
    {
        Function? method = name switch
        {
            "strip" => (i, a) => Strip(i, text, a, name, start: true, end: true),
            "lstrip" => (i, a) => Strip(i, text, a, name, start: true, end: false),
            "rstrip" => (i, a) => Strip(i, text, a, name, start: false, end: true),
            "split" => (i, a) => Splitting.Split(i, text, a),
            "rsplit" => (i, a) => Splitting.SplitFromEnd(i, text, a),
            "splitlines" => (i, a) => Splitting.Lines(i, text, a),
            "partition" => (i, a) => Splitting.Partition(i, text, a, last: false),
            "rpartition" => (i, a) => Splitting.Partition(i, text, a, last: true),
            "startswith" => (i, a) => BooleanValue.Of(Affix(a, name, affix => text.StartsWith(affix, StringComparison.Ordinal))),
            "endswith" => (i, a) => BooleanValue.Of(Affix(a, name, affix => text.EndsWith(affix, StringComparison.Ordinal))),
            "removeprefix" => (i, a) => Remove(i, text, RequireText(a, name), start: true),
            "removesuffix" => (i, a) => Remove(i, text, RequireText(a, name), start: false),
            "replace" => (i, a) => Replace(i, text, a),
            "upper" => Plain(name, text, t => new StringValue(t.ToUpperInvariant())),
            "lower" => Plain(name, text, t => new StringValue(t.ToLowerInvariant())),
            "title" => Plain(name, text, t => new StringValue(PythonText.Title(t))),
            "capitalize" => Plain(name, text, t => new StringValue(PythonText.Capitalise(t))),
            "isupper" => Plain(name, text, t => BooleanValue.Of(PythonText.IsUpper(t))),
            "islower" => Plain(name, text, t => BooleanValue.Of(PythonText.IsLower(t))),
            "isdigit" or "isdecimal" or "isnumeric" => Plain(name, text, t => BooleanValue.Of(All(t, Rune.IsDigit))),
            "isalpha" => Plain(name, text, t => BooleanValue.Of(All(t, Rune.IsLetter))),
            "isalnum" => Plain(name, text, t => BooleanValue.Of(All(t, Rune.IsLetterOrDigit))),
            "isspace" => Plain(name, text, t => BooleanValue.Of(t.Length > 0 && PythonText.LeadingWhitespace(t) == t.Length)),
            "find" => (i, a) => new IntegerValue(IndexOf(i, text, a, name)),
            "rfind" => (i, a) => new IntegerValue(IndexOf(i, text, a, name)),
            "index" => (i, a) => IndexOf(i, text, a, name) is >= 0 and var at ? new IntegerValue(at)
                : throw new JinjaException("the text to find is not there"),
            "count" => (i, a) => new IntegerValue(Count(i, text, RequireText(a, name))),
            "join" => (i, a) => Join(i, text, a),
            "format" => (i, a) => PythonFormat.Braces(text, a, i),
            "zfill" => (i, a) => ZeroFill(i, text, a),
            _ => null,
        };
        return method is null ? null : new FunctionValue(name, method);
    }

    /// <summary>The text with the first occurrences replaced; all if count is negative.</summary>
    public static string Replace(string text, string old, string replacement, long count, Budget budget)
    {
        if (count < 0) count = long.MaxValue;
        StringBuilder result = new();
        int position = 0;
        while (count-- > 0)
        {
            // An empty text is found before every character and at the end.
            int found = old.Length == 0 ? position : text.IndexOf(old, position, StringComparison.Ordinal);
            if (found < 0) break;
            budget.Room((long)result.Length + found - position + replacement.Length);
            budget.Spend(1 + found - position + replacement.Length);
            result.Append(text, position, found - position).Append(replacement);
            position = found + old.Length;
            if (old.Length > 0) continue;
            if (position == text.Length) break;
            int step = char.IsSurrogatePair(text, position) ? 2 : 1;
            result.Append(text, position, step);
            position += step;
        }

        budget.Text((long)result.Length + text.Length - position);
        return result.Append(text, position, text.Length - position).ToString();
    }

    public static string RequireText(Arguments arguments, string method) =>
        arguments.Bind(method, "text")[0] is StringValue text ? text.Text
        : throw new JinjaException($"'{method}' needs a text");

    private static Function Plain(string name, string text, Func<string, Value> method) => (interpreter, arguments) =>
    {
        arguments.Bind(name);
        interpreter.Budget.Text(text.Length);
        return method(text);
    };

    private static bool All(string text, Func<Rune, bool> predicate)
    {
        foreach (Rune rune in text.EnumerateRunes())
            if (!predicate(rune)) return false;
        return text.Length > 0;
    }

    private static StringValue Strip(Interpreter interpreter, string text, Arguments arguments, string name, bool start, bool end)
    {
        Value? characters = arguments.Bind(name, "chars")[0];
        if (characters is not (null or NoneValue or StringValue))
            throw new JinjaException($"'{name}' needs a text of the characters to take off");
        interpreter.Budget.Text(text.Length);
        return new StringValue(PythonText.Strip(text, (characters as StringValue)?.Text, start, end));
    }

    private static bool Affix(Arguments arguments, string name, Func<string, bool> holds) => arguments.Bind(name, "affix")[0] switch
    {
        StringValue affix => holds(affix.Text),
        ListValue { IsTuple: true } affixes => affixes.Items.Any(a =>
            a is StringValue affix ? holds(affix.Text) : throw new JinjaException($"'{name}' needs texts")),
        _ => throw new JinjaException($"'{name}' needs a text or a tuple of texts"),
    };

    private static StringValue Remove(Interpreter interpreter, string text, string affix, bool start)
    {
        interpreter.Budget.Text(text.Length);
        return new StringValue(start
            ? text.StartsWith(affix, StringComparison.Ordinal) ? text[affix.Length..] : text
            : text.EndsWith(affix, StringComparison.Ordinal) ? text[..^affix.Length] : text);
    }

    private static StringValue Replace(Interpreter interpreter, string text, Arguments arguments)
    {
        Value?[] a = arguments.Bind("replace", "old", "new", "count");
        if (a[0] is not StringValue old || a[1] is not StringValue replacement)
            throw new JinjaException("'replace' needs the text to replace and the text to put in its place");
        long count = a[2] is null ? -1 : Number.Require(a[2]!, "a count");
        return new StringValue(Replace(text, old.Text, replacement.Text, count, interpreter.Budget));
    }

    private static long IndexOf(Interpreter interpreter, string text, Arguments arguments, string name)
    {
        Value?[] a = arguments.Bind(name, "sub", "start", "end");
        if (a[0] is not StringValue part) throw new JinjaException($"'{name}' needs a text");
        interpreter.Budget.Spend(1 + (text.Length / 4));
        int count = PythonText.Count(text);
        long from = Bound(a[1], 0), to = Bound(a[2], count);
        if (from > count || from > to) return -1;
        int first = PythonText.Index(text, (int)from);
        string searched = text[first..PythonText.Index(text, (int)to)];
        int found = name == "rfind" ? searched.LastIndexOf(part.Text, StringComparison.Ordinal)
            : searched.IndexOf(part.Text, StringComparison.Ordinal);
        return found < 0 ? -1 : from + PythonText.Offset(searched, found);

        long Bound(Value? value, long otherwise)
        {
            if (value is null or NoneValue) return otherwise;
            long index = Number.Require(value, $"a bound of '{name}'");
            return index < 0 ? Math.Max(index + count, 0) : Math.Min(index, (long)count + 1);
        }
    }

    private static long Count(Interpreter interpreter, string text, string part)
    {
        interpreter.Budget.Spend(1 + text.Length);
        if (part.Length == 0) return PythonText.Count(text) + 1;
        long count = 0;
        for (int i = 0; (i = text.IndexOf(part, i, StringComparison.Ordinal)) >= 0; i += part.Length) count++;
        return count;
    }

    private static StringValue Join(Interpreter interpreter, string separator, Arguments arguments)
    {
        Value items = arguments.Bind("join", "items")[0] ?? throw new JinjaException("'join' needs a list");
        return SequenceFilters.Join(Iteration.Items(items, interpreter.Budget), separator, interpreter.Budget, item =>
            item is StringValue ? item : throw new JinjaException($"'join' joins texts, not a value of type '{item.TypeName}'"));
    }

    private static StringValue ZeroFill(Interpreter interpreter, string text, Arguments arguments)
    {
        Value width = arguments.Bind("zfill", "width")[0] ?? throw new JinjaException("'zfill' needs a width");
        long zeros = Math.Max(Number.Require(width, "the width of 'zfill'") - PythonText.Count(text), 0);
        interpreter.Budget.Text(zeros + text.Length);
        int sign = text.Length > 0 && text[0] is '-' or '+' ? 1 : 0;
        return new StringValue(text[..sign] + new string('0', (int)zeros) + text[sign..]);
    }
}

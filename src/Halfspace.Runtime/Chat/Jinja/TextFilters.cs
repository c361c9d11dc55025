using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Filters that make text.</summary>
internal static class TextFilters
{
    public static Value Trim(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("trim", "chars");
        string text = Read(interpreter, input);
        return new StringValue(PythonText.Strip(text, a[0] is null or NoneValue ? null : Printer.Text(a[0]!, interpreter.Budget)));
    }

    public static Value Upper(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("upper");
        return new StringValue(Read(interpreter, input).ToUpperInvariant());
    }

    public static Value Lower(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("lower");
        return new StringValue(Read(interpreter, input).ToLowerInvariant());
    }

    public static Value Capitalise(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("capitalize");
        return new StringValue(PythonText.Capitalise(Read(interpreter, input)));
    }

    /// <summary>Unlike str.title, a word begins only after a space, a hyphen or an opening bracket.</summary>
    public static Value Title(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("title");
        StringBuilder result = new();
        bool start = true;
        foreach (string c in PythonText.Characters(Read(interpreter, input)))
        {
            result.Append(start ? c.ToUpperInvariant() : c.ToLowerInvariant());
            start = c is "-" or "(" or "{" or "[" or "<" || PythonText.IsWhitespace(c[0]);
        }

        return new StringValue(result.ToString());
    }

    public static Value Replace(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("replace", "old", "new", "count");
        if (a[0] is null || a[1] is null) throw new JinjaException("'replace' needs the text to replace and the text to put in its place");
        Budget budget = interpreter.Budget;
        long count = a[2] is null or NoneValue ? -1 : Number.Require(a[2]!, "a count");
        string old = Printer.Text(a[0]!, budget), replacement = Printer.Text(a[1]!, budget);
        return new StringValue(StringMethods.Replace(Read(interpreter, input), old, replacement, count, budget));
    }

    public static Value Indent(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value?[] a = arguments.Bind("indent", "width", "first", "blank");
        if (input is UndefinedValue undefined) throw undefined.Failure();
        if (input is not StringValue) throw new JinjaException($"'indent' needs text, not a value of type '{input.TypeName}'");
        string text = Read(interpreter, input);
        long width = a[0] is StringValue given ? given.Text.Length
            : a[0] is null ? 4
            : Math.Max(Number.Require(a[0]!, "an indentation"), 0);
        bool first = a[1]?.IsTrue ?? false, blank = a[2]?.IsTrue ?? false;
        List<string> lines = PythonText.Lines(text + "\n");
        interpreter.Budget.Text(text.Length + (lines.Count * (Math.Min(width, int.MaxValue) + 1)));
        string indent = (a[0] as StringValue)?.Text ?? new string(' ', (int)width);
        StringBuilder result = new();
        for (int i = 0; i < lines.Count; i++)
        {
            if (i > 0) result.Append('\n');
            if (i == 0 ? first : blank || lines[i].Length > 0) result.Append(indent);
            result.Append(lines[i]);
        }

        return new StringValue(result.ToString());
    }

    public static Value Format(Interpreter interpreter, Value input, Arguments arguments)
    {
        if (arguments.Named.Count == 0)
            return PythonFormat.Percent(Read(interpreter, input), new ListValue(arguments.Positional, isTuple: true), interpreter);
        if (arguments.Positional.Count > 0) throw new JinjaException("'format' takes either positional or named arguments");
        MappingValue map = new();
        foreach ((string name, Value value) in arguments.Named) map.Set(new StringValue(name), value);
        return PythonFormat.Percent(Read(interpreter, input), map, interpreter);
    }

    public static Value Escape(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("escape");
        string text = Read(interpreter, input);
        interpreter.Budget.Text(text.Length * 5L);
        return new StringValue(new StringBuilder(text)
            .Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("\"", "&#34;").Replace("'", "&#39;").ToString());
    }

    public static Value ToText(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("string");
        return new StringValue(Printer.Text(input, interpreter.Budget));
    }

    public static Value WordCount(Interpreter interpreter, Value input, Arguments arguments)
    {
        arguments.Bind("wordcount");
        bool inside = false;
        int words = 0;
        foreach (char c in Read(interpreter, input))
        {
            bool letter = char.IsLetterOrDigit(c) || c == '_';
            if (letter && !inside) words++;
            inside = letter;
        }

        return new IntegerValue(words);
    }

    /// <summary>The input as text; the work of going through it is taken here.</summary>
    private static string Read(Interpreter interpreter, Value input)
    {
        string text = Printer.Text(input, interpreter.Budget);
        interpreter.Budget.Text(text.Length);
        return text;
    }
}

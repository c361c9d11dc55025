namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The methods of text that take it apart.</summary>
internal static class Splitting
{
    public static ListValue Split(Interpreter interpreter, string text, Arguments arguments)
    {
        (string? separator, long most) = Parameters(arguments, "split");
        interpreter.Budget.Text(text.Length);
        List<Value> parts = [];
        int position = separator is null ? PythonText.LeadingWhitespace(text) : 0;
        while (separator is not null || position < text.Length)
        {
            ReadOnlySpan<char> rest = text.AsSpan(position);
            int length = parts.Count >= most ? -1 : separator is null ? NextWhitespace(rest)
                : rest.IndexOf(separator, StringComparison.Ordinal);
            interpreter.Budget.Elements(1);
            parts.Add(new StringValue((length < 0 ? rest : rest[..length]).ToString()));
            if (length < 0) break;
            position += length + (separator?.Length ?? PythonText.LeadingWhitespace(rest[length..]));
        }

        return new ListValue(parts);
    }

    public static ListValue SplitFromEnd(Interpreter interpreter, string text, Arguments arguments)
    {
        (string? separator, long most) = Parameters(arguments, "rsplit");
        interpreter.Budget.Text(text.Length);
        List<Value> parts = [];
        string rest = separator is null ? PythonText.StripEnd(text) : text;
        int end = rest.Length;
        while (separator is not null || end > 0)
        {
            ReadOnlySpan<char> left = rest.AsSpan(0, end);
            int found = parts.Count >= most ? -1 : separator is null ? LastWhitespace(left)
                : left.LastIndexOf(separator, StringComparison.Ordinal);
            interpreter.Budget.Elements(1);
            int start = found < 0 ? 0 : found + (separator?.Length ?? 1);
            parts.Add(new StringValue(left[start..].ToString()));
            if (found < 0) break;
            end = separator is null ? PythonText.LengthBeforeWhitespace(left[..found]) : found;
        }

        parts.Reverse();
        return new ListValue(parts);
    }

    public static ListValue Lines(Interpreter interpreter, string text, Arguments arguments)
    {
        if (arguments.Bind("splitlines", "keepends")[0]?.IsTrue ?? false)
            throw new JinjaException("'splitlines' that keeps line ends is not supported");
        interpreter.Budget.Text(text.Length);
        List<string> lines = PythonText.Lines(text);
        interpreter.Budget.Elements(lines.Count);
        return new ListValue(lines.ConvertAll<Value>(line => new StringValue(line)));
    }

    public static ListValue Partition(Interpreter interpreter, string text, Arguments arguments, bool last)
    {
        string separator = StringMethods.RequireText(arguments, last ? "rpartition" : "partition");
        if (separator.Length == 0) throw new JinjaException("an empty text separates nothing");
        interpreter.Budget.Text(text.Length);
        int at = last ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        Value[] parts = at >= 0
            ? [new StringValue(text[..at]), new StringValue(separator), new StringValue(text[(at + separator.Length)..])]
            : last ? [StringValue.Empty, StringValue.Empty, new StringValue(text)]
            : [new StringValue(text), StringValue.Empty, StringValue.Empty];
        return new ListValue(parts, isTuple: true);
    }

    private static int NextWhitespace(ReadOnlySpan<char> text)
    {
        for (int i = 0; i < text.Length; i++)
            if (PythonText.IsWhitespace(text[i])) return i;
        return -1;
    }

    private static int LastWhitespace(ReadOnlySpan<char> text)
    {
        int i = text.Length - 1;
        while (i >= 0 && !PythonText.IsWhitespace(text[i])) i--;
        return i;
    }

    private static (string? Separator, long Most) Parameters(Arguments arguments, string name)
    {
        Value?[] a = arguments.Bind(name, "sep", "maxsplit");
        if (a[0] is not (null or NoneValue or StringValue)) throw new JinjaException($"'{name}' needs a text");
        if (a[0] is StringValue { Text: "" }) throw new JinjaException("an empty text separates nothing");
        long most = a[1] is null ? -1 : Number.Require(a[1]!, $"the count of '{name}'");
        return ((a[0] as StringValue)?.Text, most < 0 ? long.MaxValue : most);
    }
}

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>A regular expression as the inside of a JSON string.</summary>
internal sealed class PatternCompiler(GraphBuilder builder, string where)
{
    // Each count within a count is another place that a text can be at.
    private const int MostCounted = 1000;

    private int _counted = 1;

    /// <summary>The characters of strings that the pattern matches anywhere, as patterns of schemas do.</summary>
    public int Compile(string pattern, int next)
    {
        PatternSyntax syntax = PatternParser.Parse(pattern, where);
        PatternSyntax[] choices = syntax is PatternSyntax.Choice choice ? choice.Parts : [syntax];
        return builder.Split([.. choices.Select(one => Anchored(one, next))]);
    }

    private int Anchored(PatternSyntax syntax, int next)
    {
        PatternSyntax[] parts = syntax is PatternSyntax.Sequence sequence ? sequence.Parts : [syntax];
        int from = 0, to = parts.Length;
        while (from < to && parts[from] is PatternSyntax.Anchor { IsEnd: false }) from++;
        while (to > from && parts[to - 1] is PatternSyntax.Anchor { IsEnd: true }) to--;
        if (to == parts.Length) next = Anything(next);
        for (int i = to - 1; i >= from; i--) next = One(parts[i], next);
        return from == 0 ? Anything(next) : next;
    }

    private int Anything(int next) => builder.Repeat(One(new PatternSyntax.Class(CodePoints.All), builder.Return()), 0, -1, next);

    private int One(PatternSyntax syntax, int next)
    {
        switch (syntax)
        {
            case PatternSyntax.Class set:
                return Class(set.Ranges, next);
            case PatternSyntax.Sequence sequence:
                for (int i = sequence.Parts.Length - 1; i >= 0; i--) next = One(sequence.Parts[i], next);
                return next;
            case PatternSyntax.Choice choice:
                return builder.Split([.. choice.Parts.Select(part => One(part, next))]);
            case PatternSyntax.Repeated repeated:
                int outer = _counted, times = Math.Max(repeated.Least, Math.Max(1, repeated.Most));
                if ((_counted *= times) > MostCounted)
                    throw new ModelException($"The schema's {where} counts repetitions within repetitions beyond {MostCounted}; make the pattern simpler.");
                int part = One(repeated.Part, builder.Return());
                _counted = outer;
                return builder.Repeat(part, repeated.Least, repeated.Most, next);
            default:
                throw new ModelException($"The schema's {where} has a '^' or '$' inside it, which is not supported; put them at its begin and end.");
        }
    }

    private int Class((int First, int Last)[] ranges, int next)
    {
        List<int> choices = [];
        Utf8Ranges utf8 = new(builder);
        foreach ((int first, int last) in ranges)
        {
            for (int c = first; c <= Math.Min(last, 0x1F); c++) choices.Add(builder.Literal(Escaped(c), next));
            int from = Math.Max(first, 0x20);
            // What a string cannot hold as it is splits the range.
            foreach (char special in "\"\\")
            {
                if (special < from || special > last) continue;
                choices.Add(builder.Literal($"\\{special}", next));
                if (from < special) choices.Add(utf8.Of(from, special - 1, next));
                from = special + 1;
            }

            if (from <= last) choices.Add(utf8.Of(from, last, next));
        }

        return builder.Split([.. choices]);
    }

    private static string Escaped(int control) => control switch
    {
        '\b' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\f' => "\\f",
        '\r' => "\\r",
        _ => $"\\u{control:x4}",
    };
}

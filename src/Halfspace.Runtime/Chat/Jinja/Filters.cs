namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The filters by name; a filter is a function of its input and its arguments.</summary>
internal static class Filters
{
    public static Value Apply(string name, Interpreter interpreter, Value input, Arguments arguments)
    {
        Func<Interpreter, Value, Arguments, Value> filter =
            Find(name) ?? throw new JinjaException($"the filter '{name}' is not supported");
        return filter(interpreter, input, arguments);
    }

    private static Func<Interpreter, Value, Arguments, Value>? Find(string name) => name switch
    {
        "trim" => TextFilters.Trim,
        "upper" => TextFilters.Upper,
        "lower" => TextFilters.Lower,
        "capitalize" => TextFilters.Capitalise,
        "title" => TextFilters.Title,
        "replace" => TextFilters.Replace,
        "indent" => TextFilters.Indent,
        "format" => TextFilters.Format,
        "e" or "escape" or "forceescape" => TextFilters.Escape,
        "safe" or "string" => TextFilters.ToText,
        "wordcount" => TextFilters.WordCount,
        "tojson" => ConversionFilters.ToJson,
        "int" => ConversionFilters.ToInteger,
        "float" => ConversionFilters.ToFloat,
        "list" => ConversionFilters.ToList,
        "items" => ConversionFilters.Items,
        "default" or "d" => ConversionFilters.Default,
        "attr" => ConversionFilters.Attribute,
        "abs" => ConversionFilters.Absolute,
        "round" => ConversionFilters.Round,
        "length" or "count" => SequenceFilters.Length,
        "first" => SequenceFilters.First,
        "last" => SequenceFilters.Last,
        "join" => SequenceFilters.Join,
        "reverse" => SequenceFilters.Reverse,
        "batch" => SequenceFilters.Batch,
        "sum" => SequenceFilters.Sum,
        "map" => SelectionFilters.Map,
        "select" => (i, v, a) => SelectionFilters.Select(i, v, a, keep: true, byAttribute: false),
        "reject" => (i, v, a) => SelectionFilters.Select(i, v, a, keep: false, byAttribute: false),
        "selectattr" => (i, v, a) => SelectionFilters.Select(i, v, a, keep: true, byAttribute: true),
        "rejectattr" => (i, v, a) => SelectionFilters.Select(i, v, a, keep: false, byAttribute: true),
        "unique" => OrderFilters.Unique,
        "sort" => OrderFilters.Sort,
        "dictsort" => OrderFilters.SortMapping,
        "min" => (i, v, a) => OrderFilters.Extreme(i, v, a, sign: -1),
        "max" => (i, v, a) => OrderFilters.Extreme(i, v, a, sign: 1),
        _ => null,
    };

    public static bool Exists(string name) => Find(name) is not null;
}

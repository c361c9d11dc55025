using System.Globalization;
using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>JSON as Python's json.dumps writes it, without escaping what is not ASCII unless asked.</summary>
internal sealed class Json(Budget budget, string itemSeparator, string keySeparator, string? indent, bool ascii, bool sortKeys)
{
    private readonly StringBuilder _text = new();

    public string Write(Value value)
    {
        Write(value, 0);
        return _text.ToString();
    }

    private void Write(Value value, int depth)
    {
        Budget.Stack();
        budget.Spend(8);
        switch (value)
        {
            case StringValue text:
                Quote(text.Text);
                break;
            case IntegerValue i:
                _text.Append(i.Number.ToString(CultureInfo.InvariantCulture));
                break;
            case FloatValue f:
                _text.Append(Float(f.Number));
                break;
            case BooleanValue b:
                _text.Append(b.IsTrue ? "true" : "false");
                break;
            case NoneValue:
                _text.Append("null");
                break;
            case ListValue list:
                Container('[', ']', list.Items.Count, depth, i => Write(list.Items[i], depth + 1));
                break;
            case MappingValue map:
                KeyValuePair<Value, Value>[] entries = [.. map.Entries];
                if (sortKeys) Sorting.Sort(entries, (x, y) => Comparison.Order(x.Key, y.Key, budget));
                Container('{', '}', entries.Length, depth, i => Entry(entries[i], depth));
                break;
            case UndefinedValue undefined:
                throw undefined.Failure();
            default:
                throw new JinjaException($"a value of type '{value.TypeName}' cannot be written as JSON");
        }
    }

    private void Container(char open, char close, int count, int depth, Action<int> item)
    {
        _text.Append(open);
        for (int i = 0; i < count; i++)
        {
            if (i > 0) _text.Append(itemSeparator);
            NewLine(depth + 1);
            item(i);
        }

        if (count > 0) NewLine(depth);
        _text.Append(close);
    }

    private void NewLine(int depth)
    {
        if (indent is null) return;
        budget.Room(_text.Length + ((long)indent.Length * depth));
        budget.Spend((long)indent.Length * depth);
        _text.Append('\n');
        for (int i = 0; i < depth; i++) _text.Append(indent);
    }

    private void Entry(KeyValuePair<Value, Value> entry, int depth)
    {
        Quote(entry.Key switch
        {
            StringValue text => text.Text,
            BooleanValue b => b.IsTrue ? "true" : "false",
            NoneValue => "null",
            FloatValue f => Float(f.Number),
            _ => Printer.Text(entry.Key, budget),
        });
        _text.Append(keySeparator);
        Write(entry.Value, depth + 1);
    }

    private static string Float(double number) => double.IsNaN(number) ? "NaN"
        : double.IsInfinity(number) ? number > 0 ? "Infinity" : "-Infinity"
        : Number.Text(number);

    private void Quote(string text)
    {
        budget.Room(_text.Length + (long)text.Length);
        budget.Spend(text.Length);
        _text.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => _text.Append("\\\""),
                '\\' => _text.Append("\\\\"),
                '\n' => _text.Append("\\n"),
                '\r' => _text.Append("\\r"),
                '\t' => _text.Append("\\t"),
                '\b' => _text.Append("\\b"),
                '\f' => _text.Append("\\f"),
                _ when c < ' ' || (ascii && c > '~') => _text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture)),
                _ => _text.Append(c),
            };
        }

        _text.Append('"');
    }
}

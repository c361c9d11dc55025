using System.Globalization;
using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Values as Python prints them: str() for what a template shows, repr() for what stands inside lists.</summary>
internal static class Printer
{
    public static string Text(Value value, Budget budget) => value switch
    {
        StringValue text => text.Text,
        UndefinedValue => "",
        _ => Representation(value, budget),
    };

    public static string Representation(Value value, Budget budget)
    {
        StringBuilder text = new();
        Write(text, value, budget);
        return text.ToString();
    }

    private static void Write(StringBuilder text, Value value, Budget budget)
    {
        Budget.Stack();
        budget.Spend(8);
        budget.Room(text.Length);
        switch (value)
        {
            case StringValue s:
                budget.Room(text.Length + (long)s.Text.Length);
                budget.Spend(s.Text.Length);
                Quote(text, s.Text);
                break;
            case IntegerValue i:
                text.Append(i.Number.ToString(CultureInfo.InvariantCulture));
                break;
            case FloatValue f:
                text.Append(Number.Text(f.Number));
                break;
            case BooleanValue b:
                text.Append(b.IsTrue ? "True" : "False");
                break;
            case NoneValue:
                text.Append("None");
                break;
            case UndefinedValue:
                text.Append("Undefined");
                break;
            case ListValue list:
                WriteList(text, list, budget);
                break;
            case MappingValue map:
                WriteMapping(text, map, budget);
                break;
            case NamespaceValue space:
                text.Append("<Namespace ");
                WriteMapping(text, space.Attributes, budget);
                text.Append('>');
                break;
            case CallableValue callable:
                text.Append(CultureInfo.InvariantCulture, $"<{value.TypeName} '{callable.Name}'>");
                break;
            default:
                text.Append(CultureInfo.InvariantCulture, $"<{value.TypeName}>");
                break;
        }
    }

    private static void WriteList(StringBuilder text, ListValue list, Budget budget)
    {
        text.Append(list.IsTuple ? '(' : '[');
        for (int i = 0; i < list.Items.Count; i++)
        {
            if (i > 0) text.Append(", ");
            Write(text, list.Items[i], budget);
        }

        if (list.IsTuple && list.Items.Count == 1) text.Append(',');
        text.Append(list.IsTuple ? ')' : ']');
    }

    private static void WriteMapping(StringBuilder text, MappingValue map, Budget budget)
    {
        text.Append('{');
        bool first = true;
        foreach ((Value key, Value value) in map.Entries)
        {
            if (!first) text.Append(", ");
            first = false;
            Write(text, key, budget);
            text.Append(": ");
            Write(text, value, budget);
        }

        text.Append('}');
    }

    private static void Quote(StringBuilder result, string text)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        result.Append(quote);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            switch (c)
            {
                case '\\': result.Append("\\\\"); break;
                case '\n': result.Append("\\n"); break;
                case '\r': result.Append("\\r"); break;
                case '\t': result.Append("\\t"); break;
                case >= ' ' and < '\x7f':
                    if (c == quote) result.Append('\\');
                    result.Append(c);
                    break;
                default:
                    bool pair = char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
                    if (IsPrintable(text, i)) result.Append(text, i, pair ? 2 : 1);
                    else Escape(result, pair ? char.ConvertToUtf32(c, text[i + 1]) : c);
                    if (pair) i++;
                    break;
            }
        }

        result.Append(quote);
    }

    private static void Escape(StringBuilder result, int code) => result
        .Append(code < 0x100 ? "\\x" : code < 0x10000 ? "\\u" : "\\U")
        .Append(code.ToString(code < 0x100 ? "x2" : code < 0x10000 ? "x4" : "x8", CultureInfo.InvariantCulture));

    private static bool IsPrintable(string text, int index) => CharUnicodeInfo.GetUnicodeCategory(text, index) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);
}

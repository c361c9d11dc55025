using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>JSON's own parts as graphs, without a schema: punctuation, strings, constants, any value.</summary>
internal sealed class JsonText
{
    /// <summary>How deep values without a schema may nest.</summary>
    public const int Levels = 16;

    private const int IntegerDigits = 18, FractionDigits = 17, ExponentDigits = 2;

    private readonly int[] _values = new int[Levels + 1], _members = new int[Levels + 1], _characters = new int[2];

    public JsonText(GraphBuilder builder)
    {
        Builder = builder;
        Array.Fill(_values, -1);
        Array.Fill(_members, -1);
        Array.Fill(_characters, -1);
    }

    public GraphBuilder Builder { get; }

    /// <summary>A whole text: a space may come first, since tokens often begin with one.</summary>
    public int Document(int value) => Space(value);

    public int Comma(int next) => Builder.Literal(",", Space(next));

    public int Colon(int next) => Builder.Literal(":", Space(next));

    /// <summary>Any value.</summary>
    /// <param name="levels">How many levels of containers it may have.</param>
    /// <param name="next">What follows.</param>
    public int Any(int levels, int next)
    {
        if (_values[levels] < 0)
        {
            int end = Builder.Return();
            List<int> choices = [String(0, -1, end), Number(end), Builder.Literal("true", end), Builder.Literal("false", end), Builder.Literal("null", end)];
            if (levels > 0) choices.AddRange([AnyObject(levels, end), AnyArray(levels, end)]);
            _values[levels] = Builder.Split([.. choices]);
        }

        return Builder.Call(_values[levels], next);
    }

    /// <summary>Any object.</summary>
    public int AnyObject(int levels, int next)
    {
        if (_members[levels] < 0) _members[levels] = String(0, -1, Colon(Any(levels - 1, Builder.Return())));
        return Builder.Literal("{", List(_members[levels], 0, -1, Builder.Literal("}", next)));
    }

    /// <summary>Any array.</summary>
    public int AnyArray(int levels, int next) => Builder.Literal("[", List(Any(levels - 1, Builder.Return()), 0, -1, Builder.Literal("]", next)));

    /// <summary>Parts with commas between them.</summary>
    public int List(int part, int least, int most, int next)
    {
        if (most == 0) return next;
        int more = Builder.Repeat(Comma(Builder.Call(part, Builder.Return())), Math.Max(0, least - 1), most < 0 ? -1 : most - 1, next);
        int some = Builder.Call(part, more);
        return least == 0 ? Builder.Optional(some, next) : some;
    }

    /// <summary>Parts, each after a comma.</summary>
    public int Further(int part, int least, int most, int next) =>
        Builder.Repeat(Comma(Builder.Call(part, Builder.Return())), least, most, next);

    /// <summary>A string of any characters, counted in code points.</summary>
    public int String(int least, int most, int next) => Quote(Builder.Repeat(Character(escapes: true), least, most, Quote(next)));

    public int Quote(int next) => Builder.Literal("\"", next);

    /// <summary>One character of a string: any, written as itself or escaped; half a surrogate pair is none.</summary>
    public int Character(bool escapes)
    {
        ref int known = ref _characters[escapes ? 1 : 0];
        if (known >= 0) return known;
        int end = Builder.Return();
        List<int> choices = [Builder.Bytes(PlainAscii, end), BeyondAscii(end)];
        if (escapes)
        {
            ByteSet hex = ByteSet.Of("0123456789abcdefABCDEF");
            int two = Builder.Bytes(hex, Builder.Bytes(hex, end)), three = Builder.Bytes(hex, two);
            int code = Builder.Split(
                Builder.Bytes(hex & ~ByteSet.Of("dD"), three),
                Builder.Bytes(ByteSet.Of("dD"), Builder.Bytes(ByteSet.Of("01234567"), two)));
            choices.Add(Builder.Literal("\\", Builder.Split(Builder.Bytes(ByteSet.Of("\"\\/bfnrt"), end), Builder.Literal("u", code))));
        }

        return known = Builder.Split([.. choices]);
    }

    /// <summary>The ASCII characters that a string may hold as they are.</summary>
    public static ByteSet PlainAscii { get; } = ByteSet.Range(0x20, 0x7F) & ~ByteSet.Of("\"\\");

    /// <summary>A character beyond ASCII in UTF-8.</summary>
    public int BeyondAscii(int next) => new Utf8Ranges(Builder).Of(0x80, 0x10FFFF, next);

    /// <summary>Any integer of up to 18 digits.</summary>
    public int Integer(int next) => Signed(Builder.Split(Builder.Literal("0", next), Whole(next)), Whole(next));

    /// <summary>Any number of moderate length.</summary>
    public int Number(int next)
    {
        int exponent = Builder.Bytes(ByteSet.Of("eE"), Builder.Optional(Builder.Bytes(ByteSet.Of("+-"), Digits(1, ExponentDigits, next)), Digits(1, ExponentDigits, next)));
        int rest = Builder.Optional(exponent, next);
        int fraction = Builder.Optional(Builder.Literal(".", Digits(1, FractionDigits, rest)), rest);
        int whole = Builder.Split(Builder.Literal("0", fraction), Whole(fraction));
        return Signed(whole, whole);
    }

    /// <summary>A value as a schema gives it.</summary>
    public int Constant(JsonElement value, int next)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                List<JsonProperty> members = [.. value.EnumerateObject()];
                next = Builder.Literal("}", next);
                for (int i = members.Count - 1; i >= 0; i--)
                {
                    next = Text(members[i].Name, Colon(Constant(members[i].Value, next)));
                    if (i > 0) next = Comma(next);
                }

                return Builder.Literal("{", next);
            case JsonValueKind.Array:
                List<JsonElement> items = [.. value.EnumerateArray()];
                next = Builder.Literal("]", next);
                for (int i = items.Count - 1; i >= 0; i--)
                {
                    next = Constant(items[i], next);
                    if (i > 0) next = Comma(next);
                }

                return Builder.Literal("[", next);
            case JsonValueKind.String:
                return Text(value.GetString()!, next);
            default:
                return Builder.Literal(value.GetRawText(), next);
        }
    }

    /// <summary>A known string, its characters beyond ASCII as they are or, where the vocabulary cannot write them, escaped.</summary>
    public int Text(string text, int next)
    {
        int Written(JavaScriptEncoder encoder) => Builder.Literal($"\"{JsonEncodedText.Encode(text, encoder)}\"", next);
        int plain = Written(JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        return Ascii.IsValid(text) ? plain : Builder.Split(plain, Written(JavaScriptEncoder.Default));
    }

    private int Space(int next) => Builder.Optional(Builder.Literal(" ", next), next);

    private int Signed(int plain, int negative) => Builder.Split(plain, Builder.Literal("-", negative));

    /// <summary>Digits without a zero first.</summary>
    private int Whole(int next) => Builder.Bytes(ByteSet.Of("123456789"), Digits(0, IntegerDigits - 1, next));

    private int Digits(int least, int most, int next)
    {
        // From the last digit back; where enough have come the rest may be left out.
        int start = next;
        for (int left = 1; left <= most; left++)
        {
            int digit = Builder.Bytes(ByteSet.Range('0', '9'), start);
            start = most - left < least ? digit : Builder.Optional(digit, next);
        }

        return start;
    }
}

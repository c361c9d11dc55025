using System.Text.Json;
using Halfspace.Runtime.Generation;

namespace Halfspace.Runtime.Tests.Generation.Grammars;

/// <summary>Which texts a schema's grammar has, by example.</summary>
public sealed class GrammarTests
{
    public static TheoryData<string, string[], string[]> Cases { get; } = new()
    {
        { """{"type":"boolean"}""", ["true", "false", " true"], ["null", "", "truex", "  true", "true "] },
        { """{"type":["null","boolean"]}""", ["null", "true"], ["1", "\"\""] },
        { """{"type":"integer"}""", ["0", "7", "-12", "123456789012345678"], ["01", "-", "-0", "1.5", "1e3", "1234567890123456789"] },
        { """{"type":"number"}""", ["0", "-0.5", "1.25e-10", "3E7"], [".5", "1.", "1e", "00", "1e100"] },
        { """{"type":"integer","minimum":-5,"maximum":123}""", ["-5", "0", "9", "10", "99", "100", "123"], ["-6", "124", "1000", "-10"] },
        { """{"type":"integer","exclusiveMinimum":9}""", ["10", "99999"], ["9", "0", "-10"] },
        { """{"type":"integer","maximum":-3}""", ["-3", "-10", "-4000"], ["-2", "0", "3"] },
        { """{"type":"number","minimum":0.25,"exclusiveMaximum":1.5}""", ["0.25", "1.49", "1", "0.99"], ["0", "0.24", "1.5", "1.50", "2", "-0.30"] },
        { """{"type":"number","minimum":-1.125,"maximum":-0.5}""", ["-1.125", "-0.500", "-1"], ["-1.126", "-0.499", "0", "1"] },
        { """{"minimum":5,"type":"integer","enum":[1,5,"a",9]}""", ["5", "9"], ["1", "\"a\""] },
        { """{"type":"string"}""", ["\"\"", "\"aé\\n\\u00e9𝄞\"", "\"\\\"\""], ["\"", "\"\n\"", "\"\\x\"", "\"\\ud800\"", "a"] },
        { """{"type":"string","minLength":2,"maxLength":3}""", ["\"ab\"", "\"é𝄞x\"", "\"\\n\\u0041\""], ["\"a\"", "\"abcd\""] },
        { """{"type":"string","pattern":"^[A-Z]{2}-\\d+$"}""", ["\"AB-1\"", "\"ZZ-123\""], ["\"A-1\"", "\"AB-\"", "\"xAB-1\"", "\"AB-1x\""] },
        { """{"type":"string","pattern":"b|c$"}""", ["\"abx\"", "\"xxc\"", "\"b\""], ["\"cx\"", "\"\""] },
        { """{"type":"string","pattern":"^(a*)*(é|[^\"x])?\\\\$"}""", ["\"aa\\\\\"", "\"é\\\\\"", "\"\\n\\\\\""], ["\"x\\\\\"", "\"a\"", "\"\\\"\\\\\""] },
        { """{"type":"string","format":"date"}""", ["\"2024-02-28\"", "\"1999-12-31\""], ["\"2024-02-30\"", "\"2024-13-01\"", "\"2024-04-31\"", "\"0001-01-01\""] },
        { """{"type":"string","format":"date-time"}""", ["\"2024-02-28T23:59:59Z\"", "\"1999-12-31T00:00:00.123+02:00\""], ["\"2024-02-28\"", "\"2024-02-28T24:00:00Z\""] },
        { """{"type":"string","format":"uuid"}""", ["\"0123abcd-0123-0123-0123-0123456789ab\""], ["\"0123abcd\""] },
        { """{"type":"string","format":"hostname"}""", ["\"x\""], [] },
        { """{"enum":["a","é",1.5,null,{"k":[1,true]}]}""", ["\"a\"", "\"é\"", "\"\\u00E9\"", "1.5", "null", "{\"k\":[1,true]}", "{\"k\": [1, true]}"], ["\"b\"", "1.50", "{}"] },
        { """{"const":"x"}""", ["\"x\""], ["\"y\"", "x"] },
        {
            """{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"boolean"},"c":{"type":"null"}},"required":["b"],"additionalProperties":false}""",
            ["""{"b":true}""", """{"a":1,"b":false}""", """{"b": true, "c": null}""", """{"a": 1, "b": true, "c": null}"""],
            ["{}", """{"a":1}""", """{"b":true,}""", """{"b":true,"a":1}""", """{"b":true,"d":1}""", """{ "b":true}""", """{"b":true,"b":true}"""]
        },
        { """{"type":"object","properties":{"a":true}}""", ["{}", """{"a":[{}]}"""], ["""{"b":1}"""] },
        {
            """{"type":"object","properties":{"ab":{"type":"null"},"é":true},"additionalProperties":{"type":"integer"}}""",
            ["{}", """{"ab":null,"a":1}""", """{"a":1,"abc":2}""", """{"x":1}""", """{"":3}"""],
            ["""{"ab":1}""", """{"x":null}""", """{"a":1,"ab":2}""", """{"x":1,"é":2}"""]
        },
        { """{"type":"object","required":["q"]}""", ["""{"q":1}""", """{"q":1,"x":[]}"""], ["{}", """{"x":1}"""] },
        { """{"type":"object","additionalProperties":{"type":"null"}}""", ["{}", """{"x":null}"""], ["""{"x":1}"""] },
        { """{"type":"object","required":["q"],"additionalProperties":false}""", [], ["{}", """{"q":1}"""] },
        { """{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}""", ["[1]", "[1,2,3]", "[1, 2]"], ["[]", "[1,2,3,4]", "[null]", "[1,]"] },
        { """{"type":"array","prefixItems":[{"type":"null"},{"type":"boolean"}]}""", ["[]", "[null]", "[null,true]"], ["[true]", "[null,true,1]"] },
        { """{"type":"array","prefixItems":[{"type":"null"}],"items":{"type":"integer"},"minItems":2,"maxItems":3}""", ["[null,1]", "[null,1,2]"], ["[null]", "[null,1,2,3]", "[null,null]"] },
        { """{"type":"array","items":false}""", ["[]"], ["[1]"] },
        { """{"type":"array","prefixItems":[{"type":"null"}],"minItems":3}""", ["[null,1,{}]"], ["[null]", "[null,1]"] },
        { """{"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]}""", ["1", "\"a\""], ["\"ab\"", "null"] },
        { """{"type":"object","properties":{"k":{"type":"integer"}},"anyOf":[{"required":["k"]},{"properties":{"k":{"maximum":1}}}]}""", ["{}", """{"k":9}"""], ["""{"k":null}"""] },
        {
            """{"oneOf":[{"type":"object","properties":{"t":{"const":"a"},"x":{"type":"null"}},"required":["t"]},{"type":"object","properties":{"t":{"const":"b"}},"required":["t"]}]}""",
            ["""{"t":"a","x":null}""", """{"t":"b"}"""], ["""{"t":"b","x":null}""", "{}"]
        },
        {
            """{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"null"}}},{"required":["b"]}]}""",
            ["""{"a":1,"b":null}"""], ["""{"a":1}""", """{"b":null}"""]
        },
        { """{"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[{"type":"null"},{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}},"required":["n"]}]}}}""",
            ["null", """{"n":{"n":null}}"""], ["{}", """{"n":1}"""] },
        { """{"type":"array","items":{"$ref":"#"}}""", ["[]", "[[],[[]]]"], ["[1]"] },
        { """{"properties":{"a":{"type":"integer"},"b":{"$ref":"#/properties/a","maximum":5}},"type":"object"}""", ["""{"a":9,"b":5}"""], ["""{"b":9}"""] },
        { "true", ["1", "{\"a\":[null]}", "\"x\""], ["", "x"] },
        { "{}", ["[[[[1]]]]", "{}"], ["[", "{a:1}"] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_schema_has_these_texts_and_not_those(string schema, string[] texts, string[] others)
    {
        Grammar grammar = Grammar.JsonSchema(JsonDocument.Parse(schema).RootElement);
        Assert.All(texts, text => Assert.True(GrammarWalk.Accepts(grammar, text), $"{text} is not allowed"));
        Assert.All(others, text => Assert.False(GrammarWalk.Accepts(grammar, text), $"{text} is allowed"));
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"type":"number","multipleOf":3}}}""", "/properties/a/multipleOf")]
    [InlineData("""{"not":{}}""", "/not")]
    [InlineData("""{"type":"array","items":{"uniqueItems":true}}""", "/items/uniqueItems")]
    [InlineData("""{"patternProperties":{}}""", "/patternProperties")]
    [InlineData("""{"items":[{}]}""", "prefixItems")]
    [InlineData("""{"type":"strin"}""", "/type")]
    [InlineData("""{"type":7}""", "/type")]
    [InlineData("""{"minLength":-1}""", "/minLength")]
    [InlineData("""{"minimum":"1"}""", "/minimum")]
    [InlineData("""{"minimum":1e99}""", "/minimum")]
    [InlineData("""{"required":[1]}""", "/required/0")]
    [InlineData("""{"properties":[]}""", "/properties")]
    [InlineData("""{"$ref":"#/$defs/x"}""", "#/$defs/x")]
    [InlineData("""{"$ref":"https://example.com/x"}""", "/$ref")]
    [InlineData("""{"oneOf":[{"type":"integer"},{"type":"number"}]}""", "anyOf")]
    [InlineData("""{"anyOf":[]}""", "/anyOf")]
    [InlineData("""{"type":"string","pattern":"a","maxLength":3}""", "/pattern")]
    [InlineData("""{"type":"string","pattern":"(?=a)b"}""", "/pattern")]
    [InlineData("""{"type":"string","pattern":"\\bword"}""", "\\b")]
    [InlineData("""{"type":"string","pattern":"(a"}""", "without ')'")]
    [InlineData("""{"type":"string","pattern":"[a"}""", "without ']'")]
    [InlineData("""{"type":"string","pattern":"a{2000}"}""", "1000")]
    [InlineData("""{"type":"string","pattern":"(a{0,100}b){0,100}"}""", "within repetitions")]
    [InlineData("""{"type":"string","const":"\ud800"}""", "Unicode")]
    [InlineData("""{"allOf":[{"pattern":"a"},{"pattern":"b"}]}""", "second pattern")]
    [InlineData("""{"allOf":[{"properties":{"a":{}}},{"additionalProperties":false}]}""", "/allOf/1/additionalProperties")]
    [InlineData("""{"properties":{"a":3}}""", "/properties/a")]
    [InlineData("""{"allOf":[{"$ref":"#"},{"type":"object"}]}""", "merges")]
    [InlineData("3", "root")]
    public void What_is_not_supported_is_refused_by_name_and_place(string schema, string named)
    {
        ModelException e = Assert.Throws<ModelException>(() => Grammar.JsonSchema(JsonDocument.Parse(schema).RootElement));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_json_object_is_any_object_and_nothing_else()
    {
        Grammar grammar = Grammar.JsonObject();
        Assert.All(["{}", """{"a":1}""", """ {"a": [1, {"b": null}], "c": "x"}"""], text => Assert.True(GrammarWalk.Accepts(grammar, text), text));
        Assert.All(["[]", "1", "{\"a\"}", "{\"a\":1} ", "{,}"], text => Assert.False(GrammarWalk.Accepts(grammar, text), text));
    }

    [Fact]
    public void A_schema_nested_without_end_is_refused()
    {
        string deep = string.Concat(Enumerable.Repeat("{\"items\":", 200)) + "{}" + new string('}', 200);
        JsonElement schema = JsonDocument.Parse(deep, new JsonDocumentOptions { MaxDepth = 1000 }).RootElement;
        Assert.Contains("deep", Assert.Throws<ModelException>(() => Grammar.JsonSchema(schema)).Message, StringComparison.Ordinal);
    }
}

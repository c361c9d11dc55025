using System.Text;
using System.Text.Json;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Generation.Grammars;
using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Tests.Decoder;
using Halfspace.Runtime.Tokenization;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Generation.Grammars;

/// <summary>Texts that tokens write under a grammar, judged by a schema validator that knows nothing of it.</summary>
public sealed class ConstraintTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private readonly HalfspaceModel _model = fixture.Model;

    // Seeds of texts that a validator has misjudged: a letter with an accent, and numbers beyond a decimal's.
    [Theory]
    [InlineData(0, 300)]
    [InlineData(-2089409181, 1)]
    [InlineData(702756963, 1)]
    [InlineData(253879317, 1)]
    public void Random_tokens_write_valid_json_of_any_schema(int first, int count)
    {
        for (int seed = first; seed < first + count; seed++)
        {
            Random random = new(seed);
            string schema = new RandomSchema(random).Document().ToJsonString();
            Grammar grammar = Grammar.JsonSchema(JsonDocument.Parse(schema).RootElement);
            foreach (int free in (int[])[0, 10, 100])
                AssertValid(schema, GrammarWalk.Text(grammar, _model.Tokenizer, random, free));
        }
    }

    [Theory]
    [InlineData("""{"type":"string","minLength":3}""", "\"J\u0322\u0223\"", true)]
    [InlineData("""{"type":"string","maxLength":1}""", "\"J\u0322\"", false)]
    [InlineData("""{"type":"string","maxLength":1}""", "\"\\r\\n\"", false)]
    [InlineData("""{"type":"string","minLength":3}""", "\"ab\"", false)]
    [InlineData("""{"anyOf":[{"enum":[3]},{"type":"number"}]}""", "98918E62", true)]
    [InlineData("""{"enum":[3]}""", "98918E62", false)]
    [InlineData("""{"type":"number","maximum":7}""", "1e99", false)]
    [InlineData("""{"type":"number","maximum":7}""", "-1e99", true)]
    [InlineData("""{"type":"array","items":{"type":"boolean"}}""", "[true,null]", false)]
    public void The_judge_of_these_tests_judges_by_the_standard(string schema, string text, bool valid) =>
        Assert.Equal(valid, SchemaJudge.IsValid(schema, text));

    [Fact]
    public void Tokens_of_many_bytes_write_valid_json_too()
    {
        using GgufFile file = GgufFile.Open(Repository.EmbeddedModel);
        Tokenizer tokenizer = Tokenizer.Create(file);
        for (int seed = 0; seed < 12; seed++)
        {
            Random random = new(seed);
            string schema = new RandomSchema(random).Document().ToJsonString();
            AssertValid(schema, GrammarWalk.Text(Grammar.JsonSchema(JsonDocument.Parse(schema).RootElement), tokenizer, random, 12));
        }

        for (int seed = 0; seed < 5; seed++) JsonDocument.Parse(GrammarWalk.Text(Grammar.JsonObject(), tokenizer, new Random(seed), 30)).Dispose();
    }

    [Fact]
    public void A_mask_holds_the_tokens_whose_bytes_may_follow_and_no_other()
    {
        using GgufFile file = GgufFile.Open(Repository.EmbeddedModel);
        Tokenizer tokenizer = Tokenizer.Create(file);
        Grammar grammar = Grammar.JsonSchema(JsonDocument.Parse(
            """{"type":"object","properties":{"name":{"type":"string","maxLength":6},"n":{"type":"integer","maximum":120},"long":{"type":"string","minLength":60,"maxLength":110}},"required":["name"]}""").RootElement);
        foreach (string begin in (string[])["", "{", "{\"name\": \"ab", "{\"name\":\"\u00e9", "{\"name\":\"x\",\"n\":1", "{\"name\":\"x\"",
            .. ((int[])[0, 3, 27, 28, 40, 59, 60, 70, 77, 78, 100, 109, 110]).Select(n => $"{{\"name\":\"x\",\"long\":\"{new string('a', n)}")])
        {
            TokenConstraint constraint = new(grammar, tokenizer, tokenizer.VocabularySize, tokenizer.EndIds);
            foreach (byte value in Encoding.UTF8.GetBytes(begin))
                constraint.Accept(Enumerable.Range(0, tokenizer.VocabularySize).First(id => tokenizer.TokenBytes(id).SequenceEqual([value])));
            constraint.Allowed();
            HashSet<int> allowed = [.. GrammarWalk.Tokens(constraint.Allowed())];
            Automaton automaton = new(grammar.Graph, grammar.Graph.Productive(tokenizer.Trie.SingleBytes));
            int start = Encoding.UTF8.GetBytes(begin).Aggregate(automaton.Start, automaton.Step);
            for (int id = 0; id < tokenizer.VocabularySize; id++)
            {
                int state = start;
                foreach (byte value in tokenizer.TokenBytes(id))
                    if (state != Automaton.Dead) state = automaton.Step(state, value);
                bool expected = tokenizer.EndIds.Contains(id) ? automaton.IsComplete(start)
                    : !tokenizer.IsSpecial(id) && tokenizer.TokenBytes(id).Length is > 0 and <= VocabularyTrie.LongestToken && state != Automaton.Dead;
                Assert.True(expected == allowed.Contains(id), $"'{tokenizer.TokenText(id)}' after '{begin}': {allowed.Contains(id)}");
            }
        }
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(2f)]
    public void A_model_generates_by_a_nested_schema(float temperature)
    {
        const string Schema = """
            {"type":"object","additionalProperties":false,"required":["title","people","kind"],"properties":{
              "title":{"type":"string","minLength":1,"maxLength":8},
              "people":{"type":"array","minItems":1,"maxItems":2,"items":{"type":"object","required":["name","age"],"additionalProperties":false,
                "properties":{"name":{"type":"string","pattern":"^[A-Z][a-z]{1,5}$"},"age":{"type":"integer","minimum":0,"maximum":130}}}},
              "kind":{"enum":["long","short"]},
              "nested":{"type":"object","properties":{"deep":{"type":"array","items":{"type":"boolean"},"maxItems":3}},"required":["deep"]}}}
            """;
        Grammar grammar = Grammar.JsonSchema(JsonDocument.Parse(Schema).RootElement);
        using ModelContext context = _model.CreateContext();
        context.Read([1, 2, 3], null, TestContext.Current.CancellationToken);
        GenerationOptions options = new() { Grammar = grammar, Sampling = new SamplingOptions { Temperature = temperature, Seed = 4 } };
        TextGenerator generator = new(context, options, _model.Tokenizer);
        string text = "";
        while (generator.Finish == FinishReason.None) text += generator.Step(TestContext.Current.CancellationToken).Text;
        Assert.Equal(FinishReason.Stop, generator.Finish);
        AssertValid(Schema, text);
    }

    [Fact]
    public void A_text_cut_short_finishes_by_its_length()
    {
        using ModelContext context = _model.CreateContext();
        context.Read([1, 2, 3], null, TestContext.Current.CancellationToken);
        Grammar grammar = Grammar.JsonSchema(JsonDocument.Parse("""{"type":"string","minLength":50}""").RootElement);
        TextGenerator generator = new(context, new GenerationOptions { Grammar = grammar, MaxTokens = 7 }, _model.Tokenizer);
        while (generator.Finish == FinishReason.None) generator.Step(TestContext.Current.CancellationToken);
        Assert.Equal((FinishReason.Length, 7), (generator.Finish, generator.Count));
    }

    [Fact]
    public void A_text_that_must_end_stops_without_an_end_token()
    {
        using ModelContext context = _model.CreateContext();
        context.Read([1, 2, 3], null, TestContext.Current.CancellationToken);
        Grammar grammar = Grammar.JsonSchema(JsonDocument.Parse("""{"const":"abc"}""").RootElement);
        TextGenerator generator = new(context, new GenerationOptions { Grammar = grammar, IgnoreEnd = true }, _model.Tokenizer);
        string text = "";
        while (generator.Finish == FinishReason.None) text += generator.Step(TestContext.Current.CancellationToken).Text;
        Assert.Equal(FinishReason.Stop, generator.Finish);
        Assert.Equal("\"abc\"", text.Trim());
    }

    [Theory]
    [InlineData("""{"$ref":"#"}""")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""")]
    [InlineData("""{"allOf":[{"type":"string"},{"type":"null"}]}""")]
    [InlineData("""{"type":"integer","minimum":2,"maximum":1}""")]
    [InlineData("""{"type":"array","minItems":2,"maxItems":1}""")]
    [InlineData("false")]
    public void A_schema_that_nothing_satisfies_is_refused(string schema)
    {
        Grammar grammar = Grammar.JsonSchema(JsonDocument.Parse(schema).RootElement);
        using ModelContext context = _model.CreateContext();
        ModelException e = Assert.Throws<ModelException>(() => new TokenGenerator(context, new GenerationOptions { Grammar = grammar }, _model.Tokenizer));
        Assert.Contains("No finite text", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vocabulary_without_the_bytes_is_refused_and_one_with_half_of_a_character_does_not_begin_it()
    {
        // Every printable character but 'l', and the first byte of é but not its second.
        string[] tokens = ["<|endoftext|>", .. Enumerable.Range(33, 94).Where(c => c != 'l').Select(c => $"{(char)c}"), "\u0120", "\u00C3"];
        Tokenizer tokenizer = Tokenizer.Create(new TokenizerVocabulary
        {
            Model = "gpt2",
            Pre = "gpt-2",
            Tokens = tokens,
            Types = [.. tokens.Select((_, i) => i == 0 ? TokenType.Control : TokenType.Normal)],
            Merges = [],
            EosId = 0,
        });
        Grammar none = Grammar.JsonSchema(JsonDocument.Parse("""{"type":"null"}""").RootElement);
        Assert.Contains("vocabulary", Assert.Throws<ModelException>(() => new TokenConstraint(none, tokenizer, tokens.Length, [0])).Message, StringComparison.Ordinal);
        Grammar some = Grammar.JsonSchema(JsonDocument.Parse("""{"enum":["é",null]}""").RootElement);
        for (int seed = 0; seed < 20; seed++)
            Assert.Equal("é", JsonDocument.Parse(GrammarWalk.Text(some, tokenizer, new Random(seed), 50)).RootElement.GetString());
        Grammar any = Grammar.JsonSchema(JsonDocument.Parse("""{"type":"string","maxLength":20}""").RootElement);
        for (int seed = 0; seed < 20; seed++) JsonDocument.Parse(GrammarWalk.Text(any, tokenizer, new Random(seed), 50)).Dispose();
    }

    [Fact]
    public void States_are_forgotten_and_the_text_goes_on()
    {
        Grammar grammar = Grammar.JsonSchema(JsonDocument.Parse("""{"type":"array","items":{"$ref":"#/$defs/a"},"$defs":{"a":{"type":"string","minLength":400,"maxLength":400}}}""").RootElement);
        TokenConstraint constraint = new(grammar, _model.Tokenizer, TinyModel.Vocabulary, _model.Tokenizer.EndIds);
        string text = "[\"" + new string('x', 400) + "\",\"" + new string('y', 400) + "\"]";
        foreach (char c in text)
        {
            Assert.Contains(c, GrammarWalk.Tokens(constraint.Allowed()).Select(id => (char)_model.Tokenizer.TokenBytes(id)[0]));
            constraint.Accept(c);
        }

        Assert.True(constraint.IsComplete);
    }

    private static void AssertValid(string schema, string text) =>
        Assert.True(SchemaJudge.IsValid(schema, text), $"{text}\nis not valid by\n{schema}");
}

using System.Text.Json;
using Halfspace.Runtime.Generation.Grammars;

namespace Halfspace.Runtime.Generation;

/// <summary>What generated text must look like. Immutable: one may be used by any number of generations at once, of any model.</summary>
/// <remarks>At each step tokens that cannot lead to a text of the grammar are ruled out before sampling, and end tokens until the text is
/// complete, so that a generation that ends with <see cref="FinishReason.Stop"/> has given such a text, unless a stop text of the caller's cut
/// it. JSON is written on one line with at most one space after a colon or a comma.</remarks>
public sealed class Grammar
{
    internal Grammar(GrammarGraph graph) => Graph = graph;

    internal GrammarGraph Graph { get; }

    /// <summary>Any JSON object, up to 16 levels deep.</summary>
    public static Grammar JsonObject()
    {
        GraphBuilder builder = new();
        JsonText json = new(builder);
        return new Grammar(builder.Build(json.Document(json.AnyObject(JsonText.Levels, builder.Return()))));
    }

    /// <summary>JSON that satisfies a schema (draft 2020-12).</summary>
    /// <param name="schema">The schema; copied where needed.</param>
    /// <exception cref="ModelException">The schema is malformed, or uses a keyword that is not supported; the message names it and where it
    /// is.</exception>
    /// <remarks>
    /// Supported: <c>type</c>, <c>enum</c>, <c>const</c>, <c>properties</c>, <c>required</c>, <c>additionalProperties</c>, <c>items</c>,
    /// <c>prefixItems</c>, <c>minItems</c>, <c>maxItems</c>, <c>minLength</c>, <c>maxLength</c>, <c>pattern</c> (without look-around, back
    /// references and bounds of length beside it), <c>minimum</c>, <c>maximum</c> and their exclusive forms, <c>anyOf</c>, <c>oneOf</c> whose
    /// alternatives exclude each other, <c>allOf</c>, <c>$ref</c> within the schema, <c>$defs</c>, and annotations. Not every text that
    /// satisfies a schema is generated: properties come in the schema's order, further ones only where <c>additionalProperties</c> asks for
    /// them or no <c>properties</c> are given, numbers have at most 18 digits before the point, and <c>format</c> is an
    /// annotation but for <c>date</c>, <c>date-time</c> and <c>uuid</c>.
    /// </remarks>
    public static Grammar JsonSchema(JsonElement schema)
    {
        GraphBuilder builder = new();
        JsonText json = new(builder);
        return new Grammar(builder.Build(json.Document(new SchemaCompiler(schema, json).Root(builder.Return()))));
    }
}

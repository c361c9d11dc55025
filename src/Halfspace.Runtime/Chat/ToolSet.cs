using System.Text.Json;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Generation.Grammars;

namespace Halfspace.Runtime.Chat;

/// <summary>The functions that a model may call in one answer. Immutable.</summary>
public sealed class ToolSet
{
    private const int MostTools = 128, LongestName = 128, Nesting = 48;

    private readonly bool _allowParallel;

    /// <summary>Checks and keeps functions.</summary>
    /// <param name="tools">The functions, each with a name of its own.</param>
    /// <param name="choice">Whether the model calls; as it likes if null.</param>
    /// <param name="allowParallel">Whether it may make several calls in one answer.</param>
    /// <exception cref="ModelException">A name or a schema is malformed, or the named function is not among them.</exception>
    public ToolSet(IReadOnlyList<ToolDefinition> tools, ToolChoice? choice = null, bool allowParallel = true)
    {
        ArgumentNullException.ThrowIfNull(tools);
        Choice = choice ?? ToolChoice.Auto;
        _allowParallel = allowParallel;
        if (tools.Count > MostTools) throw new ModelException($"{tools.Count} tools are too many; give at most {MostTools}.");
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (ToolDefinition tool in tools) Check(tool, names);
        if (Choice.IsRequired && tools.Count == 0) throw new ModelException("A call is required and there are no tools; give some, or do not require one.");
        Tools = !Choice.AllowsCalls ? []
            : Choice.Function is not { } name ? tools
            : tools.FirstOrDefault(tool => tool.Name == name) is { } named ? [named]
            : throw new ModelException($"The tool choice names the function '{name}', which is not among the tools.");
    }

    /// <summary>The functions that the model is told of.</summary>
    public IReadOnlyList<ToolDefinition> Tools { get; }

    /// <summary>Whether it calls them.</summary>
    public ToolChoice Choice { get; }

    /// <summary>What the answer must look like: if a call is required, valid calls and nothing else; else any text, in which a call that is
    /// begun becomes a valid one and ends the answer.</summary>
    /// <param name="answer">What an answer without calls must look like; any text if null.</param>
    /// <returns>Null if nothing is asked of the answer.</returns>
    /// <exception cref="ModelException">A call is required, and a function's schema is not supported (see
    /// <see cref="Grammar.JsonSchema"/>). If none is required, the arguments of such a function are any object.</exception>
    public Grammar? GrammarFor(Grammar? answer)
    {
        if (Tools.Count == 0) return answer;
        GraphBuilder builder = new();
        JsonText json = new(builder);
        int calls = Calls(json);
        if (Choice.IsRequired) return new Grammar(builder.Build(calls));
        return new Grammar(builder.Build(answer is null
            ? builder.TextBefore(ToolMarkup.CallBegin, AfterMark(json), builder.Return())
            : builder.Split(calls, builder.Include(answer.Graph, builder.Return()))));
    }

    private int Calls(JsonText json) => json.Builder.Literal(ToolMarkup.CallBegin, AfterMark(json));

    /// <summary>The rest of a call whose mark is written, and further calls.</summary>
    private int AfterMark(JsonText json)
    {
        GraphBuilder builder = json.Builder;
        int further = builder.Promise();
        int end = builder.Literal("\n", builder.Literal(ToolMarkup.CallEnd, further));
        int rest = builder.Literal("\n", json.Builder.Split([.. Tools.Select(tool => Call(tool, json, end))]));
        int stop = builder.Return();
        builder.Keep(further, _allowParallel ? [stop, builder.Literal("\n" + ToolMarkup.CallBegin, rest)] : [stop]);
        return rest;
    }

    private int Call(ToolDefinition tool, JsonText json, int next)
    {
        int end = json.Builder.Literal("}", next);
        return json.Builder.Literal("{", json.Text("name", json.Colon(json.Text(tool.Name, json.Comma(json.Text("arguments", json.Colon(Arguments(tool, json, end))))))));
    }

    private int Arguments(ToolDefinition tool, JsonText json, int next)
    {
        if (tool.Parameters.ValueKind == JsonValueKind.Undefined) return json.Builder.Literal("{}", next);
        try
        {
            return new SchemaCompiler(tool.Parameters, json).RootObject(next);
        }
        catch (ModelException e) when (Choice.IsRequired)
        {
            throw new ModelException($"Calls of '{tool.Name}' cannot be constrained: {e.Message}", e);
        }
        catch (ModelException)
        {
            return json.AnyObject(JsonText.Levels, next);
        }
    }

    private static void Check(ToolDefinition tool, HashSet<string> names)
    {
        ArgumentNullException.ThrowIfNull(tool);
        if (tool.Name is not { Length: > 0 and <= LongestName } || !tool.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.'))
            throw new ModelException($"A tool's name must be 1 to {LongestName} letters, digits, '_', '-' or '.', and is '{tool.Name}'.");
        if (!names.Add(tool.Name)) throw new ModelException($"Two tools are named '{tool.Name}'; give each a name of its own.");
        if (tool.Parameters.ValueKind is not (JsonValueKind.Object or JsonValueKind.Undefined))
            throw new ModelException($"The parameters of '{tool.Name}' are not a JSON schema's object.");
        if (JsonTree.Depth(tool.Parameters) > Nesting) throw new ModelException($"The parameters of '{tool.Name}' nest more than {Nesting} levels deep.");
        try
        {
            JsonTree.Of(tool.Parameters, text => text);
        }
        catch (InvalidOperationException e)
        {
            throw new ModelException($"The parameters of '{tool.Name}' hold a string that is not Unicode; correct the schema.", e);
        }
    }
}

using Halfspace.Runtime.Chat.Jinja;

namespace Halfspace.Runtime.Chat;

/// <summary>A model's chat template: Jinja as Hugging Face's transformers renders it.</summary>
/// <remarks>Templates come from files that nobody has vetted: source, work, output, nesting and ranges are limited, and whatever is
/// unsupported or fails is a <see cref="ChatTemplateException"/>. Immutable; concurrent renderings are safe.</remarks>
public sealed class ChatTemplate
{
    private readonly Statement[] _body;
    private readonly TimeProvider _clock;

    private ChatTemplate(Statement[] body, TimeProvider clock, bool hasTools)
    {
        _body = body;
        _clock = clock;
        HasTools = hasTools;
    }

    /// <summary>Whether it tells the model of tools, and has calls within <c>&lt;tool_call&gt;</c> marks.</summary>
    public bool HasTools { get; }

    /// <summary>Reads a template.</summary>
    /// <param name="source">The text of <c>tokenizer.chat_template</c>.</param>
    /// <param name="clock">What <c>strftime_now</c> asks for the local time; the system's clock if null.</param>
    /// <exception cref="ChatTemplateException">The template is not Jinja, or uses a tag that chat templates do not have.</exception>
    public static ChatTemplate Parse(string source, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        try
        {
            return new ChatTemplate(new StatementParser(Lexer.Read(source)).Template(), clock ?? TimeProvider.System, HasToolsIn(source));
        }
        catch (JinjaException e)
        {
            throw Sentence("cannot be read", e);
        }
    }

    private static bool HasToolsIn(string source) =>
        source.Contains("tools", StringComparison.Ordinal) && source.Contains(ToolMarkup.CallBegin, StringComparison.Ordinal);

    /// <summary>Renders a conversation into the text that the model is to continue.</summary>
    /// <param name="messages">The conversation, oldest first.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the opening of the assistant's answer.</param>
    /// <param name="bosToken">The text of the token that begins a sequence; undefined in the template if null.</param>
    /// <param name="eosToken">The text of the token that ends a sequence; undefined in the template if null.</param>
    /// <param name="variables">More variables, e.g. <c>tools</c> or <c>enable_thinking</c>; they replace the standard ones. Values are
    /// null, bool, int, long, float, double, string, and dictionaries with string keys and lists of these.</param>
    /// <exception cref="ChatTemplateException">The template fails, refuses the conversation or exceeds a limit.</exception>
    /// <exception cref="ArgumentException">A variable has a value of another type.</exception>
    public string Render(
        IReadOnlyList<ChatTurn> messages,
        bool addGenerationPrompt,
        string? bosToken,
        string? eosToken,
        IReadOnlyDictionary<string, object?>? variables = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        Dictionary<string, Value> names = new(StringComparer.Ordinal)
        {
            ["messages"] = Import.Messages(messages),
            ["add_generation_prompt"] = BooleanValue.Of(addGenerationPrompt),
            ["tools"] = NoneValue.Instance,
            ["documents"] = NoneValue.Instance,
        };
        if (bosToken is not null) names["bos_token"] = new StringValue(bosToken);
        if (eosToken is not null) names["eos_token"] = new StringValue(eosToken);
        foreach ((string name, object? value) in variables ?? new Dictionary<string, object?>()) names[name] = Import.Value(value);

        Budget budget = new(inputLength: names.Values.Sum(Import.Length));
        Interpreter interpreter = new(budget, _clock);
        try
        {
            return interpreter.Render(_body, names);
        }
        catch (JinjaRefusal e)
        {
            int line = interpreter.Line;
            throw new ChatTemplateException(
                $"The model's chat template refuses this conversation (line {line}): {Ended(e.Message)} Change the conversation, or pass " +
                "--raw to send the prompt without a template.",
                line,
                e);
        }
        catch (JinjaException e)
        {
            throw Sentence("cannot be rendered", e.Line is null ? new JinjaException(e.Message, interpreter.Line) : e);
        }
    }

    private static ChatTemplateException Sentence(string failure, JinjaException cause)
    {
        int line = cause.Line ?? 1;
        return new ChatTemplateException(
            $"The model's chat template {failure} (line {line}): {Ended(cause.Message)} Pass --raw to send the prompt without a template.",
            line,
            cause);
    }

    private static string Ended(string text) => text.Length > 0 && text[^1] is '.' or '!' or '?' ? text : text + ".";
}

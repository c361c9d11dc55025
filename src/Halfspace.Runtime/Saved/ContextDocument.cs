using Halfspace.Runtime.Chat;

namespace Halfspace.Runtime.Saved;

/// <summary>Documents that questions are asked about, and the system message before them: how a question about them becomes a prompt, whether a context
/// that has read them was saved or not.</summary>
/// <param name="System">The system message, or null. A raw document has none.</param>
/// <param name="Text">The documents' text; may be empty.</param>
/// <param name="Raw">Whether prompts are the text as it is, without the model's chat template.</param>
public sealed record ContextDocument(string? System, string Text, bool Raw = false)
{
    // Two questions that share no beginning, and of which one takes what line breaks a tokenizer joins to the text before them.
    private static readonly string[] Probes = ["A", "\n1"];

    /// <summary>Several documents as one, a blank line between them.</summary>
    public static ContextDocument Join(string? system, IEnumerable<string> documents, bool raw = false) =>
        new(system, Message(documents, ""), raw);

    /// <summary>Documents and a question as one message: each text, a blank line, and the question last.</summary>
    public static string Message(IEnumerable<string> documents, string question)
    {
        ArgumentNullException.ThrowIfNull(documents);
        ArgumentNullException.ThrowIfNull(question);
        List<string> parts = [.. documents.Select(text => text.TrimEnd()).Where(text => text.Length > 0)];
        if (question.Length > 0) parts.Add(question);
        return string.Join("\n\n", parts);
    }

    /// <summary>All tokens of the prompt that asks a question, up to where the answer begins.</summary>
    /// <param name="model">The model that answers.</param>
    /// <param name="question">The question; may be empty.</param>
    /// <exception cref="ModelException">The model has no chat template, or it cannot be rendered.</exception>
    public int[] Prompt(HalfspaceModel model, string question)
    {
        ArgumentNullException.ThrowIfNull(model);
        string message = Message([Text], question);
        if (Raw) return model.Tokenizer.Encode(message, parseSpecial: true, model.Tokenizer.AddBos);
        List<ChatTurn> turns = [];
        if (System is not null) turns.Add(new ChatTurn("system", System));
        turns.Add(new ChatTurn("user", message));
        return model.EncodeChat(turns);
    }

    /// <summary>The tokens at the beginning of a prompt that do not depend on the question: what a saved context holds.</summary>
    /// <exception cref="ModelException">The model has no chat template, or it cannot be rendered.</exception>
    public int[] Opening(HalfspaceModel model)
    {
        if (Text.Length == 0) return [];
        int[] prompt = Prompt(model, Probes[0]);
        return prompt[..prompt.AsSpan().CommonPrefixLength(Prompt(model, Probes[1]))];
    }
}

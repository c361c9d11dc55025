using Halfspace.Runtime;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Saved;
using Halfspace.Server.Http;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.Contexts;

/// <summary>The saved contexts that requests may name, and what such a request's prompt is.</summary>
internal sealed class SavedContexts(HalfspaceServerOptions options)
{
    /// <summary>The field that names one.</summary>
    public const string Field = "halfspace.context";

    /// <summary>The store; null if there is none.</summary>
    public ContextStore? Store { get; } = options.ContextFolder is { } folder ? new ContextStore(folder) : null;

    /// <summary>The store, or an error.</summary>
    public ContextStore Required => Store ?? throw ApiException.Unsupported(Field,
        "This server keeps no saved contexts; it was started without a folder for them.");

    /// <summary>A context by its name.</summary>
    /// <param name="name">What the request gives.</param>
    /// <param name="field">Where it gives it.</param>
    public SavedContext Find(string name, string field = Field)
    {
        RequireName(name, field);
        try
        {
            if (Required.Contains(name)) return Required.Show(name);
        }
        catch (ModelException e)
        {
            throw Refusal(e, StatusCodes.Status409Conflict, field);
        }

        throw new ApiException(StatusCodes.Status404NotFound,
            "There is no saved context of this name; GET /v1/halfspace/contexts lists them.", field, "context_not_found");
    }

    /// <summary>Refuses what cannot be a name: nothing that is asked for can lie outside the folder.</summary>
    public static void RequireName(string? name, string field)
    {
        if (!ContextStore.IsName(name))
            throw ApiException.Field(field, $"{field} cannot be the name of a context; give 1 to {ContextStore.MostNameLength} letters, digits, - _ or ., not beginning with a point.");
    }

    /// <summary>A conversation that follows a saved document.</summary>
    public static List<ChatTurn> Following(SavedContext saved, List<ChatTurn> turns, string field)
    {
        ContextDocument document = Document(saved);
        if (document.Raw) throw ApiException.Field(Field, "This context was saved without the chat template; use /v1/completions.");
        if (turns[0].Role == "system") throw ApiException.Field(field,
            "The saved context has its own beginning; leave the system message out.");
        int first = turns.FindIndex(turn => turn.Role == "user");
        if (first != 0) throw ApiException.Field(field, "The first message after a saved context must be the user's.");
        turns[0] = turns[0] with { Content = ContextDocument.Message([document.Text], turns[0].Content) };
        if (document.System is { } system) turns.Insert(0, new ChatTurn("system", system));
        return turns;
    }

    /// <summary>A text that follows a saved one.</summary>
    public static int[] Following(SavedContext saved, string text, HalfspaceModel model)
    {
        ContextDocument document = Document(saved);
        return document.Raw ? document.Prompt(model, text)
            : throw ApiException.Field(Field, "This context was saved for a chat; use /v1/chat/completions.");
    }

    /// <summary>Where a prompt is to begin.</summary>
    public static SavedOpening Opening(SavedContext saved) => new(saved.Name, saved.Tokens);

    /// <summary>An error of the store as one of the request, unless it tells of the machine.</summary>
    public ApiException Refusal(ModelException e, int status, string field) =>
        options.ContextFolder is { } folder && e.Message.Contains(Path.GetFullPath(folder), StringComparison.Ordinal)
            ? ApiException.Internal() : new ApiException(status, e.Message, field);

    private static ContextDocument Document(SavedContext saved) =>
        saved.Document ?? throw ApiException.Field(Field, "This context was saved without a document that can be asked about.");
}

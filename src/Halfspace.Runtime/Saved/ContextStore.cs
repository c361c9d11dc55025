using Halfspace.Attention;

namespace Halfspace.Runtime.Saved;

/// <summary>Saved contexts by name, each a file of one folder. Safe for several threads, and for several processes over one folder.</summary>
public sealed class ContextStore
{
    /// <summary>The variable that moves the default folder.</summary>
    public const string Variable = "HALFSPACE_CONTEXTS";

    /// <summary>The longest name, in characters.</summary>
    public const int MostNameLength = 64;

    private const string Suffix = ".context";
    private readonly string _folder;

    /// <summary>The contexts of a folder, which is made when the first one is saved.</summary>
    /// <param name="folder">The folder; null takes <see cref="DefaultFolder"/>.</param>
    /// <exception cref="ModelException">The path cannot be that of a folder.</exception>
    public ContextStore(string? folder = null)
    {
        folder ??= DefaultFolder;
        try
        {
            _folder = Path.GetFullPath(folder);
        }
        catch (Exception e) when (e is ArgumentException or IOException or NotSupportedException)
        {
            throw new ModelException($"The folder of saved contexts '{folder}' cannot be used; give another one.", e);
        }
    }

    /// <summary><see cref="Variable"/>, or a folder in the user's data.</summary>
    public static string DefaultFolder
    {
        get
        {
            if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } set) return set;
            // On Linux this is XDG_DATA_HOME, or what stands for it.
            string data = Environment.GetFolderPath(
                Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
            return Path.Combine(data.Length > 0 ? data : Path.GetTempPath(), "halfspace", "contexts");
        }
    }

    /// <summary>Whether a text can be a name: ASCII letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, not beginning with a point.</summary>
    public static bool IsName(string? name) => name is { Length: > 0 and <= MostNameLength } && name[0] != '.'
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    /// <summary>Whether there is a context of a name.</summary>
    /// <exception cref="ModelException">It cannot be a name.</exception>
    public bool Contains(string name) => File.Exists(PathOf(name));

    /// <summary>All contexts, by name; those that cannot be opened say why.</summary>
    /// <exception cref="ModelException">The folder cannot be read.</exception>
    public IReadOnlyList<SavedContext> List() => [.. Names().Order(StringComparer.Ordinal).Select(name =>
    {
        try
        {
            return Show(name);
        }
        catch (ModelException e)
        {
            FileInfo file = new(PathOf(name));
            return new SavedContext { Name = name, Bytes = file.Exists ? file.Length : 0, Damage = e.Message };
        }
    })];

    /// <summary>What a context holds.</summary>
    /// <exception cref="ModelException">There is none of that name, or its front is damaged.</exception>
    public SavedContext Show(string name)
    {
        ContextFront front = Named(name, ContextFront.Read);
        return new SavedContext
        {
            Name = name,
            Bytes = front.Header.FileBytes,
            Tokens = front.Header.Tokens,
            Created = front.Header.Created,
            Model = front.Texts.Model,
            Document = front.Texts.Document,
            HasIndex = front.Header.HasIndex,
        };
    }

    /// <summary>Compares every block of a context with its checksum.</summary>
    /// <exception cref="ModelException">There is none of that name, or it is damaged; the message names the block.</exception>
    public void Verify(string name, CancellationToken cancellation = default)
    {
        using ContextFile file = Named(name, (path, called) => ContextFile.Open(path, called));
        file.Verify(cancellation);
    }

    /// <summary>Removes a context. Who has it open keeps it.</summary>
    /// <exception cref="ModelException">There is none of that name, or it cannot be removed.</exception>
    public void Delete(string name)
    {
        string path = Named(name, (path, _) => path);
        try
        {
            AtomicFile.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException($"The context {name} cannot be deleted: {FileReason.Of(e)}.", e);
        }
    }

    /// <summary>Opens a context; see <see cref="HalfspaceModel.OpenContext"/>.</summary>
    /// <exception cref="ModelException">There is none of that name, or it cannot be opened.</exception>
    public ModelContext Open(HalfspaceModel model, string name, ContextOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Named(name, (path, called) => model.Adopt(ContextFile.Open(path, called), options ?? new ContextOptions()));
    }

    /// <summary>Saves a context under a name; see <see cref="ModelContext.SaveAsync"/>.</summary>
    /// <param name="context">The context, which is not used meanwhile.</param>
    /// <param name="name">The name.</param>
    /// <param name="document">What its tokens begin with; null keeps what it was opened with.</param>
    /// <param name="replace">Whether it may replace one of that name.</param>
    /// <param name="cancellation">Stops; the folder is then unchanged.</param>
    /// <exception cref="ModelException">The name is taken or cannot be one, or the file cannot be written.</exception>
    public async Task<SavedContext> SaveAsync(
        ModelContext context, string name, ContextDocument? document = null, bool replace = false, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        RequireFree(name, replace);
        string path = PathOf(name);
        try
        {
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(_folder);
            // Documents are nobody else's business.
            else Directory.CreateDirectory(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException($"The folder of saved contexts {_folder} cannot be made ({FileReason.Of(e)}); give another one.", e);
        }

        await context.WriteAsync(path, Called(name), document, cancellation).ConfigureAwait(false);
        return Show(name);
    }

    /// <summary>Throws if a context cannot be saved under a name.</summary>
    /// <exception cref="ModelException">The name is taken or cannot be one.</exception>
    public void RequireFree(string name, bool replace = false)
    {
        if (Contains(name) && !replace)
            throw new ModelException($"There is a context {name} already; delete it, replace it or take another name.");
    }

    /// <summary>A context that has read the longest beginning of a text that a saved one has read; perhaps none. The text is not read further.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokens">The text.</param>
    /// <param name="options">How to read. If they have an opening, only so much is taken over that all is as if nothing had been saved.</param>
    /// <exception cref="ModelException">The options do not fit the model or each other, or the text does not fit the context.</exception>
    public ModelContext Begin(HalfspaceModel model, ReadOnlySpan<int> tokens, ContextOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new ContextOptions();
        if (SharedPrefix.Best(Names().Select(PathOf), model.Fingerprint, tokens, options) is { } path)
        {
            try
            {
                ContextFile file = ContextFile.Open(path);
                int keep = SharedPrefix.Usable(file.Header, file.Front.Tokens, tokens, options);
                if (keep > 0) return model.Adopt(file, options, keep);
                file.Dispose();
            }
            catch (ModelException) when (!File.Exists(path))
            {
                // It was deleted just now.
            }
        }

        return model.CreateContext(options);
    }

    /// <summary>Reads a document and saves it: what <see cref="ContextDocument.Prompt"/> asks about it is then answered as if it was read anew.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">The name.</param>
    /// <param name="document">The document.</param>
    /// <param name="options">How to read.</param>
    /// <param name="replace">Whether it may replace a context of that name.</param>
    /// <param name="progress">Told how many of the tokens are read, those that another context had among them.</param>
    /// <param name="cancellation">Stops; the folder is then unchanged.</param>
    /// <exception cref="ModelException">The name is taken or cannot be one, the document is empty or too long, or the file cannot be written.</exception>
    public async Task<CreatedContext> CreateAsync(
        HalfspaceModel model, string name, ContextDocument document, ContextOptions? options = null, bool replace = false,
        IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(document);
        RequireFree(name, replace);
        int[] tokens = document.Opening(model);
        if (tokens.Length == 0) throw new ModelException("The document is empty; give some text.");
        options = (options ?? new ContextOptions()) with { OpeningTokens = tokens.Length };
        using ModelContext context = Begin(model, tokens, options);
        int reused = context.Count;
        context.RequireRoom(tokens.Length - reused);
        Offset? told = progress is null ? null : new Offset(progress, reused);
        await Task.Run(() => context.Read(tokens.AsSpan(reused), told, cancellation), cancellation).ConfigureAwait(false);
        return new CreatedContext(await SaveAsync(context, name, document, replace, cancellation).ConfigureAwait(false), reused);
    }

    private IEnumerable<string> Names()
    {
        try
        {
            if (!Directory.Exists(_folder)) return [];
            IEnumerable<string> files = Directory.EnumerateFiles(_folder, "*" + Suffix);
            return [.. files.Select(path => Path.GetFileNameWithoutExtension(path)).Where(IsName)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException($"The folder of saved contexts {_folder} cannot be read: {FileReason.Of(e)}.", e);
        }
    }

    private static string Called(string name) => "The context " + name;

    private T Named<T>(string name, Func<string, string, T> use)
    {
        string path = PathOf(name);
        return File.Exists(path) ? use(path, Called(name))
            : throw new ModelException($"There is no saved context {name}; halfspace context list names those there are.");
    }

    private string PathOf(string name) => IsName(name) ? Path.Combine(_folder, name + Suffix)
        : throw new ModelException($"'{Printable(name)}' cannot be the name of a context; "
            + $"use 1 to {MostNameLength} letters, digits, - _ or ., not beginning with a point.");

    private static string Printable(string? name) =>
        new([.. (name ?? "").Take(MostNameLength).Select(c => char.IsControl(c) ? '?' : c)]);

    private sealed class Offset(IProgress<int> progress, int before) : IProgress<int>
    {
        public void Report(int value) => progress.Report(before + value);
    }
}

// Asks questions about a folder of text files. What the model has read is saved: the first question, also of a later run, finds it there
// and is answered at once, until a file changes.
using System.Security.Cryptography;
using System.Text;
using Halfspace.Runtime;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Saved;

if (args.Length == 0 || !Directory.Exists(args[0]))
{
    Console.Error.WriteLine("Give a folder of text files (.txt, .md), and questions after it; without any they are read from the console.");
    return 2;
}

try
{
    IEnumerable<string> files = Directory.EnumerateFiles(args[0], "*", SearchOption.AllDirectories)
        .Where(file => Path.GetExtension(file) is ".txt" or ".md").Order(StringComparer.Ordinal);
    ContextDocument document = ContextDocument.Join("Answer from the documents, briefly.", files.Select(File.ReadAllText));
    using HalfspaceModel model = HalfspaceModel.Load(EmbeddedModel.Path);
    ContextStore store = new();
    // Other texts are another context; the old one stays until it is deleted (halfspace context delete).
    string name = "folder-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(document.Text)))[..16];
    if (!store.Contains(name))
    {
        Console.WriteLine("Reading the folder …");
        SavedContext saved = (await store.CreateAsync(model, name, document)).Context;
        Console.WriteLine($"{saved.Tokens} tokens are saved as {name}.");
    }

    using ModelContext context = store.Open(model, name);
    foreach (string question in args.Length > 1 ? args.Skip(1) : Typed())
    {
        Console.WriteLine("> " + question);
        await foreach (GeneratedText piece in model.Generate(context, document.Prompt(model, question), new GenerationOptions { MaxTokens = 60 }))
            Console.Write(piece.Text);
        Console.WriteLine();
    }

    return 0;
}
catch (Exception e) when (e is ModelException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

static IEnumerable<string> Typed()
{
    while (Console.ReadLine() is { Length: > 0 } line) yield return line;
}

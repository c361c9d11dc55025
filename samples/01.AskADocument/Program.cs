// Reads a document once and asks it several questions: the document's keys and values are kept, so only the question is read each time.
using Halfspace.Runtime;
using Halfspace.Runtime.Chat;
using Halfspace.Runtime.Generation;

if (args.Length == 0)
{
    Console.Error.WriteLine("Give a text file, and questions after it.");
    return 2;
}

string document = File.ReadAllText(args[0]);
using HalfspaceModel model = HalfspaceModel.Load(EmbeddedModel.Path);
using ModelContext context = model.CreateContext();
foreach (string question in args.Skip(1))
{
    int[] prompt = model.EncodeChat([new ChatTurn("user", $"{document}\n\n{question}")]);
    int before = context.Count;
    Console.WriteLine(question);
    await foreach (GeneratedText piece in model.Generate(context, prompt, new GenerationOptions { MaxTokens = 60 }))
        Console.Write(piece.Text);
    Console.WriteLine($"\n({prompt.Length} tokens of prompt, {before} held before, {context.Counters.KeysPerHead:F0} keys a head attended exactly)\n");
}

return 0;

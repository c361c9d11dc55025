using System.Diagnostics;
using System.Runtime.CompilerServices;
using Halfspace.Attention;
using Halfspace.Runtime.Saved;

namespace Halfspace.Runtime.Tests.Saved;

/// <summary>This program, started again to save contexts over each other until it is killed.</summary>
internal static class SaverProcess
{
    public const int Tokens = 1000, Dim = 64;
    private const string Variable = "HALFSPACE_TEST_SAVER";

    /// <summary>Starts it; it writes a line when it has saved the first one.</summary>
    public static Process Start(string path)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet") start.ArgumentList.Add(typeof(SaverProcess).Assembly.Location);
        start.Environment[Variable] = path;
        return Process.Start(start)!;
    }

    /// <summary>A context all of whose numbers say which one it is.</summary>
    /// <param name="which">From 1 to 2,048, so that float16 holds it.</param>
    public static ContextContent Content(int which)
    {
        KeyValueCache cache = new(new AttentionShape(1, 1, 1, Dim), Tokens);
        cache.Reserve(Tokens);
        float[] rows = new float[Tokens * Dim];
        Array.Fill(rows, which);
        cache[0, 0].Append(rows, Dim, rows, Dim, Tokens);
        int[] tokens = new int[Tokens];
        Array.Fill(tokens, which);
        ModelFingerprint fingerprint = new(new byte[32], new byte[32]);
        return new ContextContent(cache, null, tokens, 512, 0, fingerprint, new ContextTexts("none", null));
    }

    // Before tests are looked for: a start has to be quick.
    [ModuleInitializer]
    internal static void SaveUntilKilled()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } path) return;
        for (int which = 1; ; which = (which % 2048) + 1)
        {
            ContextContent content = Content(which);
            ContextWriter.Write(path, path, content, CancellationToken.None);
            content.Cache.Dispose();
            if (which != 1) continue;
            Console.Out.WriteLine("saved");
            Console.Out.Flush();
        }
    }
}

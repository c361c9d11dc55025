using System.Diagnostics;
using System.Runtime.CompilerServices;
using Halfspace.Attention;
using Halfspace.Runtime.Saved;

namespace Halfspace.Runtime.Tests.Saved;

/// <summary>This program, started again to save contexts 1, 2, 3 … over each other until it is killed or has saved the last one.</summary>
internal static class SaverProcess
{
    public const int Tokens = 1000, Dim = 64;

    /// <summary>The last context; float16 holds no whole number beyond it and all before.</summary>
    public const int Last = 2048;

    private const string Variable = "HALFSPACE_TEST_SAVER";

    /// <summary>Starts it; it writes a context's number in a line when it has saved it.</summary>
    public static Process Start(string path)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet") start.ArgumentList.Add(typeof(SaverProcess).Assembly.Location);
        start.Environment[Variable] = path;
        return Process.Start(start)!;
    }

    /// <summary>A context all of whose numbers say which one it is.</summary>
    /// <param name="which">From 1 to <see cref="Last"/>.</param>
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
        for (int which = 1; which <= Last; which++)
        {
            ContextContent content = Content(which);
            ContextWriter.Write(path, path, content, CancellationToken.None);
            content.Cache.Dispose();
            Console.Out.WriteLine(which);
            Console.Out.Flush();
        }

        // Should nobody be left to kill it.
        Environment.Exit(0);
    }
}

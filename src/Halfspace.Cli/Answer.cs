using System.Diagnostics;
using System.Globalization;
using System.Text;
using Halfspace.Attention;
using Halfspace.Runtime;
using Halfspace.Runtime.Generation;

namespace Halfspace.Cli;

/// <summary>One answer as it is generated: its text, and what it took. Its numbers hold up to where it was stopped.</summary>
internal sealed class Answer(HalfspaceModel model, ModelContext context, int[] prompt)
{
    private readonly StringBuilder _text = new();

    /// <summary>The text so far.</summary>
    public string Text => _text.ToString();

    /// <summary>Tokens of the whole prompt.</summary>
    public int PromptTokens => prompt.Length;

    /// <summary>Tokens of the prompt that had to be read; the context knew the others.</summary>
    public int ReadTokens { get; private set; }

    /// <summary>Seconds that reading them took.</summary>
    public double ReadSeconds { get; private set; }

    /// <summary>Tokens generated.</summary>
    public int GeneratedTokens { get; private set; }

    /// <summary>Milliseconds of decoding a token; 0 before there was one.</summary>
    public double MillisecondsPerToken { get; private set; }

    /// <summary>Why it ended; <see cref="FinishReason.None"/> if it was stopped.</summary>
    public FinishReason Finish { get; private set; }

    /// <summary>Tokens of the prompt read in a second; 0 if there were none.</summary>
    public double ReadTokensPerSecond => ReadSeconds > 0 ? ReadTokens / ReadSeconds : 0;

    /// <summary>Keys that a head read exactly for a query, on average over the decoding; 0 if nothing was decoded.</summary>
    public double KeysPerHead => context.Counters.Rows > 0 ? context.Counters.KeysPerHead : 0;

    /// <summary>Memory of the context's keys and values.</summary>
    public long ContextBytes => context.AllocatedBytes;

    /// <summary>Generates, with progress on a terminal while a long prompt is read.</summary>
    /// <param name="console">Where progress is shown.</param>
    /// <param name="options">How to generate.</param>
    /// <param name="write">Takes each piece of text.</param>
    /// <param name="trimStart">Drops white space before the first character.</param>
    public async Task GenerateAsync(CliConsole console, GenerationOptions options, Action<string> write, bool trimStart)
    {
        CancellationToken cancellation = console.Interrupt.Token;
        context.ResetCounters();
        int fresh = prompt.Length - Math.Min(context.Tokens.CommonPrefixLength(prompt), prompt.Length - 1);
        long start = Stopwatch.GetTimestamp(), read = start;
        int decoded = 0;
        IAsyncEnumerator<GeneratedText>? pieces = null;
        try
        {
            bool more = await ProgressDisplay.RunAsync(console, "Reading", fresh, display =>
            {
                ReadProgress progress = new(display, tokens =>
                {
                    ReadTokens = tokens;
                    read = Stopwatch.GetTimestamp();
                    ReadSeconds = Stopwatch.GetElapsedTime(start, read).TotalSeconds;
                });
                pieces = model.Generate(context, prompt, options, progress, cancellation).GetAsyncEnumerator(cancellation);
                return pieces.MoveNextAsync().AsTask();
            }).ConfigureAwait(false);
            for (; more; more = await pieces!.MoveNextAsync().ConfigureAwait(false))
            {
                GeneratedText piece = pieces!.Current;
                GeneratedTokens = piece.Tokens;
                Finish = piece.Finish;
                // The first token comes from the prompt's logits: only those after it were decoded.
                decoded = Math.Max(decoded, context.Count - prompt.Length);
                if (decoded > 0) MillisecondsPerToken = Stopwatch.GetElapsedTime(read).TotalMilliseconds / decoded;
                string text = trimStart && _text.Length == 0 ? piece.Text.TrimStart() : piece.Text;
                if (text.Length == 0) continue;
                _text.Append(text);
                write(text);
            }
        }
        finally
        {
            if (pieces is not null) await pieces.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The numbers as a line for people.</summary>
    public string Statistics() => string.Create(CultureInfo.InvariantCulture,
        $"prompt {PromptTokens} tokens ({ReadTokens} read, {ReadTokensPerSecond:0} tokens/s), generated {GeneratedTokens} tokens "
        + $"({MillisecondsPerToken:0.0} ms a token), {KeysPerHead:0} keys a head, context {ContextBytes / 1e6:0.0} MB{Certified()}");

    // Only sparse softmax rows have something to certify.
    private string Certified()
    {
        AttentionCounters c = context.Counters;
        return c.CertificateWorst == 0 ? "" : string.Create(CultureInfo.InvariantCulture,
            $", {(double)c.RowsDense / c.Rows:P0} of rows dense, relative error of a head certified below {c.CertificateMean:0.###} on average "
            + $"and {c.CertificateWorst:0.###} at worst, estimated {c.EstimateMean:0.####}");
    }

    /// <summary>The numbers as JSON.</summary>
    public RunDone Report() => new()
    {
        Finish = Finish switch
        {
            FinishReason.Stop => "stop",
            FinishReason.Length => "length",
            FinishReason.ContextFull => "context_full",
            _ => "stopped",
        },
        PromptTokens = PromptTokens,
        PromptTokensPerSecond = ReadTokensPerSecond,
        GeneratedTokens = GeneratedTokens,
        MillisecondsPerToken = MillisecondsPerToken,
        KeysPerHead = KeysPerHead,
        RowsDense = context.Counters.Rows == 0 ? 0 : (double)context.Counters.RowsDense / context.Counters.Rows,
        CertificateMean = context.Counters.CertificateMean,
        CertificateWorst = context.Counters.CertificateWorst,
        ErrorEstimate = context.Counters.EstimateMean,
        ContextBytes = ContextBytes,
    };

    private sealed class ReadProgress(IProgress<int> display, Action<int> measure) : IProgress<int>
    {
        public void Report(int value)
        {
            measure(value);
            display.Report(value);
        }
    }
}

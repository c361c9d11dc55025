using System.Diagnostics;
using Halfspace.Attention;
using Halfspace.Runtime;

namespace Halfspace.Cli.Bench;

/// <summary>The time of a prompt of random tokens and of the tokens decoded after it.</summary>
/// <param name="PrefillTokensPerSecond">Tokens of the prompt in a second.</param>
/// <param name="DecodeMilliseconds">Median of the decoded tokens.</param>
/// <param name="DecodeMillisecondsMin">The fastest of them.</param>
/// <param name="KeysPerHead">Keys that a head read exactly for a query while decoding, on average.</param>
/// <param name="PrefillAttention">Seconds of the prompt that its attention took.</param>
/// <param name="PrefillKeysPerHead">Keys that a head read exactly for a row of the prompt, on average.</param>
/// <param name="MemoryBytes">Memory of the process at the end, while it held the context.</param>
internal readonly record struct DecodeTiming(
    double PrefillTokensPerSecond, double DecodeMilliseconds, double DecodeMillisecondsMin, double KeysPerHead, double PrefillAttention,
    double PrefillKeysPerHead, long MemoryBytes)
{
    /// <summary>Ids from 3 to 999, as the llama.cpp peer draws them, and what runs before the measurement, so that every
    /// method of the way is compiled and every buffer has grown.</summary>
    private const int FirstId = 3, EndId = 1000, WarmupPrompt = 512;

    /// <summary>Tokens decoded and forgotten before timing.</summary>
    public const int WarmupTokens = 16;

    /// <summary>Measures in a context of its own.</summary>
    public static DecodeTiming Measure(
        HalfspaceModel model, AttentionOptions attention, AttentionOptions prompt, int depth, int decode, CancellationToken cancellation)
    {
        int[] tokens = Tokens(depth + decode, Math.Min(EndId, model.Config.Vocabulary));
        using ModelContext context = model.CreateContext(new ContextOptions
        {
            Limit = depth + Math.Max(decode, WarmupTokens),
            Attention = attention,
            PromptAttention = prompt,
        });
        context.Read(tokens.AsSpan(0, Math.Min(depth, WarmupPrompt)), cancellation: cancellation);
        for (int i = 0; i < Math.Min(decode, WarmupTokens); i++) context.ReadOne(tokens[0], cancellation);
        context.Rewind(0);
        context.ResetCounters();

        long start = Stopwatch.GetTimestamp();
        context.Read(tokens.AsSpan(0, depth), cancellation: cancellation);
        double prefill = Stopwatch.GetElapsedTime(start).TotalSeconds;
        AttentionCounters prompts = context.PromptCounters;
        // At this depth decoding may take another way than at the start: it is compiled before it is timed.
        for (int i = 0; i < WarmupTokens; i++) context.ReadOne(tokens[0], cancellation);
        context.Rewind(depth);
        context.ResetCounters();
        double[] times = new double[decode];
        for (int i = 0; i < decode; i++)
        {
            start = Stopwatch.GetTimestamp();
            context.ReadOne(tokens[depth + i], cancellation);
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        Array.Sort(times);
        double median = (times[(decode - 1) / 2] + times[decode / 2]) / 2;
        return new DecodeTiming(depth / prefill, median, times[0], context.Counters.KeysPerHead, prompts.Time.TotalSeconds,
            prompts.KeysPerHead, Environment.WorkingSet);
    }

    private static int[] Tokens(int count, int end)
    {
        Random random = new(1);
        int[] tokens = new int[count];
        for (int i = 0; i < count; i++) tokens[i] = end > FirstId ? random.Next(FirstId, end) : 0;
        return tokens;
    }
}

using System.Diagnostics;
using System.Globalization;
using Halfspace.Cli.Bench.Attention;

namespace Halfspace.Cli.Bench.Serve;

/// <summary>Measures a server under streaming clients. Every question is another one, so that no answer is cheap because a slot has read its prompt.</summary>
internal sealed class LoadBench(LoadTarget target, int maxTokens, CancellationToken cancellation)
{
    // A client that is refused does not ask again at once.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly StreamingClient _client = new(target.Http, maxTokens);
    private int _asked;

    /// <summary>The first thing that went wrong.</summary>
    public string? Error { get; private set; }

    /// <summary>Clients that each ask again when their answer ends. Answers that are running when the time is over are waited for.</summary>
    public async Task<LoadReport> LoadAsync(int clients, TimeSpan time)
    {
        // What compiles and grows with the first requests is not measured.
        await AtOnceAsync(Math.Min(clients, 16)).ConfigureAwait(false);
        long? memory = target.MemoryBytes;
        long start = Stopwatch.GetTimestamp();
        List<StreamedAnswer>[] all = await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            List<StreamedAnswer> own = [];
            do
            {
                own.Add(await AskAsync().ConfigureAwait(false));
                if (own[^1].End != AnswerEnd.Done) await Task.Delay(Pause, cancellation).ConfigureAwait(false);
            }
            while (Stopwatch.GetElapsedTime(start) < time);
            return own;
        }))).ConfigureAwait(false);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        StreamedAnswer[] answers = [.. all.SelectMany(own => own)];
        StreamedAnswer[] whole = [.. answers.Where(answer => answer.End == AnswerEnd.Done)];
        double[] times = [.. whole.Select(answer => answer.Seconds).Order()], first = [.. whole.Select(answer => answer.FirstToken).Order()];
        double median = MedianOf(times), slowest = times.LastOrDefault();
        long tokens = answers.Sum(answer => (long)answer.Tokens);
        return new LoadReport
        {
            Clients = clients,
            Seconds = Math.Round(seconds, 2),
            Requests = answers.Length,
            Failed = answers.Count(answer => answer.End == AnswerEnd.Failed),
            Lost = answers.Count(answer => answer.End == AnswerEnd.Lost),
            FewestOfAClient = all.Min(own => own.Count(answer => answer.End == AnswerEnd.Done)),
            MedianSeconds = Math.Round(median, 3),
            SlowestSeconds = Math.Round(slowest, 3),
            SlowestOverMedian = median > 0 ? Math.Round(slowest / median, 2) : 0,
            FirstTokenMedianSeconds = Math.Round(MedianOf(first), 3),
            FirstTokenSlowestSeconds = Math.Round(first.LastOrDefault(), 3),
            Tokens = tokens,
            TokensPerSecond = Math.Round(tokens / seconds, 1),
            MemoryBytesStart = memory,
            MemoryBytesEnd = target.MemoryBytes,
        };
    }

    /// <summary>Rounds of some questions at once and as many one after another, in turns, until the time is over.</summary>
    public async Task<ThroughputReport> CompareAsync(int atOnce, TimeSpan time)
    {
        await AtOnceAsync(atOnce).ConfigureAwait(false);
        List<StreamedAnswer> parallel = [], serial = [];
        double parallelSeconds = 0, serialSeconds = 0;
        int rounds = 0;
        long begin = Stopwatch.GetTimestamp();
        do
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < atOnce; i++) serial.Add(await AskAsync().ConfigureAwait(false));
            serialSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
            start = Stopwatch.GetTimestamp();
            parallel.AddRange(await AtOnceAsync(atOnce).ConfigureAwait(false));
            parallelSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
            rounds++;
        }
        while (Stopwatch.GetElapsedTime(begin) < time);
        double one = serial.Sum(answer => answer.Tokens) / serialSeconds, many = parallel.Sum(answer => answer.Tokens) / parallelSeconds;
        StreamedAnswer[] answers = [.. serial, .. parallel];
        return new ThroughputReport
        {
            AtOnce = atOnce,
            Rounds = rounds,
            Failed = answers.Count(answer => answer.End == AnswerEnd.Failed),
            Lost = answers.Count(answer => answer.End == AnswerEnd.Lost),
            SerialTokensPerSecond = Math.Round(one, 1),
            ParallelTokensPerSecond = Math.Round(many, 1),
            Ratio = one > 0 ? Math.Round(many / one, 2) : 0,
        };
    }

    private Task<StreamedAnswer[]> AtOnceAsync(int count) => Task.WhenAll(Enumerable.Range(0, count).Select(_ => Task.Run(AskAsync)));

    private async Task<StreamedAnswer> AskAsync()
    {
        int number = Interlocked.Increment(ref _asked) + 1000;
        string question = string.Create(CultureInfo.InvariantCulture, $"{number} travellers come to a village. Write a long story about them.");
        StreamedAnswer answer = await _client.AskAsync(question, cancellation).ConfigureAwait(false);
        if (answer.Error is not null) Error ??= answer.Error;
        return answer;
    }

    private static double MedianOf(double[] values) => values.Length == 0 ? 0 : AttentionTimes.Median(values);
}

using System.Diagnostics;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;
using Halfspace.Kernels;
using Microsoft.ML.OnnxRuntime;

namespace Halfspace.Cli.Bench.Attention;

/// <summary>
/// Decodes one position a round with each kernel in turn, as a model does: a kernel goes once over all sets of keys, then the other
/// kernels do, and a buffer larger than the caches is read. So keys come from main memory and code is warm.
/// </summary>
/// <param name="options">How sparse attention chooses.</param>
/// <param name="threads">Threads that compute.</param>
/// <param name="rounds">Rounds at most; positions of the recorded queries and short contexts may allow fewer.</param>
/// <param name="layers">Recorded layers.</param>
/// <param name="stop">Ends the measurement.</param>
internal sealed class AttentionBench(AttentionOptions options, int threads, int rounds, GoldenLayer[] layers, CancellationToken stop)
{
    public const int LeastKeys = 512, MostKeys = 1 << 18, MostRounds = 255;

    // Compared positions; sets of keys, fewer where they would not fit; what they may hold together.
    private const int Checks = 8, MostSets = 4, WarmKeys = 2048, WarmLaps = 4;

    // The system may wake a thread on the processor of the one that woke it, and takes some milliseconds to move it.
    private const double WakeMilliseconds = 30;

    private const long MemoryBudget = 2_300L << 20;

    /// <summary>Measures all kernels over so many keys.</summary>
    public AttentionMeasurement Measure(int keys)
    {
        int taken = Math.Min(rounds, Math.Min(layers.Min(layer => layer.Positions), keys / 8) - 1), positions = taken + 1;
        HashSet<int> check = [.. Enumerable.Range(0, Checks).Select(c => 1 + (c * (taken - 1) / (Checks - 1)))];
        List<LayerSet> sets = [];
        List<LayerKernel> kernels = [];
        using WorkerPool pool = new(threads);
        using MemoryRead read = new(pool);
        try
        {
            // The first set is small and only warms.
            int warm = Math.Min(keys, WarmKeys);
            sets.Add(new LayerSet(layers[0], warm, Math.Min(positions, warm / 8), new HashSet<int>(), 0));
            for (int s = 0; s < Sets(keys); s++)
            {
                stop.ThrowIfCancellationRequested();
                sets.Add(new LayerSet(layers[s % layers.Length], keys, positions, check, s + 1));
            }

            kernels.Add(new HeadAttentionKernel(options with { Mode = AttentionMode.Sparse }, sets, pool));
            kernels.Add(new HeadAttentionKernel(options with { Mode = AttentionMode.Dense }, sets, pool));
            kernels.Add(new FloatScanKernel(sets, pool));
            kernels.Add(new GroupQueryAttentionKernel(sets, threads));
            AttentionTimes[] times = [.. kernels.Select(_ => new AttentionTimes(taken))];
            Warm(kernels, taken);
            double[] gigabytes = new double[taken];
            for (int round = 1; round <= taken; round++)
            {
                stop.ThrowIfCancellationRequested();
                for (int k = 0; k < kernels.Count; k++) Pass(kernels[k], round, times[k]);
                gigabytes[round - 1] = Read(read, pool);
            }

            if (!float.IsFinite(read.Total)) throw new InvalidOperationException("The sum of the buffer is not a number.");
            return Report(keys, positions, kernels, times, gigabytes);
        }
        finally
        {
            foreach (LayerKernel kernel in kernels) kernel.Dispose();
            foreach (LayerSet set in sets) set.Dispose();
        }
    }

    private static int Sets(int keys)
    {
        // Keys and values as floats once and as float16 twice, and a quarter of that for what sparse attention keeps besides.
        long bytes = (long)keys * LayerSet.KeyValueHeads * LayerSet.Dim * 2 * (sizeof(float) + (2 * sizeof(short)) + 1);
        return (int)Math.Clamp(MemoryBudget / bytes, 1, MostSets);
    }

    /// <summary>Runs all code until it is compiled as well as it will be, and goes over the first position of each set.</summary>
    private void Warm(List<LayerKernel> kernels, int milliseconds)
    {
        for (int lap = 0; lap < WarmLaps; lap++)
        {
            foreach (LayerKernel kernel in kernels)
            {
                stop.ThrowIfCancellationRequested();
                kernel.Open();
                Decode(kernel, milliseconds);
                kernel.Close();
                AwaitIdle();
            }
        }

        foreach (LayerKernel kernel in kernels)
        {
            kernel.Open();
            for (int set = 1; set < kernel.Sets.Count; set++) kernel.Decode(set, 0);
            kernel.Close();
            AwaitIdle();
        }
    }

    /// <summary>Goes over the positions of the warming set for a while.</summary>
    private static void Decode(LayerKernel kernel, double milliseconds)
    {
        int positions = kernel.Sets[0].Keys - kernel.Sets[0].First;
        long start = Stopwatch.GetTimestamp();
        for (int call = 0; call == 0 || Stopwatch.GetElapsedTime(start).TotalMilliseconds < milliseconds; call++)
            kernel.Decode(0, call % positions);
    }

    /// <summary>One kernel's turn: a position of each set.</summary>
    private static void Pass(LayerKernel kernel, int round, AttentionTimes times)
    {
        kernel.Open();
        Decode(kernel, WakeMilliseconds);
        kernel.Count(keep: false);
        TimeSpan time = TimeSpan.Zero;
        for (int set = 1; set < kernel.Sets.Count; set++)
        {
            long start = Stopwatch.GetTimestamp();
            kernel.Decode(set, round);
            time += Stopwatch.GetElapsedTime(start);
            kernel.Sets[set].Compare(round, kernel.Output, times.Errors);
        }

        kernel.Count(keep: true);
        kernel.Close();
        times.Microseconds[round - 1] = time.TotalMicroseconds / (kernel.Sets.Count - 1);
        AwaitIdle();
    }

    /// <summary>Reads the buffer once.</summary>
    /// <returns>Gigabytes a second.</returns>
    private static double Read(MemoryRead read, WorkerPool pool)
    {
        pool.Open();
        read.Run();
        long start = Stopwatch.GetTimestamp();
        read.Run();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        pool.Close();
        return MemoryRead.Bytes / seconds / 1e9;
    }

    /// <summary>Waits until the process computes nothing: ONNX Runtime's threads spin on for a while.</summary>
    private static void AwaitIdle()
    {
        for (int wait = 0; wait < 50; wait++)
        {
            // Long enough that the system has accounted for what other threads do.
            TimeSpan before = Environment.CpuUsage.TotalTime;
            long start = Stopwatch.GetTimestamp();
            Thread.Sleep(12);
            if (Environment.CpuUsage.TotalTime - before < Stopwatch.GetElapsedTime(start) / 4) return;
        }
    }

    private AttentionMeasurement Report(int keys, int positions, List<LayerKernel> kernels, AttentionTimes[] times, double[] gigabytes)
    {
        // Of the timed positions; the first only warmed.
        double visible = keys - ((positions - 2) / 2.0), bandwidth = AttentionTimes.Median(gigabytes);
        List<AttentionReport> reports = [];
        Dictionary<string, double> shares = [];
        foreach ((LayerKernel kernel, AttentionTimes time) in kernels.Zip(times))
        {
            double median = AttentionTimes.Median(time.Microseconds), bytes = kernel.Bytes(visible);
            reports.Add(new AttentionReport
            {
                Kernel = kernel.Name,
                Keys = keys,
                Heads = LayerSet.QueryHeads,
                KvHeads = LayerSet.KeyValueHeads,
                Dim = LayerSet.Dim,
                Microseconds = Math.Round(median, 2),
                MicrosecondsMin = Math.Round(time.Microseconds.Min(), 2),
                PairsPerSecond = Math.Round(visible * LayerSet.QueryHeads / median * 1e6),
                Bytes = (long)bytes,
                RelErrorMean = time.Errors.Average(),
                RelErrorMax = time.Errors.Max(),
                CertificateMean = kernel.CertificateMean,
                KeysReported = Math.Round(kernel.KeysReported ?? visible, 1),
            });
            shares[kernel.Name] = Math.Round(bytes / median / 1e3 / bandwidth, 3);
        }

        int sets = kernels[0].Sets.Count - 1;
        return new AttentionMeasurement(reports, new AttentionRoofline
        {
            Keys = keys,
            Threads = threads,
            ReadGigabytesPerSecond = Math.Round(bandwidth, 2),
            ReadGigabytesPerSecondMax = Math.Round(gigabytes.Max(), 2),
            ReadBytes = MemoryRead.Bytes,
            Bytes = reports.ToDictionary(r => r.Kernel, r => r.Bytes),
            BandwidthShare = shares,
            Layers = [.. layers.Take(sets).Select(layer => layer.Number)],
            Sets = sets,
            Rounds = positions - 1,
            Policy = PolicyText.NameOf(options.Policy),
            Simd = Simd.Selected.ToString().ToLowerInvariant(),
            Onnxruntime = OrtEnv.Instance().GetVersionString(),
        });
    }
}

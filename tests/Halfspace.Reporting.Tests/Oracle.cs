namespace Halfspace.Reporting.Tests;

/// <summary>Half-space reporting in whole numbers, and helpers to ask an index.</summary>
internal static class Oracle
{
    /// <summary>Coordinates that are whole numbers below 2^20 in size: their products and sums are exact in long.</summary>
    public static int[] Report(float[] points, float[] query, float bias, Func<int, bool>? live = null)
    {
        int dim = query.Length;
        List<int> ids = [];
        for (int id = 0; id * dim < points.Length; id++)
        {
            long score = 0;
            for (int j = 0; j < dim; j++) score += (long)query[j] * (long)points[(id * dim) + j];
            if ((live is null || live(id)) && score >= (double)bias) ids.Add(id);
        }

        return [.. ids];
    }

    public static int[] Report(this HalfspaceIndex index, float[] query, float bias)
    {
        HitList hits = new();
        index.Report(query, bias, hits);
        return hits.Ids.ToArray();
    }

    public static int[] Top(this HalfspaceIndex index, float[] query, int r)
    {
        HitList hits = new();
        index.ReportTop(query, r, hits);
        return hits.Ids.ToArray();
    }

    /// <summary>A file that is deleted.</summary>
    public sealed class TemporaryFile : IDisposable
    {
        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), System.IO.Path.GetRandomFileName());

        public void Dispose() => File.Delete(Path);
    }
}

using System.Numerics.Tensors;

namespace Halfspace.Runtime.Generation;

/// <summary>Finds the greatest logits without sorting the vocabulary. Buffers are made once.</summary>
/// <remarks>The logits are cut into more chunks than are wanted. The k-th greatest of the chunks' maxima bounds the k-th greatest logit
/// from below, so only chunks whose maximum reaches it are looked through, and only what reaches it is sorted.</remarks>
internal sealed class SamplingCandidates(int vocabularySize)
{
    private const int ChunksPerWanted = 8;
    private const int ShortestChunk = 16;

    private readonly ulong[] _candidates = new ulong[vocabularySize];
    private readonly float[] _maxima = new float[(vocabularySize / ShortestChunk) + 1];
    private readonly float[] _sorted = new float[(vocabularySize / ShortestChunk) + 1];

    /// <summary>The greatest logits, greatest first, of equal ones the lower id first.</summary>
    /// <param name="logits">[vocabulary], without NaN.</param>
    /// <param name="weights">[vocabulary]; a token of weight 0 does not take part.</param>
    /// <param name="wanted">Above 0; there may be more, and there are fewer only if no more tokens have a weight.</param>
    /// <returns>Candidates; valid until the next call.</returns>
    public ReadOnlySpan<ulong> Greatest(ReadOnlySpan<float> logits, ReadOnlySpan<float> weights, int wanted)
    {
        int length = (int)Math.Max(ShortestChunk, logits.Length / ((long)ChunksPerWanted * wanted));
        int chunks = 0;
        for (int start = 0; start < logits.Length; start += length)
            _maxima[chunks++] = TensorPrimitives.Max(logits.Slice(start, Math.Min(length, logits.Length - start)));
        float bound = KthGreatest(chunks, wanted);
        int count = 0;
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            if (_maxima[chunk] < bound)
                continue;
            int end = Math.Min((chunk + 1) * length, logits.Length);
            for (int id = chunk * length; id < end; id++)
            {
                if (logits[id] >= bound && weights[id] > 0)
                    _candidates[count++] = Pack(logits[id], id);
            }
        }

        Span<ulong> found = _candidates.AsSpan(0, count);
        found.Sort();
        found.Reverse();
        return found;
    }

    /// <summary>A token and its logit as one number: by logit, then the lower id greater.</summary>
    /// <remarks>High half: the logit's bits turned so that they order as unsigned numbers. Low half: the complement of the id.</remarks>
    public static ulong Pack(float logit, int id)
    {
        uint bits = BitConverter.SingleToUInt32Bits(logit + 0f); // −0 becomes 0
        bits = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return ((ulong)bits << 32) | ~(uint)id;
    }

    /// <summary>The token of a candidate.</summary>
    public static int Id(ulong candidate) => (int)~(uint)candidate;

    private float KthGreatest(int chunks, int k)
    {
        if (chunks <= k)
            return float.NegativeInfinity;
        Span<float> sorted = _sorted.AsSpan(0, chunks);
        _maxima.AsSpan(0, chunks).CopyTo(sorted);
        sorted.Sort();
        return sorted[chunks - k];
    }
}

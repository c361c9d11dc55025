using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Report: the keys of a row that a policy wants exact, found by a scan of exact scores.</summary>
internal sealed class Reporter(AttentionKernels kernels, AttentionPolicy policy)
{
    /// <summary>What a reported score becomes: it weighs nothing.</summary>
    public const float Hidden = -3e38f;

    /// <summary>Whether the policy reports every one of so many keys, whatever their scores.</summary>
    public bool ReportsAll(int indexed) => indexed <= 0 || (policy is AttentionPolicy.Budget budget && indexed <= budget.Keys);

    /// <summary>Picks the row's threshold b and lists the keys reported.</summary>
    /// <param name="scores">The scores of all visible keys.</param>
    /// <param name="first">Where the index begins.</param>
    /// <param name="end">Where it ends.</param>
    /// <param name="max">The largest of all scores.</param>
    /// <param name="tokens">Written: positions, ascending; room for the whole index.</param>
    /// <param name="work">At least <see cref="Threshold.WorkLength"/>, and the index besides.</param>
    /// <returns>Keys reported.</returns>
    public int Report(ReadOnlySpan<float> scores, int first, int end, float max, Span<int> tokens, Span<float> work)
    {
        ReadOnlySpan<float> index = scores[first..end];
        switch (policy)
        {
            case AttentionPolicy.Budget budget:
                int near = kernels.Collect(index, Bound(index, budget.Keys, work), tokens);
                Span<float> candidates = work.Slice(Threshold.WorkLength, near);
                for (int i = 0; i < near; i++) candidates[i] = index[tokens[i]];
                return Keep(index, first, Threshold.LeaveOut(candidates, [], near - budget.Keys, work), tokens[..near]);
            case AttentionPolicy.Mass mass:
                Threshold threshold = LeaveOutMass(scores, index, max, mass.Tail, work);
                return Keep(index, first, threshold, tokens[..kernels.Collect(index, threshold.Bias, tokens)]);
            case AttentionPolicy.Fixed bias:
                return Keep(index, first, new Threshold(bias.Bias, int.MaxValue), tokens[..kernels.Collect(index, bias.Bias, tokens)]);
            default:
                throw new InvalidOperationException($"The policy {policy} is not known.");
        }
    }

    /// <summary>A score that at least so many reach: the keys-th largest of the maxima of groups, where there are as many groups.</summary>
    private float Bound(ReadOnlySpan<float> index, int keys, Span<float> work)
    {
        int groups = (index.Length + AttentionKernels.GroupSize - 1) / AttentionKernels.GroupSize;
        if (groups < keys) return float.MinValue;
        Span<float> maxima = work.Slice(Threshold.WorkLength, groups);
        kernels.Maxima(index, maxima);
        return Threshold.LeaveOut(maxima, [], groups - keys, work).Bias;
    }

    /// <summary>Keeps of the listed the reported ones, as positions.</summary>
    private static int Keep(ReadOnlySpan<float> index, int first, Threshold threshold, Span<int> listed)
    {
        int found = 0, ties = threshold.Ties;
        for (int i = 0; i < listed.Length; i++)
        {
            int at = listed[i];
            if (index[at] == threshold.Bias && ties-- <= 0) continue;
            if (index[at] >= threshold.Bias) listed[found++] = first + at;
        }
        return found;
    }

    private Threshold LeaveOutMass(ReadOnlySpan<float> scores, ReadOnlySpan<float> index, float max, double tail, Span<float> work)
    {
        Span<float> weights = work.Slice(Threshold.WorkLength, index.Length);
        kernels.Exponentials(index, max, weights);
        double whole = kernels.ExponentialMoments(scores, max).Sum;
        return Threshold.LeaveOut(index, weights, tail * whole, work);
    }
}

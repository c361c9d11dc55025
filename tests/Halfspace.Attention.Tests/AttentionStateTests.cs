using CsCheck;

namespace Halfspace.Attention.Tests;

public sealed class AttentionStateTests
{
    private static readonly Gen<AttentionState> States = Gen.Select(
        Gen.Float[-80, 80], Gen.Float[0.5f, 10], Gen.Float[-3, 3].Array[4], (max, sum, values) => new AttentionState(max, sum, values));

    [Fact]
    public void Empty_is_the_identity() => States.Sample(state =>
    {
        Assert.Equal(state, state.Merge(default, new float[4]));
        Assert.Equal(state, default(AttentionState).Merge(state, new float[4]));
        float[] output = [1, 2];
        default(AttentionState).Normalise(output);
        Assert.Equal([0, 0], output);
    }, seed: "0000000000001");

    [Fact]
    public void Merging_commutes_and_associates() => Gen.Select(States, States, States).Sample((a, b, c) =>
    {
        Near(a.Merge(b, new float[4]), b.Merge(a, new float[4]));
        Near(a.Merge(b, new float[4]).Merge(c, new float[4]), a.Merge(b.Merge(c, new float[4]), new float[4]));
    }, seed: "0000000000001");

    [Fact]
    public void Merging_may_write_into_either_buffer() => Gen.Select(States, States).Sample((a, b) =>
    {
        float[] x = a.Values.ToArray(), y = b.Values.ToArray();
        AttentionState expected = a.Merge(b, new float[4]);
        Near(expected, (a with { Values = x }).Merge(b, x));
        Near(expected, a.Merge(b with { Values = y }, y));
    }, seed: "0000000000001");

    [Fact]
    public void States_over_parts_merge_to_softmax()
    {
        Case data = Case.Random(8, 1, 90, seed: 4);
        double[] scores = Reference.Scores(data.Query(89, 0), data.Keys);
        AttentionState state = default;
        for (int i = 0; i < 90; i++)
            state = state.Merge(new AttentionState((float)scores[i], 1, Array.ConvertAll(data.Values[(i * 8)..((i + 1) * 8)],
                v => (float)v)), new float[8]);
        float[] output = new float[8];
        state.Normalise(output);
        double[] expected = data.Oracle(89, 0);
        for (int c = 0; c < 8; c++) Assert.Equal(expected[c], output[c], 1e-5);
    }

    [Fact]
    public void States_of_different_widths_do_not_merge() =>
        Assert.Throws<ArgumentException>(() => new AttentionState(0, 1, new float[4]).Merge(new AttentionState(0, 1, new float[5]),
            new float[4]));

    private static void Near(AttentionState a, AttentionState b)
    {
        Assert.Equal(a.Max, b.Max);
        Assert.Equal(a.Sum, b.Sum, 1e-5 * a.Sum);
        for (int c = 0; c < 4; c++) Assert.Equal(a.Values.Span[c], b.Values.Span[c], 1e-4);
    }
}

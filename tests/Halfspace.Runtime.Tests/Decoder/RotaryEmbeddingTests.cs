using Halfspace.Runtime.Decoder;

namespace Halfspace.Runtime.Tests.Decoder;

public sealed class RotaryEmbeddingTests
{
    private static readonly RotaryOptions _plain = new() { Dimensions = 8, OriginalContext = 2048 };

    [Theory]
    [InlineData(RotaryPairing.Adjacent, 0, 1)]
    [InlineData(RotaryPairing.Halves, 0, 4)]
    public void A_pair_turns_by_position_times_its_frequency(RotaryPairing pairing, int first, int second)
    {
        float[] rotated = Rotate(_plain with { Pairing = pairing }, 3, Unit(first));
        Assert.Equal(MathF.Cos(3), rotated[first], 6);
        Assert.Equal(MathF.Sin(3), rotated[second], 6);
        Assert.Equal(0, rotated.Where((_, i) => i != first && i != second).Sum(MathF.Abs));
    }

    [Theory]
    [InlineData(RotaryPairing.Adjacent)]
    [InlineData(RotaryPairing.Halves)]
    public void A_score_depends_on_the_distance_of_positions_only(RotaryPairing pairing)
    {
        RotaryOptions options = _plain with { Pairing = pairing, Dimensions = 6 };
        float[] q = [1, -2, 3, 0.5f, 0.25f, 4, 7, -1], k = [2, 1, -1, 3, 5, -0.5f, 2, 2];
        double Score(int query, int key) => Rotate(options, query, q).Zip(Rotate(options, key, k), (x, y) => (double)x * y).Sum();
        Assert.Equal(Score(5, 2), Score(1005, 1002), 3);
        Assert.NotEqual(Score(5, 2), Score(5, 4), 3);
    }

    [Fact]
    public void Coordinates_behind_the_rotated_ones_pass()
    {
        float[] vector = [1, 2, 3, 4, 5, 6, 7, 8];
        float[] rotated = Rotate(_plain with { Dimensions = 4 }, 9, vector);
        Assert.Equal(vector[4..], rotated[4..]);
        Assert.NotEqual(vector[..4], rotated[..4]);
    }

    [Fact]
    public void Linear_scaling_divides_positions()
    {
        float[] vector = [1, 2, 3, 4, 5, 6, 7, 8];
        Equal(Rotate(_plain, 5, vector), Rotate(_plain.WithScaling("linear:4"), 20, vector));
    }

    [Fact]
    public void Ntk_scaling_keeps_the_fastest_pair_and_divides_the_slowest_by_the_factor()
    {
        RotaryOptions options = _plain.WithScaling("ntk:4");
        Equal(Rotate(_plain, 7, Unit(0)), Rotate(options, 7, Unit(0)));
        Equal(Rotate(_plain, 5, Unit(6)), Rotate(options, 20, Unit(6)));
    }

    [Fact]
    public void Yarn_keeps_fast_pairs_interpolates_slow_ones_and_sharpens()
    {
        RotaryOptions options = (_plain with { Dimensions = 64, OriginalContext = 512 }).WithScaling("yarn:4"), plain = _plain with { Dimensions = 64 };
        float magnitude = 1 + 0.1f * MathF.Log(4);
        Equal([.. Rotate(plain, 7, Unit(0, 64)).Select(x => x * magnitude)], Rotate(options, 7, Unit(0, 64)));
        Equal([.. Rotate(plain, 5, Unit(62, 64)).Select(x => x * magnitude)], Rotate(options, 20, Unit(62, 64)));
    }

    [Fact]
    public void Frequency_factors_divide_each_pair()
    {
        RotaryOptions options = _plain with { FrequencyFactors = [1, 2, 4, 8] };
        Equal(Rotate(_plain, 3, Unit(4)), Rotate(options, 12, Unit(4)));
    }

    [Theory]
    [InlineData("ntk")]
    [InlineData("cubic:2")]
    [InlineData("linear:0.5")]
    [InlineData("yarn:NaN")]
    [InlineData("")]
    public void Other_scalings_are_refused_in_a_sentence(string text)
    {
        ModelException e = Assert.Throws<ModelException>(() => _plain.WithScaling(text));
        Assert.Contains("linear:FACTOR", e.Message, StringComparison.Ordinal);
    }

    private static float[] Unit(int index, int length = 8)
    {
        float[] vector = new float[length];
        vector[index] = 1;
        return vector;
    }

    private static float[] Rotate(RotaryOptions options, int position, float[] vector)
    {
        RotaryEmbedding rotary = new(options);
        float[] cosines = new float[rotary.Dimensions / 2], sines = new float[rotary.Dimensions / 2], rotated = new float[vector.Length];
        rotary.Angles(position, cosines, sines);
        rotary.Rotate(vector, cosines, sines, rotated);
        return rotated;
    }

    private static void Equal(float[] expected, float[] actual)
    {
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 5);
    }
}

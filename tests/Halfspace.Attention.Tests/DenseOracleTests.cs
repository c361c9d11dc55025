namespace Halfspace.Attention.Tests;

public sealed class DenseOracleTests
{
    [Fact]
    public void No_key_gives_zero()
    {
        double[] output = [5, 5];
        DenseOracle.Softmax([1, 2], [], [], output);
        Assert.Equal([0, 0], output);
        output = [5, 5];
        DenseOracle.Relu([1, 2], [], [], 0, 1, output);
        Assert.Equal([0, 0], output);
    }

    [Fact]
    public void A_relu_row_with_every_key_below_the_threshold_is_zero()
    {
        double[] output = [5];
        DenseOracle.Relu([1], [(Half)1, (Half)2], [(Half)3, (Half)4], 2, 2, output);
        Assert.Equal([0], output);
    }

    [Theory]
    [InlineData(1, ((1 * 3) + (2 * 4)) / 3.0)]
    [InlineData(2, ((1 * 3) + (4 * 4)) / 5.0)]
    [InlineData(3, ((1 * 3) + (8 * 4)) / 9.0)]
    public void Relu_weighs_by_powers_over_the_row_sum(int power, double expected)
    {
        double[] output = new double[1];
        DenseOracle.Relu([1], [(Half)0, (Half)2, (Half)3], [(Half)9, (Half)3, (Half)4], 1, power, output);
        Assert.Equal(expected, output[0], 1e-15);
    }

    [Fact]
    public void Shapes_and_scores_are_checked()
    {
        double[] output = new double[2];
        Assert.Throws<ArgumentException>(() => DenseOracle.Softmax([1, 2], new Half[3], new Half[3], output));
        Assert.Throws<ArgumentException>(() => DenseOracle.Softmax([1, 2], new Half[4], new Half[2], output));
        Assert.Throws<ArgumentException>(() => DenseOracle.Softmax([1, 2], new Half[4], new Half[4], output.AsSpan(1)));
        Assert.Throws<ArgumentException>(() => DenseOracle.Softmax([1, float.NaN], new Half[4], new Half[4], output));
        Assert.Throws<ArgumentException>(() => DenseOracle.Softmax([1, 2], [Half.NaN, (Half)1], new Half[2], output));
        Assert.Throws<ArgumentOutOfRangeException>(() => DenseOracle.Relu([1, 2], new Half[4], new Half[4], 0, 0, output));
    }
}

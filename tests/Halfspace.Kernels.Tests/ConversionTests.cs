namespace Halfspace.Kernels.Tests;

public sealed class ConversionTests
{
    public static TheoryData<SimdTier> All => Tiers.All;

    [Theory, MemberData(nameof(All))]
    public void Every_finite_half_is_widened_exactly(SimdTier tier)
    {
        Half[] halves = Finite();
        float[] wide = new float[halves.Length];
        AttentionKernels.For(tier).Widen(halves, halves.Length, [], wide, halves.Length);
        for (int i = 0; i < halves.Length; i++)
            Assert.Equal(BitConverter.SingleToInt32Bits((float)halves[i]), BitConverter.SingleToInt32Bits(wide[i]));
    }

    [Theory, MemberData(nameof(All))]
    public void Every_finite_half_comes_back_from_float(SimdTier tier)
    {
        Half[] halves = Finite();
        Half[] back = new Half[halves.Length];
        Assert.True(AttentionKernels.For(tier).Narrow(Array.ConvertAll(halves, h => (float)h), back));
        for (int i = 0; i < halves.Length; i++)
            Assert.Equal(BitConverter.HalfToInt16Bits(halves[i]), BitConverter.HalfToInt16Bits(back[i]));
    }

    [Theory, MemberData(nameof(All))]
    public void Floats_are_rounded_to_the_nearest_even_half(SimdTier tier)
    {
        // Around every half: itself, the midpoints to its neighbours and the floats beside those.
        List<float> floats = [];
        foreach (Half half in Finite())
        {
            float x = (float)half, next = (float)Half.BitIncrement(half);
            float middle = float.IsFinite(next) ? (x + next) / 2 : x;
            floats.AddRange([middle, MathF.BitDecrement(middle), MathF.BitIncrement(middle), MathF.BitIncrement(x), MathF.BitDecrement(x)]);
        }
        floats.RemoveAll(f => MathF.Abs(f) >= 65520);
        floats.AddRange([0f, -0f, float.Epsilon, -float.Epsilon, 1e-30f, MathF.BitDecrement(65520)]);
        while (floats.Count % 16 != 3) floats.Add(1);
        Half[] halves = new Half[floats.Count];
        Assert.True(AttentionKernels.For(tier).Narrow(floats.ToArray(), halves));
        for (int i = 0; i < halves.Length; i++)
            Assert.Equal(BitConverter.HalfToInt16Bits((Half)floats[i]), BitConverter.HalfToInt16Bits(halves[i]));
    }

    [Theory, MemberData(nameof(All))]
    public void What_float16_cannot_hold_is_noticed_in_every_lane(SimdTier tier)
    {
        AttentionKernels kernels = AttentionKernels.For(tier);
        foreach (float bad in (float[])[float.NaN, -float.NaN, float.PositiveInfinity, float.NegativeInfinity, 65520, -65520,
            float.MaxValue])
        {
            for (int at = 0; at < 35; at++)
            {
                float[] row = new float[35];
                row[at] = bad;
                Assert.False(kernels.Narrow(row, new Half[35]));
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Widening_takes_the_centre_off_and_leaves_the_padding(SimdTier tier)
    {
        foreach (int dim in Tiers.Dims)
        {
            Half[] rows = Array.ConvertAll(Data.Floats(3 * dim, seed: dim), x => (Half)x);
            float[] centre = Data.Floats(dim, seed: dim + 1), target = new float[(3 * (dim + 5)) - 5];
            Array.Fill(target, 7);
            AttentionKernels.For(tier).Widen(rows, dim, centre, target, dim + 5);
            for (int i = 0; i < target.Length; i++)
            {
                int row = i / (dim + 5), c = i % (dim + 5);
                Assert.Equal(c < dim ? (float)rows[(row * dim) + c] - centre[c] : 7, target[i]);
            }
        }
    }

    private static Half[] Finite() =>
        [.. Enumerable.Range(0, 65536).Select(i => BitConverter.UInt16BitsToHalf((ushort)i)).Where(Half.IsFinite)];
}

using Halfspace.Kernels.Reporting;

namespace Halfspace.Kernels.Tests.Reporting;

public sealed class KeyBlocksTests
{
    public static TheoryData<SimdTier> All => Tiers.All;

    [Theory, MemberData(nameof(All))]
    public void A_key_is_no_farther_from_its_sketch_than_the_residual_says(SimdTier tier)
    {
        foreach (int dim in SketchCases.Dims)
        {
            foreach ((string name, float[] rows) in SketchCases.Keys(dim))
            {
                SketchedKeys keys = new(rows, dim, tier);
                for (int i = 0; i < keys.Count; i++)
                {
                    double[] y = keys.Rotated(i);
                    double off = SketchedKeys.Distance(y, keys.Decoded(i)), bound = keys.Residual(i);
                    string what = $"{name}, {dim}, key {i}: off by {off}, bound {bound}";
                    Assert.True(keys.Fits[i], what);
                    Assert.True(off <= bound, what);
                    float read = KeyBlocks.Residual(keys.Block(i), dim, i % KeyBlocks.Keys);
                    Assert.True(off <= read && Math.Abs(read - bound) <= 1e-6 * bound, what);
                    // No looser than one more byte and what rounding may take.
                    double unit = keys.Step(i) * Math.Sqrt(dim) / 255;
                    Assert.True(bound <= (off * (1 + 1e-4)) + (1e-5 * SketchedKeys.Norm(y)) + (1.001 * unit), what);
                }
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Four_bits_keep_nine_tenths_of_a_gaussian_key(SimdTier tier)
    {
        foreach (int dim in SketchCases.Dims)
        {
            SketchedKeys keys = new(SketchCases.Keys(dim).First().Rows, dim, tier);
            double off = 0, norm = 0;
            for (int i = 0; i < keys.Count; i++)
            {
                off += Math.Pow(SketchedKeys.Distance(keys.Rotated(i), keys.Decoded(i)), 2);
                norm += Math.Pow(SketchedKeys.Norm(keys.Rotated(i)), 2);
            }
            // Measured: 0.065 for 8 coordinates, whose range is narrow, to 0.105 for 256.
            Assert.True(Math.Sqrt(off / norm) < 0.12, $"{dim}: {Math.Sqrt(off / norm)}");
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Only_a_key_too_large_for_a_step_of_float16_is_refused(SimdTier tier)
    {
        foreach (int dim in SketchCases.Dims)
        {
            // One rotated coordinate: float16's largest step reaches to 7.5 times itself, and 255 units of the residual beyond it.
            double reach = 65504 * (7.5 + Math.Sqrt(dim));
            foreach ((double size, bool fits) in ((double, bool)[])[(1, true), (7.4 * 65504, true), (reach * 1.05, false), (9e6, false)])
            {
                double[] y = new double[dim];
                y[3] = size;
                SketchedKeys keys = new(SketchedKeys.Unrotated(y), dim, tier);
                Assert.Equal(fits, keys.Fits[0]);
                if (fits) Assert.True(SketchedKeys.Distance(keys.Rotated(0), keys.Decoded(0)) <= keys.Residual(0));
            }
            // Keys less a centre, each up to ±65,504.
            SketchedKeys largest = new([.. Enumerable.Repeat(0, 20 * dim).Select((_, i) => i % 3 == 0 ? 131008f : -131008f)], dim, tier);
            for (int i = 0; i < 20; i++)
            {
                if (largest.Fits[i]) Assert.True(SketchedKeys.Distance(largest.Rotated(i), largest.Decoded(i)) <= largest.Residual(i));
                else Assert.True(largest.Rotated(i).Max(Math.Abs) > 7.5 * 65504);
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Positions_have_three_bytes_and_slots_their_own(SimdTier tier)
    {
        SketchedKeys keys = new(Data.Floats(150 * 24, seed: 1), 24, tier);
        SketchedKeys more = new([.. keys.Keys, .. Data.Floats(30 * 24, seed: 2)], 24, tier);
        for (int i = 0; i < keys.Count; i++)
        {
            int slot = i % KeyBlocks.Keys;
            Assert.Equal(SketchedKeys.PositionOf(i), KeyBlocks.Position(keys.Block(i), 24, slot));
            Assert.Equal(SketchedKeys.PositionOf(i), KeyBlocks.Position(KeyBlocks.Positions(keys.Block(i), 24), slot));
            // Keys that came later, into the same block, left it as it was.
            Assert.Equal(keys.Decoded(i), more.Decoded(i));
            Assert.Equal(keys.Residual(i), more.Residual(i));
        }
    }

    [Fact]
    public void Every_tier_writes_the_same_bytes()
    {
        foreach (int dim in SketchCases.Dims)
        {
            foreach ((string name, float[] rows) in SketchCases.Keys(dim))
            {
                byte[] expected = new SketchedKeys(rows, dim, SimdTier.Scalar).Blocks;
                foreach (SimdTier tier in Simd.Available)
                    Assert.True(expected.AsSpan().SequenceEqual(new SketchedKeys(rows, dim, tier).Blocks), $"{name}, {dim}, {tier}");
            }
        }
    }

    [Fact]
    public void Blocks_of_64_coordinates_cost_less_than_15_percent_of_keys_and_values()
    {
        const int Tokens = 8192, Dim = 64;
        long sketches = (long)KeyBlocks.Bytes(Dim) * Tokens / KeyBlocks.Keys;
        Assert.Equal((Dim / 2) + 6, KeyBlocks.Bytes(Dim) / KeyBlocks.Keys);
        Assert.True(sketches <= 0.15 * Tokens * 2 * Dim * sizeof(short), $"{sketches} bytes");
    }

    [Fact]
    public void Shapes_that_do_not_match_are_refused()
    {
        AttentionKernels kernels = AttentionKernels.For(Simd.Selected);
        SketchRotation rotation = new(16, 1);
        byte[] block = new byte[KeyBlocks.Bytes(16)];
        Assert.Throws<ArgumentException>(() => kernels.Sketch(new float[255], rotation, [1], block, 0));
        Assert.Throws<ArgumentException>(() => kernels.Sketch(new float[256], rotation, new int[17], block, 0));
        Assert.Throws<ArgumentException>(() => kernels.Sketch(new float[256], rotation, [1], new byte[block.Length - 1], 0));
        Assert.Throws<ArgumentException>(() => kernels.Sketch(new float[256], rotation, [1, 2], block, 63));
        Assert.Throws<ArgumentException>(() => kernels.Sketch(new float[256], rotation, [1], block, -1));
        Assert.Throws<ArgumentNullException>(() => kernels.Sketch(new float[256], null!, [1], block, 0));
    }
}

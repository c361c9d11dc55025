using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Tests.Gguf;
using Halfspace.Runtime.Weights;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Weights;

/// <summary>scale · (B − zero) + minimum must be the file's weight, bit for bit.</summary>
public sealed class BlockLayoutTests
{
    public static TheoryData<GgufTensorType> Types =>
        [.. Enum.GetValues<GgufTensorType>().Where(type => BlockLayout.For(type) is not null)];

    [Theory, MemberData(nameof(Types))]
    public void Random_blocks_keep_their_weights(GgufTensorType type)
    {
        Random random = new(1);
        for (int round = 0; round < 20; round++)
        {
            (byte[] data, int inner, int rows) = Matrix(random, type, ReferenceBlocks.Random);
            Check(type, data, inner, rows, centre: false);
            Check(type, data, inner, rows, centre: true);
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void Blocks_as_converters_make_them_keep_their_weights_centred(GgufTensorType type)
    {
        Random random = new(2);
        for (int round = 0; round < 20; round++)
        {
            (byte[] data, int inner, int rows) = Matrix(random, type, ReferenceBlocks.LikeWeights);
            bool exact = Check(type, data, inner, rows, centre: true);

            // A sum of products of a half and six bits can need more than 24 bits; a sum of halves of one size cannot.
            if (type is not (GgufTensorType.Q4_K or GgufTensorType.Q5_K)) Assert.True(exact, $"{type}, round {round}");
        }
    }

    [Fact]
    public void A_minimum_that_cannot_be_raised_exactly_is_reported()
    {
        byte[] block = new byte[20];
        BitConverter.TryWriteBytes(block, BitConverter.UInt16BitsToHalf(1)); // 2^-24
        BitConverter.TryWriteBytes(block.AsSpan(2), (Half)1025);
        float[] scales = new float[1], minima = new float[1];
        Assert.False(BlockLayout.Convert(GgufTensorType.Q4_1, block, 32, new byte[16], scales, minima, 1, 0, centre: true));
        Assert.True(BlockLayout.Convert(GgufTensorType.Q4_1, block, 32, new byte[16], scales, minima, 1, 0, centre: false));
        Assert.Equal(1025f, minima[0]);
    }

    [Theory, MemberData(nameof(Types))]
    public void Ranges_of_rows_give_the_whole(GgufTensorType type)
    {
        Random random = new(3);
        const int Rows = 7;
        BlockLayout layout = BlockLayout.For(type)!;
        int inner = 2 * Dequantizer.BlockSize(type), parts = inner / layout.Block, rowBytes = 2 * Dequantizer.BlockBytes(type), width =
            layout.RowBytes(inner);
        byte[] data = ReferenceBlocks.Random(random, type, 2 * Rows), quants = new byte[Rows * width], piecewise = new byte[Rows * width];
        float[] scales = new float[Rows * parts], scales2 = new float[Rows * parts];
        float[] minima = new float[layout.HasMinimum ? Rows * parts : 0], minima2 = new float[minima.Length];
        BlockLayout.Convert(type, data, inner, quants, scales, minima, Rows, 0, false);
        foreach ((int first, int count) in new[] { (4, 3), (0, 1), (1, 3), (7, 0) })
        {
            BlockLayout.Convert(type, data.AsSpan(first * rowBytes, count * rowBytes), inner,
                piecewise.AsSpan(first * width, count * width),
                scales2.AsSpan(first * parts, count * parts), minima2, Rows, first, false);
        }

        Assert.Equal(quants, piecewise);
        Assert.Equal(scales, scales2);
        Assert.Equal(minima, minima2);
    }

    [Fact]
    public void The_embedded_model_keeps_its_weights()
    {
        using GgufFile file = GgufFile.Open(Repository.EmbeddedModel);
        foreach (string name in new[] { "blk.0.attn_q.weight", "blk.13.ffn_down.weight", "blk.29.attn_v.weight" })
        {
            GgufTensor tensor = file.Tensors[name];
            Assert.True(Check(tensor.Type, tensor.Data, (int)tensor.Dimensions[0], (int)tensor.RowCount, centre: true), name);
        }

        GgufTensor table = file.Tensors["token_embd.weight"];
        Check(table.Type, table.Rows(1000, 500), 576, 500, centre: false);
    }

    [Fact]
    public void Lengths_that_do_not_fit_are_refused()
    {
        byte[] data = new byte[40], quants = new byte[32];
        float[] scales = new float[2], minima = new float[2];
        void Try(GgufTensorType type, int bytes, int inner, int q, int s, int m, int outer, int first) =>
            Assert.ThrowsAny<ArgumentException>(() =>
            BlockLayout.Convert(type, data.AsSpan(0, bytes), inner, quants.AsSpan(0, q), scales.AsSpan(0, s), minima.AsSpan(0, m), outer,
                first, false));
        BlockLayout.Convert(GgufTensorType.Q4_1, data, 32, quants, scales, minima, 2, 0, false);
        Try(GgufTensorType.F32, 40, 32, 32, 2, 2, 2, 0);
        Try(GgufTensorType.Q4_1, 39, 32, 32, 2, 2, 2, 0);
        Try(GgufTensorType.Q4_1, 40, 16, 32, 2, 2, 2, 0);
        Try(GgufTensorType.Q4_1, 40, 0, 32, 2, 2, 2, 0);
        Try(GgufTensorType.Q4_1, 40, -32, 32, 2, 2, 2, 0);
        Try(GgufTensorType.Q4_1, 40, 32, 31, 2, 2, 2, 0);
        Try(GgufTensorType.Q4_1, 40, 32, 32, 1, 2, 2, 0);
        Try(GgufTensorType.Q4_1, 40, 32, 32, 2, 1, 2, 0);
        Try(GgufTensorType.Q4_1, 40, 32, 32, 2, 2, 2, 1);
        Try(GgufTensorType.Q4_1, 40, 32, 32, 2, 2, 2, -1);
        Try(GgufTensorType.Q4_1, 40, 32, 32, 2, 1, 1, 0);
        Try(GgufTensorType.Q4_0, 36, 32, 32, 2, 1, 2, 0);
    }

    private static (byte[] Data, int Inner, int Rows) Matrix(Random random, GgufTensorType type, Func<Random, GgufTensorType, int,
        byte[]> make)
    {
        int blocks = random.Next(1, 4), rows = random.Next(1, 6);
        return (make(random, type, blocks * rows), blocks * Dequantizer.BlockSize(type), rows);
    }

    /// <summary>Converts rows into the middle of a wider matrix and puts each weight together again, in float.</summary>
    private static bool Check(GgufTensorType type, ReadOnlySpan<byte> data, int inner, int rows, bool centre)
    {
        BlockLayout layout = BlockLayout.For(type)!;
        int outer = rows + 3, parts = inner / layout.Block, width = layout.RowBytes(inner);
        byte[] quants = new byte[rows * width];
        float[] scales = new float[rows * parts], minima = new float[layout.HasMinimum ? parts * outer : 0], weights =
            new float[rows * inner];
        Array.Fill(minima, float.NaN);
        bool exact = BlockLayout.Convert(type, data, inner, quants, scales, minima, outer, 2, centre);
        Dequantizer.Dequantize(type, data, weights);
        int zero = layout is { Bits: 4, HasMinimum: true } && !centre ? 0 : layout.DefaultZero;
        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < inner; i++)
            {
                int q = layout.Bits == 8 ? quants[(row * width) + i] : quants[(row * width) + (i / 2)] >> (i % 2 * 4) & 15;
                float weight = scales[(row * parts) + (i / layout.Block)] * (q - zero), expected = weights[(row * inner) + i];
                if (layout.HasMinimum) weight += minima[(i / layout.Block * outer) + 2 + row];
                bool same = centre && layout.HasMinimum ? weight == expected || !exact // equal but for the sign of a zero
                    : BitConverter.SingleToUInt32Bits(weight) == BitConverter.SingleToUInt32Bits(expected);
                Assert.True(same, $"{type}[{row},{i}]: {weight:r} for {expected:r}");
            }
        }

        for (int i = 0; i < minima.Length; i++) Assert.Equal(i % outer < 2 || i % outer >= rows + 2, float.IsNaN(minima[i]));
        if (centre && layout.HasMinimum) Assert.Equal(CanBeRaised(type, data, inner, rows), exact);
        else Assert.True(exact);
        return exact;
    }

    /// <summary>
    /// Whether each minimum plus 8 or 16 scales is a float; all terms are multiples of 2^-24 below 2^28, so double sums are exact.
    /// </summary>
    private static bool CanBeRaised(GgufTensorType type, ReadOnlySpan<byte> data, int inner, int rows)
    {
        int parts = inner / 32, half = type is GgufTensorType.Q5_1 or GgufTensorType.Q5_K ? 16 : 8;
        float[] scales = new float[rows * parts], minima = new float[rows * parts];
        BlockLayout.Convert(type, data, inner, new byte[rows * BlockLayout.For(type)!.RowBytes(inner)], scales, minima, rows, 0, false);
        bool can = true;
        for (int row = 0; row < rows; row++)
        {
            for (int part = 0; part < parts; part++)
            {
                double raised = minima[(part * rows) + row] + (double)half * scales[(row * parts) + part];
                can &= (float)raised == raised;
            }
        }

        return can;
    }
}

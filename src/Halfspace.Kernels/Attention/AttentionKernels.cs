using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Kernels;

/// <summary>The kernels of attention for one SIMD tier: spans in, spans out, no policy. Immutable and thread-safe; nothing is
/// allocated.</summary>
/// <remarks>Matrices are row-major. Shapes are checked; what numbers mean is the caller's: NaN and infinities are not looked for, except by
/// <see cref="Narrow"/>.</remarks>
public abstract class AttentionKernels
{
    /// <summary>Keys that <see cref="Sketch"/> takes at once.</summary>
    public const int SketchKeys = 16;

    /// <summary>The largest α of <see cref="ReluWeights"/> and <see cref="ReluStep"/>.</summary>
    public const int MaxPower = 3;

    private protected AttentionKernels(SimdTier tier, int width)
    {
        Tier = tier;
        Width = width;
    }

    /// <summary>The tier.</summary>
    public SimdTier Tier { get; }

    /// <summary>Floats in a register; columns of <see cref="Product"/> and <see cref="SoftmaxStep"/> are a multiple of it.</summary>
    public int Width { get; }

    /// <summary>The kernels of a tier.</summary>
    /// <exception cref="PlatformNotSupportedException">The tier does not run on this CPU.</exception>
    public static AttentionKernels For(SimdTier tier) => Simd.Choose(tier.ToString()) switch
    {
        SimdTier.V512 => new AttentionKernels<Lane512>(tier),
        // Nothing here multiplies bytes, so the tier with byte products is the plain 256-bit one.
        SimdTier.Vnni or SimdTier.V256 => new AttentionKernels<Lane256>(tier),
        SimdTier.V128 => new AttentionKernels<Lane128>(tier),
        _ => new AttentionKernels<LaneScalar>(tier),
    };

    /// <summary>Rounds to the nearest float16, ties to even.</summary>
    /// <param name="source">Numbers.</param>
    /// <param name="target">As many.</param>
    /// <returns>False if a number is NaN or infinite, or rounds beyond ±65,504; what is written for it is then meaningless.</returns>
    public bool Narrow(ReadOnlySpan<float> source, Span<Half> target)
    {
        Require(target.Length >= source.Length, nameof(target));
        return NarrowCore(source, target);
    }

    /// <summary>target[r · stride + c] = source[r, c] − centre[c], exact but for the subtraction.</summary>
    /// <param name="source">[rows, <paramref name="dim"/>], finite.</param>
    /// <param name="dim">Columns.</param>
    /// <param name="centre">[dim], or empty for zero.</param>
    /// <param name="target">Rows <paramref name="stride"/> apart; columns from dim on are left alone.</param>
    /// <param name="stride">At least dim.</param>
    public void Widen(ReadOnlySpan<Half> source, int dim, ReadOnlySpan<float> centre, Span<float> target, int stride)
    {
        int rows = source.Length / dim;
        Require(source.Length == rows * dim, nameof(source));
        Require(centre.IsEmpty || centre.Length == dim, nameof(centre));
        Require(Fits(rows, stride, dim, target.Length), nameof(target));
        if (rows > 0) WidenCore(source, rows, dim, centre, target, stride);
    }

    /// <summary>target[r · stride + c] = the number c of the row at address r plus an offset, exact.</summary>
    /// <param name="addresses">Addresses of rows of <paramref name="dim"/> finite numbers.</param>
    /// <param name="offset">Bytes that are added to each.</param>
    /// <param name="dim">Columns.</param>
    /// <param name="target">Rows <paramref name="stride"/> apart; columns from dim on are left alone.</param>
    /// <param name="stride">At least dim.</param>
    public void WidenAt(ReadOnlySpan<nint> addresses, nint offset, int dim, Span<float> target, int stride)
    {
        Require(Fits(addresses.Length, stride, dim, target.Length), nameof(target));
        if (addresses.Length > 0) WidenAtCore(addresses, offset, dim, target, stride);
    }

    /// <summary>Writes the sketches of up to 16 keys into a block of <see cref="KeyBlocks"/>.</summary>
    /// <param name="columns">[D, 16], coordinate c of centred key i at [c · 16 + i], zero from d and from the keys' number on; used up.</param>
    /// <param name="rotation">Of D coordinates.</param>
    /// <param name="positions">The keys' positions.</param>
    /// <param name="block">The block.</param>
    /// <param name="slot">The first key's place in it.</param>
    /// <returns>False if a key is too large for a step in float16: what is written of it is then meaningless.</returns>
    public bool Sketch(Span<float> columns, SketchRotation rotation, ReadOnlySpan<int> positions, Span<byte> block, int slot)
    {
        ArgumentNullException.ThrowIfNull(rotation);
        int padded = rotation.Padded;
        Require(columns.Length >= padded * SketchKeys, nameof(columns));
        Require(positions.Length <= SketchKeys, nameof(positions));
        Require(block.Length == KeyBlocks.Bytes(padded), nameof(block));
        Require(slot >= 0 && slot + positions.Length <= KeyBlocks.Keys, nameof(slot));
        Span<float> steps = stackalloc float[SketchKeys], residuals = stackalloc float[SketchKeys], norms = stackalloc float[SketchKeys];
        SketchCore(columns, rotation, steps, residuals, norms);
        float unit = KeyBlocks.Unit(padded);
        bool fits = true;
        for (int i = 0; i < positions.Length; i++)
        {
            for (int g = 0; g < padded / 2; g++)
                block[(g / 4 * 4 * KeyBlocks.Keys) + ((slot + i) * 4) + (g % 4)] = (byte)columns[(g * SketchKeys) + i];
            // What rotation and rounding in float can add.
            float residual = (residuals[i] * (1 + 1e-5f)) + (4e-6f * norms[i]);
            float counted = residual > 0 ? MathF.Ceiling(residual / (unit * steps[i])) : 0;
            bool held = counted <= byte.MaxValue && norms[i] < 1e7f;
            fits &= held;
            KeyBlocks.Write(block, padded, slot + i, (Half)steps[i], held ? (byte)counted : byte.MaxValue, positions[i]);
        }
        return fits;
    }

    /// <summary>scores[r · stride + i] = ⟨query r, key i⟩. A score's bits do not depend on what else is scored.</summary>
    /// <param name="queries">[<paramref name="rows"/>, <paramref name="dim"/>].</param>
    /// <param name="rows">Query rows; one read of a key serves up to four.</param>
    /// <param name="keys">[n, dim], finite.</param>
    /// <param name="dim">d.</param>
    /// <param name="scores">Rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least n.</param>
    public void Scores(ReadOnlySpan<float> queries, int rows, ReadOnlySpan<Half> keys, int dim, Span<float> scores, int stride)
    {
        int count = keys.Length / dim;
        Require(keys.Length == count * dim, nameof(keys));
        Require(queries.Length == rows * dim, nameof(queries));
        Require(Fits(rows, stride, count, scores.Length), nameof(scores));
        if (rows > 0 && count > 0) ScoresCore(queries, rows, keys, count, dim, scores, stride);
    }

    /// <summary>sums[r, ·] += Σᵢ weights[r · stride + i] · value i, one value after the other: the sums' bits do not depend on weights of 0 nor on how
    /// values are cut into calls.</summary>
    /// <param name="weights">Rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least n.</param>
    /// <param name="rows">Rows of weights; one read of a value serves up to four.</param>
    /// <param name="values">[n, <paramref name="dim"/>], finite.</param>
    /// <param name="dim">d.</param>
    /// <param name="sums">[rows, d].</param>
    public void AddValues(ReadOnlySpan<float> weights, int stride, int rows, ReadOnlySpan<Half> values, int dim, Span<float> sums)
    {
        int count = values.Length / dim;
        Require(values.Length == count * dim, nameof(values));
        Require(Fits(rows, stride, count, weights.Length), nameof(weights));
        Require(sums.Length == rows * dim, nameof(sums));
        if (rows > 0 && count > 0) AddValuesCore(weights, stride, rows, values, [], 0, count, dim, sums);
    }

    /// <summary>Asks for the memory of keys and values that will be read soon.</summary>
    /// <param name="keys">Addresses of keys.</param>
    /// <param name="valueOffset">Bytes from a key to its value.</param>
    /// <param name="dim">d.</param>
    public static unsafe void Ask(ReadOnlySpan<nint> keys, nint valueOffset, int dim)
    {
        foreach (nint key in keys)
        {
            Prefetch.Lines(ref Unsafe.AsRef<byte>((void*)key), dim * sizeof(short));
            Prefetch.Lines(ref Unsafe.AsRef<byte>((void*)(key + valueOffset)), dim * sizeof(short));
        }
    }

    /// <summary>Asks for the memory of numbers that will be read soon.</summary>
    public static void Ask(ReadOnlySpan<float> numbers)
    {
        if (!numbers.IsEmpty) Prefetch.Lines(ref Unsafe.As<float, byte>(ref MemoryMarshal.GetReference(numbers)), numbers.Length * sizeof(float));
    }

    /// <summary>scores[r · stride + i] = ⟨query r, key at address i⟩.</summary>
    /// <param name="queries">[<paramref name="rows"/>, <paramref name="dim"/>].</param>
    /// <param name="rows">Query rows; one read of a key serves up to four.</param>
    /// <param name="keys">Addresses of n keys, float16 [dim] each, finite; they must be valid.</param>
    /// <param name="dim">d.</param>
    /// <param name="scores">Rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least n.</param>
    public void ScoresAt(
        ReadOnlySpan<float> queries, int rows, ReadOnlySpan<nint> keys, int dim, Span<float> scores, int stride)
    {
        Require(queries.Length == rows * dim, nameof(queries));
        Require(Fits(rows, stride, keys.Length, scores.Length), nameof(scores));
        if (rows > 0 && !keys.IsEmpty) ScoresAtCore(queries, rows, keys, dim, scores, stride);
    }

    /// <summary>sums[r, ·] += Σᵢ weights[r · stride + i] · value of key i, one after the other as in <see cref="AddValues"/>.</summary>
    /// <param name="weights">Rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least n.</param>
    /// <param name="rows">Rows of weights; one read of a value serves up to four.</param>
    /// <param name="keys">Addresses of n keys; they must be valid.</param>
    /// <param name="valueOffset">Bytes from a key to its value, float16 [dim], finite.</param>
    /// <param name="dim">d.</param>
    /// <param name="sums">[rows, d].</param>
    public void AddValuesAt(
        ReadOnlySpan<float> weights, int stride, int rows, ReadOnlySpan<nint> keys, nint valueOffset, int dim, Span<float> sums)
    {
        Require(Fits(rows, stride, keys.Length, weights.Length), nameof(weights));
        Require(sums.Length == rows * dim, nameof(sums));
        if (rows > 0 && !keys.IsEmpty) AddValuesCore(weights, stride, rows, [], keys, valueOffset, keys.Length, dim, sums);
    }

    /// <summary>The largest score; negative infinity of none.</summary>
    public abstract float Max(ReadOnlySpan<float> scores);

    /// <summary>Copies the scores that are at least <paramref name="bound"/>, in order.</summary>
    /// <param name="scores">[n].</param>
    /// <param name="bound">The least that is copied.</param>
    /// <param name="into">Room for n, and a register more.</param>
    /// <returns>How many.</returns>
    public int Collect(ReadOnlySpan<float> scores, float bound, Span<float> into)
    {
        Require(into.Length >= scores.Length + Width, nameof(into));
        return CollectCore(scores, bound, into);
    }

    /// <summary>How many scores are at least <paramref name="bound"/>.</summary>
    public abstract int Count(ReadOnlySpan<float> scores, float bound);

    /// <summary>Sets bit i of <paramref name="marks"/> where score i is at least <paramref name="bound"/>; the others stay.</summary>
    /// <param name="scores">[n].</param>
    /// <param name="bound">The least that is marked.</param>
    /// <param name="marks">A bit for each score, the first lowest.</param>
    public void Mark(ReadOnlySpan<float> scores, float bound, Span<ulong> marks)
    {
        Require((long)marks.Length * 64 >= scores.Length, nameof(marks));
        MarkCore(scores, bound, marks);
    }

    /// <summary>weights[i] = e^(scores[i] − max), 0 where the difference is below −87.</summary>
    /// <param name="scores">Scores up to <paramref name="max"/>.</param>
    /// <param name="max">What is subtracted.</param>
    /// <param name="weights">As many; may be the scores.</param>
    /// <returns>Their sum.</returns>
    public float Exponentials(ReadOnlySpan<float> scores, float max, Span<float> weights)
    {
        Require(weights.Length >= scores.Length, nameof(weights));
        return ExponentialsCore(scores, max, weights);
    }

    /// <summary>Sums over scores t, with u = t − max.</summary>
    /// <param name="scores">Scores up to <paramref name="max"/>.</param>
    /// <param name="max">What is subtracted.</param>
    public abstract ScoreSums SumScores(ReadOnlySpan<float> scores, float max);

    /// <summary>Sets bit i where score i of any row is at least that row's bound.</summary>
    /// <param name="scores">[rows, n], rows <paramref name="stride"/> apart; up to a multiple of 64 there may be anything.</param>
    /// <param name="stride">At least n, rounded up to a multiple of 64.</param>
    /// <param name="count">n.</param>
    /// <param name="bounds">[rows].</param>
    /// <param name="marks">A bit for each score, the first lowest; what is set stays so.</param>
    public void MarkRows(ReadOnlySpan<float> scores, int stride, int count, ReadOnlySpan<float> bounds, Span<ulong> marks)
    {
        Require(Fits(bounds.Length, stride, WholeWords(count), scores.Length), nameof(scores));
        Require(marks.Length * 64L >= count, nameof(marks));
        if (bounds.Length > 0 && count > 0) MarkRowsCore(scores, stride, count, bounds, marks);
    }

    /// <summary>Floats of a row's running sums.</summary>
    public int TailLength => TailRows<LaneScalar>.Sums * Width;

    /// <summary>How far in nats the logarithm of a weight of <see cref="AddTails"/> can be off.</summary>
    public const double TailError = 0.0036;

    /// <summary>Adds the scores that are not read to each row's running sums. An exponential is at most 0.0035 of it off, since a scan's scores are off by far
    /// more; what is below 2^-126 counts as that.</summary>
    /// <param name="scores">t, [rows, n], rows <paramref name="stride"/> apart; at most 87 above the row's reference where they are not read. Up to a multiple
    /// of 64 they are cleared.</param>
    /// <param name="stride">At least n, rounded up to a multiple of 64.</param>
    /// <param name="count">n.</param>
    /// <param name="marks">A bit for each score of all rows, the first lowest: whether it is read.</param>
    /// <param name="references">[rows], what weighs 1.</param>
    /// <param name="work">At least n, rounded up to a multiple of 64.</param>
    /// <param name="sums">[rows, <see cref="TailLength"/>], 0 to begin with.</param>
    public void AddTails(Span<float> scores, int stride, int count, ReadOnlySpan<ulong> marks, ReadOnlySpan<float> references, Span<float> work,
        Span<float> sums)
    {
        Require(Fits(references.Length, stride, WholeWords(count), scores.Length), nameof(scores));
        Require(marks.Length * 64L >= count, nameof(marks));
        Require(work.Length >= WholeWords(count), nameof(work));
        Require(sums.Length >= references.Length * (long)TailLength, nameof(sums));
        if (count > 0) AddTailsCore(scores, stride, count, marks, references, work, sums);
    }

    /// <summary>What <see cref="AddTails"/> has summed.</summary>
    /// <param name="sums">[rows, <see cref="TailLength"/>].</param>
    /// <param name="totals">[rows], written.</param>
    public void TotalTails(ReadOnlySpan<float> sums, Span<TailSums> totals)
    {
        Require(sums.Length >= totals.Length * (long)TailLength, nameof(sums));
        TotalTailsCore(sums, totals);
    }

    /// <summary>The largest score, and sums without weights.</summary>
    public abstract ScoreMoments MeasureScores(ReadOnlySpan<float> scores);

    /// <summary>One block of an online softmax down the columns: scores become e^(s − new max), and max, sum and scale follow.</summary>
    /// <param name="scores">[rows, columns], rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least the columns.</param>
    /// <param name="rows">Keys of the block.</param>
    /// <param name="max">[columns], the largest score so far; finite.</param>
    /// <param name="sum">[columns], Σ e^(s − max) so far.</param>
    /// <param name="scale">[columns], written: e^(old max − new max).</param>
    public void SoftmaxStep(Span<float> scores, int stride, int rows, Span<float> max, Span<float> sum, Span<float> scale)
    {
        int columns = max.Length;
        Require(columns % Width == 0, nameof(max));
        Require(sum.Length == columns, nameof(sum));
        Require(scale.Length == columns, nameof(scale));
        Require(Fits(rows, stride, columns, scores.Length), nameof(scores));
        SoftmaxStepCore(scores, stride, rows, columns, max, sum, scale);
    }

    /// <summary>Sums weights and their squares down the columns: sums = sums·scale + Σw, squares = squares·scale² + Σw².</summary>
    /// <param name="weights">[rows, columns], rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least the columns.</param>
    /// <param name="rows">Rows of weights.</param>
    /// <param name="scale">[columns], what was summed before counts so many times.</param>
    /// <param name="sums">[columns].</param>
    /// <param name="squares">[columns].</param>
    public void AddPowers(ReadOnlySpan<float> weights, int stride, int rows, ReadOnlySpan<float> scale, Span<float> sums, Span<float> squares)
    {
        int columns = sums.Length;
        Require(columns % Width == 0, nameof(sums));
        Require(squares.Length == columns, nameof(squares));
        Require(scale.Length == columns, nameof(scale));
        Require(Fits(rows, stride, columns, weights.Length), nameof(weights));
        AddPowersCore(weights, stride, rows, columns, scale, sums, squares);
    }

    /// <summary>into[i] = scores[i] · factors[i] · by, as the nearest byte; what is beyond becomes the last one.</summary>
    public void Quantise(ReadOnlySpan<float> scores, ReadOnlySpan<float> factors, float by, Span<sbyte> into)
    {
        Require(factors.Length == scores.Length, nameof(factors));
        Require(into.Length >= scores.Length, nameof(into));
        if (!scores.IsEmpty) QuantiseCore(scores, factors, by, into);
    }

    /// <summary>totals[r] += Σ e^s over the row's coarse scores s = steps[i]·units[r]·sums[r, i] + bases[r], in nats: 6 % too large at most, and 0 below −87.</summary>
    /// <param name="sums">[rows, n], rows <paramref name="stride"/> apart; n is a multiple of 64.</param>
    /// <param name="stride">At least n.</param>
    /// <param name="steps">[n]; a key whose step is NaN weighs nothing.</param>
    /// <param name="units">[rows].</param>
    /// <param name="bases">[rows]: no score is above 80.</param>
    /// <param name="totals">[rows].</param>
    public void TotalCoarse(ReadOnlySpan<sbyte> sums, int stride, ReadOnlySpan<float> steps, ReadOnlySpan<float> units, ReadOnlySpan<float> bases,
        Span<double> totals)
    {
        RequireCoarse(sums, stride, steps, units, bases);
        Require(totals.Length == units.Length, nameof(totals));
        if (steps.Length > 0 && units.Length > 0) TotalCoarseCore(sums, stride, steps, units, bases, totals);
    }

    /// <summary>weights[i] = Σ e^s over the rows' coarse scores, which are as for <see cref="TotalCoarse"/>.</summary>
    /// <param name="sums">[rows, n], rows <paramref name="stride"/> apart; n is a multiple of 64.</param>
    /// <param name="stride">At least n.</param>
    /// <param name="steps">[n].</param>
    /// <param name="units">[rows].</param>
    /// <param name="bases">[rows].</param>
    /// <param name="weights">[n], written.</param>
    public void WeighCoarse(ReadOnlySpan<sbyte> sums, int stride, ReadOnlySpan<float> steps, ReadOnlySpan<float> units, ReadOnlySpan<float> bases,
        Span<float> weights)
    {
        RequireCoarse(sums, stride, steps, units, bases);
        Require(weights.Length == steps.Length, nameof(weights));
        if (steps.Length > 0) WeighCoarseCore(sums, stride, steps, units, bases, weights);
    }

    /// <summary>Draws places: those whose weight is at least their chance of <paramref name="least"/>, so that a chance that is uniform between 0 and 1 draws a
    /// place with probability min(1, weight / least). What weighs less than the smallest normal number is not drawn.</summary>
    /// <param name="weights">[n], at least 0.</param>
    /// <param name="chances">[n], from 0 to 1.</param>
    /// <param name="least">The weight from which on a place is certain.</param>
    /// <param name="places">Written, ascending, as numbers; n and <see cref="Width"/> more, of which the last are scratch.</param>
    /// <returns>How many.</returns>
    public int Draw(ReadOnlySpan<float> weights, ReadOnlySpan<float> chances, float least, Span<float> places)
    {
        Require(weights.Length < 1 << 24, nameof(weights));
        Require(chances.Length == weights.Length, nameof(chances));
        Require(places.Length >= weights.Length + Width, nameof(places));
        return DrawCore(weights, chances, least, places);
    }

    /// <summary>weights[i] = max(scores[i] − bias, 0)^power, sum += Σ weights[i]. The sum's bits do not depend on weights of 0 nor on how scores are
    /// cut into calls.</summary>
    /// <param name="scores">[n].</param>
    /// <param name="bias">b.</param>
    /// <param name="power">α, from 1 to <see cref="MaxPower"/>.</param>
    /// <param name="weights">As many; may be the scores.</param>
    /// <param name="sum">At least 0; added to.</param>
    /// <returns>How many scores are above the bias.</returns>
    public int ReluWeights(ReadOnlySpan<float> scores, float bias, int power, Span<float> weights, ref float sum)
    {
        Require(power is >= 1 and <= MaxPower, nameof(power));
        Require(weights.Length >= scores.Length, nameof(weights));
        return ReluWeightsCore(scores, bias, power, weights, ref sum);
    }

    /// <summary>One block of ReLU^α attention down the columns: scores become max(s − bias, 0)^power, and sum follows.</summary>
    /// <param name="scores">[rows, columns], rows <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least the columns.</param>
    /// <param name="rows">Keys of the block.</param>
    /// <param name="bias">[columns], b.</param>
    /// <param name="power">α, from 1 to <see cref="MaxPower"/>.</param>
    /// <param name="sum">[columns], added to.</param>
    /// <returns>How many scores are above their column's bias.</returns>
    public int ReluStep(Span<float> scores, int stride, int rows, ReadOnlySpan<float> bias, int power, Span<float> sum)
    {
        int columns = bias.Length;
        Require(power is >= 1 and <= MaxPower, nameof(power));
        Require(columns % Width == 0, nameof(bias));
        Require(sum.Length == columns, nameof(sum));
        Require(Fits(rows, stride, columns, scores.Length), nameof(scores));
        return ReluStepCore(scores, stride, rows, columns, bias, power, sum);
    }

    /// <summary>C = A·B, or C += A·B, for operands that fit the caches.</summary>
    /// <param name="a">A, element (r, k) at r · <paramref name="aRow"/> + k · <paramref name="aInner"/>.</param>
    /// <param name="aRow">From one row of A to the next.</param>
    /// <param name="aInner">From one column of A to the next.</param>
    /// <param name="b">B, [inner, columns], rows <paramref name="bRow"/> apart.</param>
    /// <param name="bRow">From one row of B to the next.</param>
    /// <param name="c">C, [rows, columns], rows <paramref name="cRow"/> apart.</param>
    /// <param name="cRow">From one row of C to the next.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="inner">Columns of A, rows of B.</param>
    /// <param name="columns">Columns of B and C, a multiple of <see cref="Width"/>.</param>
    /// <param name="add">Whether C's contents are added to.</param>
    public void Product(ReadOnlySpan<float> a, int aRow, int aInner, ReadOnlySpan<float> b, int bRow, Span<float> c, int cRow,
        int rows, int inner, int columns, bool add)
    {
        if (rows <= 0 || columns <= 0) return;
        Require(columns % Width == 0, nameof(columns));
        Require(inner <= 0 || ((long)(rows - 1) * aRow) + ((long)(inner - 1) * aInner) < a.Length, nameof(a));
        Require(Fits(inner, bRow, columns, b.Length), nameof(b));
        Require(Fits(rows, cRow, columns, c.Length), nameof(c));
        ProductCore(a, aRow, aInner, b, bRow, c, cRow, rows, inner, columns, add);
    }

    /// <summary>numbers[i] *= factor.</summary>
    public abstract void Scale(Span<float> numbers, float factor);

    /// <summary>numbers[i] += term.</summary>
    public abstract void Shift(Span<float> numbers, float term);

    /// <summary>high + low += term: high is the sum as a float, low what that leaves out.</summary>
    /// <param name="term">[n].</param>
    /// <param name="high">[n].</param>
    /// <param name="low">[n].</param>
    public void AddCompensated(ReadOnlySpan<float> term, Span<float> high, Span<float> low)
    {
        Require(high.Length == term.Length, nameof(high));
        Require(low.Length == term.Length, nameof(low));
        AddCompensatedCore(term, high, low);
    }

    private static void RequireCoarse(
        ReadOnlySpan<sbyte> sums, int stride, ReadOnlySpan<float> steps, ReadOnlySpan<float> units, ReadOnlySpan<float> bases)
    {
        Require(steps.Length % KeyBlocks.Keys == 0, nameof(steps));
        Require(bases.Length == units.Length, nameof(bases));
        Require(Fits(units.Length, stride, steps.Length, sums.Length), nameof(sums));
    }

    internal abstract void Rotate(Span<float> columns, SketchRotation rotation);

    internal abstract void MeasureQueries(ReadOnlySpan<float> columns, int padded, Span<float> largest, Span<float> squares);

    internal abstract void CodeQueries(ReadOnlySpan<float> columns, int padded, int window, ReadOnlySpan<float> scales, Span<float> codes,
        Span<float> sums, Span<float> errors, Span<float> heaviest);

    private protected abstract void SketchCore(
        Span<float> columns, SketchRotation rotation, Span<float> steps, Span<float> residuals, Span<float> norms);

    private protected abstract bool NarrowCore(ReadOnlySpan<float> source, Span<Half> target);

    private protected abstract void WidenCore(ReadOnlySpan<Half> source, int rows, int dim, ReadOnlySpan<float> centre,
        Span<float> target, int stride);

    private protected abstract void WidenAtCore(ReadOnlySpan<nint> addresses, nint offset, int dim, Span<float> target, int stride);

    private protected abstract void MarkRowsCore(ReadOnlySpan<float> scores, int stride, int count, ReadOnlySpan<float> bounds, Span<ulong> marks);

    private protected abstract void AddTailsCore(Span<float> scores, int stride, int count, ReadOnlySpan<ulong> marks, ReadOnlySpan<float> references,
        Span<float> work, Span<float> sums);

    private protected abstract void TotalTailsCore(ReadOnlySpan<float> sums, Span<TailSums> totals);

    private protected static int WholeWords(int count) => (count + 63) / 64 * 64;

    private protected abstract void ScoresCore(
        ReadOnlySpan<float> queries, int rows, ReadOnlySpan<Half> keys, int count, int dim, Span<float> scores, int stride);

    private protected abstract void ScoresAtCore(ReadOnlySpan<float> queries, int rows, ReadOnlySpan<nint> keys, int dim,
        Span<float> scores, int stride);

    private protected abstract void AddValuesCore(ReadOnlySpan<float> weights, int stride, int rows, ReadOnlySpan<Half> values,
        ReadOnlySpan<nint> list, nint offset, int count, int dim, Span<float> sums);

    private protected abstract int CollectCore(ReadOnlySpan<float> scores, float bound, Span<float> into);

    private protected abstract void MarkCore(ReadOnlySpan<float> scores, float bound, Span<ulong> marks);

    private protected abstract float ExponentialsCore(ReadOnlySpan<float> scores, float max, Span<float> weights);

    private protected abstract void AddPowersCore(
        ReadOnlySpan<float> weights, int stride, int rows, int columns, ReadOnlySpan<float> scale, Span<float> sums, Span<float> squares);

    private protected abstract void QuantiseCore(ReadOnlySpan<float> scores, ReadOnlySpan<float> factors, float by, Span<sbyte> into);

    private protected abstract void TotalCoarseCore(ReadOnlySpan<sbyte> sums, int stride, ReadOnlySpan<float> steps, ReadOnlySpan<float> units,
        ReadOnlySpan<float> bases, Span<double> totals);

    private protected abstract void WeighCoarseCore(ReadOnlySpan<sbyte> sums, int stride, ReadOnlySpan<float> steps, ReadOnlySpan<float> units,
        ReadOnlySpan<float> bases, Span<float> weights);

    private protected abstract int DrawCore(ReadOnlySpan<float> weights, ReadOnlySpan<float> chances, float least, Span<float> places);

    private protected abstract void SoftmaxStepCore(
        Span<float> scores, int stride, int rows, int columns, Span<float> max, Span<float> sum, Span<float> scale);

    private protected abstract int ReluWeightsCore(ReadOnlySpan<float> scores, float bias, int power, Span<float> weights, ref float sum);

    private protected abstract int ReluStepCore(
        Span<float> scores, int stride, int rows, int columns, ReadOnlySpan<float> bias, int power, Span<float> sum);

    private protected abstract void ProductCore(ReadOnlySpan<float> a, int aRow, int aInner, ReadOnlySpan<float> b, int bRow,
        Span<float> c, int cRow,
        int rows, int inner, int columns, bool add);

    private protected abstract void AddCompensatedCore(ReadOnlySpan<float> term, Span<float> high, Span<float> low);

    private static bool Fits(int rows, int stride, int width, int length) =>
        rows <= 0 || ((rows == 1 || stride >= width) && ((long)(rows - 1) * stride) + width <= length);

    private static void Require(bool holds, string name)
    {
        if (!holds) throw new ArgumentException("The shapes given to a kernel do not match.", name);
    }
}

using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>Moments of a head's first <see cref="Tokens"/> keys and values about a fixed centre: Σk, Σv, Σkkᵀ, Σkvᵀ.</summary>
/// <remarks>
/// The centre is the mean of the first 64 tokens. Tokens enter by 16 at a time, in order: the 16 are summed in float and the sum is added
/// to a compensated
/// one (two floats, which keep about 40 bits). So the moments of a prefix are the same bits however a context came to it, by one prompt, by
/// steps or after rewinding;
/// rewinding never subtracts.
/// </remarks>
internal sealed class HeadMoments : IDisposable
{
    /// <summary>Tokens that enter together.</summary>
    public const int Step = 16;

    /// <summary>Tokens that make the centre, and the fewest that have moments.</summary>
    public const int CentreTokens = 64;

    private readonly NativeArray<float> _memory;
    private readonly int _sums;

    public HeadMoments(int dim)
    {
        Dim = dim;
        Stride = (dim + 15) / 16 * 16;
        _sums = ((2 * dim) + 2) * Stride;
        _memory = new NativeArray<float>((2 * _sums) + (2 * Stride));
        Reset();
    }

    public int Dim { get; }

    /// <summary>From one row of a matrix to the next: d, rounded up to a whole register.</summary>
    public int Stride { get; }

    /// <summary>Tokens summed, from position 0 on; a multiple of <see cref="Step"/>.</summary>
    public int Tokens { get; private set; }

    public long Bytes => _memory.Bytes;

    private Span<float> All => _memory.Slice(0, (2 * _sums) + (2 * Stride));

    /// <summary>Σkkᵀ, [d, stride].</summary>
    public ReadOnlySpan<float> KeyKey => _memory.Slice(0, Dim * Stride);

    /// <summary>Σkvᵀ, [d, stride], a row for each coordinate of k.</summary>
    public ReadOnlySpan<float> KeyValue => _memory.Slice(Dim * Stride, Dim * Stride);

    public ReadOnlySpan<float> KeyCentre => _memory.Slice(2 * _sums, Dim);

    public ReadOnlySpan<float> ValueCentre => _memory.Slice((2 * _sums) + Stride, Dim);

    /// <summary>Σk, coordinate <paramref name="c"/>.</summary>
    public double KeySum(int c) => Sum((2 * Dim * Stride) + c);

    /// <summary>Σv, coordinate <paramref name="c"/>.</summary>
    public double ValueSum(int c) => Sum((((2 * Dim) + 1) * Stride) + c);

    /// <summary>The largest prefix that has moments and leaves at least <paramref name="window"/> of the keys seen from a
    /// position.</summary>
    public static int Prefix(int visible, int window)
    {
        int tokens = (visible - window) / Step * Step;
        return tokens >= CentreTokens ? tokens : 0;
    }

    /// <summary>Floats that <see cref="Advance"/> works in.</summary>
    public static long WorkLength(int dim) => ((2L * Step) + (2L * dim) + 4) * ((dim + 15) / 16 * 16);

    public void Dispose() => _memory.Dispose();

    public void Reset()
    {
        Tokens = 0;
        All.Clear();
    }

    public void CopyFrom(HeadMoments other)
    {
        other.All.CopyTo(All);
        Tokens = other.Tokens;
    }

    /// <summary>Takes in tokens up to a prefix.</summary>
    /// <param name="head">Keys and values.</param>
    /// <param name="tokens">What <see cref="Prefix"/> returned, no less than <see cref="Tokens"/>.</param>
    /// <param name="kernels">The tier.</param>
    /// <param name="work">At least <see cref="WorkLength"/>.</param>
    public void Advance(HeadCache head, int tokens, AttentionKernels kernels, Span<float> work)
    {
        if (Tokens == 0 && tokens > 0) SetCentre(head);
        Span<float> keys = work[..(Step * Stride)], values = work.Slice(Step * Stride, Step * Stride);
        Span<float> ones = work.Slice(2 * Step * Stride, Step), terms = work.Slice(((2 * Step) + 1) * Stride, _sums);
        // Columns past d stay zero.
        keys.Clear();
        values.Clear();
        ones.Fill(1);
        int matrix = Dim * Stride;
        Span<float> high = _memory.Slice(0, _sums), low = _memory.Slice(_sums, _sums);
        for (; Tokens < tokens; Tokens += Step)
        {
            int block = Tokens / KeyValueCache.BlockTokens, at = Tokens % KeyValueCache.BlockTokens * Dim;
            kernels.Widen(head.Keys(block).Slice(at, Step * Dim), Dim, KeyCentre, keys, Stride);
            kernels.Widen(head.Values(block).Slice(at, Step * Dim), Dim, ValueCentre, values, Stride);
            kernels.Product(keys, 1, Stride, keys, Stride, terms[..matrix], Stride, Dim, Step, Stride, add: false);
            kernels.Product(keys, 1, Stride, values, Stride, terms.Slice(matrix, matrix), Stride, Dim, Step, Stride, add: false);
            kernels.Product(ones, Step, 1, keys, Stride, terms.Slice(2 * matrix, Stride), Stride, 1, Step, Stride, add: false);
            kernels.Product(ones, Step, 1, values, Stride, terms.Slice((2 * matrix) + Stride, Stride), Stride, 1, Step, Stride, add: false);
            kernels.AddCompensated(terms, high, low);
        }
    }

    private double Sum(int at) => (double)All[at] + All[_sums + at];

    private void SetCentre(HeadCache head)
    {
        ReadOnlySpan<Half> keys = head.Keys(0), values = head.Values(0);
        Span<float> centres = _memory.Slice(2 * _sums, 2 * Stride);
        for (int c = 0; c < Dim; c++)
        {
            double key = 0, value = 0;
            for (int i = 0; i < CentreTokens; i++)
            {
                key += (double)keys[(i * Dim) + c];
                value += (double)values[(i * Dim) + c];
            }
            centres[c] = (float)(key / CentreTokens);
            centres[Stride + c] = (float)(value / CentreTokens);
        }
    }
}

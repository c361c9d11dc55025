using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>How much a head's scores vary: the covariance C of the indexed keys, so that a row's scores have the deviation √(qᵀCq) before they are
/// known.</summary>
/// <remarks>Sums in float; C in float16 against its largest number, since a threshold needs two digits of it, and half the memory is read for a
/// row.</remarks>
internal sealed class KeySpread
{
    // What the largest number of C is kept as.
    private const float Largest = 1 << 14;

    private NativePart<Half> _matrix;
    private NativePart<float> _sums;
    private readonly int _dim, _stride;
    private NativeArena? _owner;
    private float _unit;
    private int _count;

    public KeySpread(int dim, NativeArena arena)
        : this(dim, arena.Take<Half>((long)dim * dim), arena.Take<float>(SumsLength(dim))) => Reset();

    private KeySpread(int dim, NativePart<Half> matrix, NativePart<float> sums)
    {
        _dim = dim;
        _stride = (dim + 15) / 16 * 16;
        _matrix = matrix;
        _sums = sums;
    }

    /// <summary>Floats that <see cref="Add"/> works in.</summary>
    public static long WorkLength(int dim)
    {
        long stride = (dim + 15) / 16 * 16;
        return (KeyCluster.Batch + dim) * stride;
    }

    /// <summary>Writes it all.</summary>
    public void Export(IndexImageWriter to)
    {
        to.Write(new IndexImage.Spread { Count = _count, Unit = _unit });
        to.Write<Half>(_matrix.Slice(0, _dim * _dim));
        to.Write<float>(_sums.Slice(0, (int)SumsLength(_dim)));
    }

    /// <summary>What <see cref="Export"/> wrote; the memory stays in use until keys come or go.</summary>
    public static KeySpread Restore(int dim, NativeArena arena, IndexImageReader from)
    {
        IndexImage.Spread numbers = from.Read<IndexImage.Spread>();
        return new KeySpread(dim, from.Take<Half>((long)dim * dim), from.Take<float>(SumsLength(dim))) { _count = numbers.Count, _unit = numbers.Unit, _owner = arena };
    }

    /// <summary>Forgets all keys.</summary>
    public void Reset()
    {
        Own();
        _matrix.Slice(0, _dim * _dim).Clear();
        _sums.Slice(0, (_dim + 2) * _stride).Clear();
        (_unit, _count) = (0, 0);
    }

    /// <summary>Takes in keys.</summary>
    /// <param name="keys">[count, stride], zero from d on.</param>
    /// <param name="count">At most <see cref="KeyCluster.Batch"/>.</param>
    /// <param name="kernels">The tier.</param>
    /// <param name="work">At least <see cref="WorkLength"/>.</param>
    public void Add(ReadOnlySpan<float> keys, int count, AttentionKernels kernels, Span<float> work)
    {
        Own();
        Span<float> sums = Products, sum = Sum, origin = Origin;
        // Sums about a point among the keys keep their digits.
        if (_count == 0) keys[.._stride].CopyTo(origin);
        Span<float> rows = work[..(count * _stride)], products = work.Slice(KeyCluster.Batch * _stride, _dim * _stride);
        for (int i = 0; i < count; i++)
        {
            Span<float> row = rows.Slice(i * _stride, _stride);
            ReadOnlySpan<float> key = keys.Slice(i * _stride, _stride);
            for (int c = 0; c < row.Length; c++)
            {
                row[c] = key[c] - origin[c];
                sum[c] += row[c];
            }
        }
        kernels.Product(rows, 1, _stride, rows, _stride, products, _stride, _dim, count, _stride, add: false);
        for (int i = 0; i < products.Length; i++) sums[i] += products[i];
        _count += count;
    }

    /// <summary>Brings C up to date.</summary>
    /// <param name="kernels">The tier.</param>
    /// <param name="work">At least d floats.</param>
    public void Settle(AttentionKernels kernels, Span<float> work)
    {
        ReadOnlySpan<float> sums = Products, sum = Sum;
        Span<Half> matrix = _matrix.Slice(0, _dim * _dim);
        float share = 1f / Math.Max(1, _count), largest = 0;
        // Of a covariance, the largest number is on the diagonal.
        for (int c = 0; c < _dim; c++) largest = MathF.Max(largest, sums[(c * _stride) + c] - (sum[c] * sum[c] * share));
        // Most are far smaller: as subnormal halves they would be slow to read.
        _unit = largest * share / Largest;
        float scale = largest > 0 ? Largest / largest : 0;
        for (int r = 0; r < _dim; r++)
        {
            float less = sum[r] * share;
            Span<float> row = work[.._dim];
            for (int c = 0; c < row.Length; c++) row[c] = (sums[(r * _stride) + c] - (less * sum[c])) * scale;
            kernels.Narrow(row, matrix.Slice(r * _dim, _dim));
        }
    }

    /// <summary>Writes the deviation of each row's scores.</summary>
    /// <param name="queries">[rows, d], scaled by 1/√d.</param>
    /// <param name="deviations">[rows], written.</param>
    /// <param name="kernels">The tier.</param>
    /// <param name="work">rows · d floats.</param>
    public void Deviations(ReadOnlySpan<float> queries, Span<float> deviations, AttentionKernels kernels, Span<float> work)
    {
        int rows = deviations.Length;
        kernels.Scores(queries, rows, _matrix.Slice(0, _dim * _dim), _dim, work, _dim);
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> query = queries.Slice(r * _dim, _dim), product = work.Slice(r * _dim, _dim);
            double square = 0;
            for (int c = 0; c < _dim; c++) square += (double)query[c] * product[c];
            deviations[r] = (float)Math.Sqrt(Math.Max(0, square * _unit));
        }
    }

    // What was restored is copied once it changes.
    private void Own()
    {
        if (_owner is null) return;
        _matrix = _owner.Copy(_matrix, _matrix.Length);
        _sums = _owner.Copy(_sums, _sums.Length);
        _owner = null;
    }

    // Σ(k−o)(k−o)ᵀ, Σ(k−o), and o.
    private static long SumsLength(int dim) => (dim + 2L) * ((dim + 15) / 16 * 16);

    private Span<float> Products => _sums.Slice(0, _dim * _stride);

    private Span<float> Sum => _sums.Slice(_dim * _stride, _stride);

    private Span<float> Origin => _sums.Slice((_dim + 1) * _stride, _stride);
}

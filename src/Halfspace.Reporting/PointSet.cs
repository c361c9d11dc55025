using System.Buffers;
using System.Runtime.CompilerServices;

namespace Halfspace.Reporting;

/// <summary>n points of d coordinates, row-major, float or float16, in the caller's memory.</summary>
/// <remarks>Nothing is copied: the memory must stay unchanged, and alive, while an index uses it. Creating one reads every value once, to refuse
/// those that are not finite and to learn the norms.</remarks>
public sealed class PointSet
{
    private readonly ReadOnlyMemory<float> _floats;
    private readonly ReadOnlyMemory<Half> _halves;

    private PointSet(ReadOnlyMemory<float> floats, ReadOnlyMemory<Half> halves, bool isHalf, long values, int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        if (values % dimension != 0)
            throw new ArgumentException($"{values} values are not whole points of {dimension} coordinates; give n × {dimension} values.", nameof(dimension));
        _floats = floats;
        _halves = halves;
        IsHalf = isHalf;
        Dimension = dimension;
        Count = (int)(values / dimension);
    }

    /// <summary>n.</summary>
    public int Count { get; }

    /// <summary>d, at least 1.</summary>
    public int Dimension { get; }

    /// <summary>True where coordinates are float16.</summary>
    public bool IsHalf { get; }

    /// <summary>An upper bound of ‖x‖₂ over the points; 0 without points.</summary>
    public double MaxNorm { get; private init; }

    /// <summary>Bytes of one point.</summary>
    public int BytesPerPoint => Dimension * (IsHalf ? 2 : 4);

    /// <summary>Points of float coordinates.</summary>
    /// <param name="values">[n × d], row-major; not copied.</param>
    /// <param name="dimension">d.</param>
    /// <exception cref="ArgumentException">Values are not whole points, or one is NaN or infinite; the row is named.</exception>
    public static PointSet From(ReadOnlyMemory<float> values, int dimension)
    {
        PointSet points = new(values, default, false, values.Length, dimension);
        return points.WithNorm(Measure(values.Span, dimension, 0));
    }

    /// <summary>Points of float16 coordinates.</summary>
    /// <inheritdoc cref="From(ReadOnlyMemory{float}, int)"/>
    public static PointSet From(ReadOnlyMemory<Half> values, int dimension)
    {
        PointSet points = new(default, values, true, values.Length, dimension);
        return points.WithNorm(Measure(values.Span, dimension, 0));
    }

    /// <summary>Points of float coordinates in native memory, which the caller keeps alive.</summary>
    /// <inheritdoc cref="From(ReadOnlyMemory{float}, int)"/>
    public static unsafe PointSet FromNative(float* values, int count, int dimension) =>
        From(new NativeMemoryManager<float>(values, checked(count * dimension)).Memory, dimension);

    /// <summary>Points of float16 coordinates in native memory, which the caller keeps alive.</summary>
    /// <inheritdoc cref="From(ReadOnlyMemory{float}, int)"/>
    public static unsafe PointSet FromNative(Half* values, int count, int dimension) =>
        From(new NativeMemoryManager<Half>(values, checked(count * dimension)).Memory, dimension);

    /// <summary>Copies one point, widened to float.</summary>
    /// <param name="row">Below <see cref="Count"/>.</param>
    /// <param name="into">At least d long.</param>
    public void CopyRow(int row, Span<float> into)
    {
        if ((uint)row >= (uint)Count) throw new ArgumentOutOfRangeException(nameof(row), $"There is no point {row}; there are {Count}.");
        if (!IsHalf)
        {
            Floats.Slice(row * Dimension, Dimension).CopyTo(into);
            return;
        }

        ReadOnlySpan<Half> source = Halves.Slice(row * Dimension, Dimension);
        for (int i = 0; i < source.Length; i++) into[i] = (float)source[i];
    }

    /// <summary>‖x‖₂ of a row, rounded up.</summary>
    internal double Norm(int row) => IsHalf
        ? Measure(Halves.Slice(row * Dimension, Dimension), Dimension, row)
        : Measure(Floats.Slice(row * Dimension, Dimension), Dimension, row);

    /// <summary>A copy whose row r is this set's row rows[r].</summary>
    internal PointSet Reordered(ReadOnlySpan<int> rows)
    {
        if (IsHalf) return From(Reorder(Halves, rows, Dimension), Dimension);
        return From(Reorder(Floats, rows, Dimension), Dimension);
    }

    /// <summary>All values, where they are float.</summary>
    internal ReadOnlySpan<float> Floats => _floats.Span;

    /// <summary>All values, where they are float16.</summary>
    internal ReadOnlySpan<Half> Halves => _halves.Span;

    /// <summary>All values as floats: the caller's memory, or a copy where they are float16.</summary>
    internal ReadOnlyMemory<float> Widened()
    {
        if (!IsHalf) return _floats;
        float[] values = new float[Halves.Length];
        for (int i = 0; i < values.Length; i++) values[i] = (float)Halves[i];
        return values;
    }

    /// <summary>Rows that an index fills itself: a writer appends behind what readers were told is there.</summary>
    internal static PointSet OfBuffer(ReadOnlyMemory<float> buffer, int dimension) => new(buffer, default, false, buffer.Length, dimension);

    /// <summary>Checks rows and bounds their norms.</summary>
    internal static double Measure<T>(ReadOnlySpan<T> values, int dimension, int firstRow) where T : unmanaged
    {
        double largest = 0;
        for (int start = 0; start < values.Length; start += dimension)
        {
            double squares = 0;
            foreach (T value in values.Slice(start, dimension))
            {
                double x = Value(value);
                squares += x * x;
            }

            // Squares of finite floats cannot overflow a double, so a sum that is not finite means a value that is not.
            if (!double.IsFinite(squares)) throw NotFinite(values.Slice(start, dimension), firstRow + (start / dimension));
            largest = Math.Max(largest, squares);
        }

        return Math.Sqrt(largest) * (1 + ((dimension + 4) * 1.2e-16));
    }

    private static T[] Reorder<T>(ReadOnlySpan<T> values, ReadOnlySpan<int> rows, int dimension)
    {
        T[] copy = new T[rows.Length * dimension];
        for (int r = 0; r < rows.Length; r++) values.Slice(rows[r] * dimension, dimension).CopyTo(copy.AsSpan(r * dimension));
        return copy;
    }

    private static ArgumentException NotFinite<T>(ReadOnlySpan<T> row, int number) where T : unmanaged
    {
        for (int i = 0; i < row.Length; i++)
        {
            float x = Value(row[i]);
            if (!float.IsFinite(x))
                return new ArgumentException($"Point {number} has {(float.IsNaN(x) ? "NaN" : "an infinity")} at coordinate {i}; give finite coordinates.");
        }

        return new ArgumentException($"Point {number} is not finite.");
    }

    private static float Value<T>(T value) where T : unmanaged =>
        typeof(T) == typeof(Half) ? (float)Unsafe.BitCast<T, Half>(value) : Unsafe.BitCast<T, float>(value);

    private PointSet WithNorm(double norm) => new(_floats, _halves, IsHalf, (long)Count * Dimension, Dimension) { MaxNorm = norm };
}

/// <summary>Memory over a pointer whose owner is elsewhere.</summary>
internal sealed unsafe class NativeMemoryManager<T>(T* first, int length) : MemoryManager<T> where T : unmanaged
{
    public override Span<T> GetSpan() => new(first, length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(first + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}

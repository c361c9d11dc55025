using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Attention;
using Halfspace.Runtime.Decoder;

namespace Halfspace.Runtime.Operators;

/// <summary>
/// What the attention operator works on when a run of the graph is a decode step of several contexts: each row attends in its own cache, at
/// its own position. The work items of all rows are spread over ONNX Runtime's threads together.
/// </summary>
internal sealed unsafe class AttentionBatch : IAttentionRun, IDisposable
{
    private enum Phase
    {
        Append,
        Scan,
        Finish,
        Advance,
    }

    private readonly AttentionShape _shape;
    private readonly RotaryEmbedding _rotary;
    private readonly ScratchPool _scratch = new();
    private readonly Lock _counting = new();
    private GCHandle _handle; // not readonly: freeing it must be seen
    private BatchRow[] _rows = [];
    private int[] _ends = []; // of each row's items, among those of all rows
    private float* _queries;  // [rows, Hq, d], rotated
    private float* _keys;     // [rows, Hkv, d], rotated
    private float* _angles;   // [rows, rotary / 2] cosines, then as many sines
    private int _count;

    // One operator call's arguments, read by its work items.
    private int _layer, _stride;
    private Phase _phase;
    private float* _packed, _output;
    private Exception? _failure;

    public AttentionBatch(AttentionShape shape, RotaryEmbedding rotary)
    {
        _shape = shape;
        _rotary = rotary;
        _handle = GCHandle.Alloc(this);
    }

    /// <summary>The number that names this batch in the graph's input.</summary>
    public long Handle => (long)GCHandle.ToIntPtr(_handle);

    /// <summary>The first exception of this run's operator calls, if any.</summary>
    public Exception? Failure => _failure;

    /// <summary>Makes room for rows, which the caller fills before <see cref="Begin"/>.</summary>
    public Span<BatchRow> Rows(int rows)
    {
        if (rows > _rows.Length) Grow(rows);
        return _rows.AsSpan(0, rows);
    }

    /// <summary>Begins a run of the first <paramref name="rows"/> rows, and computes their rotations.</summary>
    public void Begin(int rows)
    {
        _count = rows;
        _failure = null;
        int half = _rotary.Dimensions / 2;
        for (int row = 0; row < rows; row++) _rotary.Angles(_rows[row].Position, Cosines(row, half), Sines(row, half));
    }

    /// <summary>Lets go of the rows' contexts.</summary>
    public void End() => Array.Clear(_rows, 0, _count);

    /// <inheritdoc/>
    public void Fail(Exception e) => Interlocked.CompareExchange(ref _failure, e, null);

    /// <inheritdoc/>
    public void Execute(nint context, int layer, float* packed, int rows, int columns, float* output)
    {
        int width = (_shape.QueryHeads + 2 * _shape.KeyValueHeads) * _shape.HeadDim;
        if (columns != width) throw new InvalidOperationException($"attention of layer {layer} was given rows of {columns} numbers; {width} are its heads'");
        if (rows != _count) throw new InvalidOperationException($"attention was given {rows} rows; the batch was begun with {_count}");
        _layer = layer;
        _packed = packed;
        _stride = columns;
        _output = output;
        Run(context, Phase.Append, rows);
        Check();
        int items = 0;
        bool heavy = false, due = false;
        for (int row = 0; row < rows; row++)
        {
            items += _rows[row].Step.Items;
            _ends[row] = items;
            heavy |= _rows[row].Step.IsFinishHeavy;
            due |= _rows[row].Cache[layer, 0].IsAdvanceDue(_rows[row].Position + 1);
        }

        Run(context, Phase.Scan, items);
        Check();
        // A dense row's second half only merges the sums of its parts.
        if (heavy) Run(context, Phase.Finish, items);
        else Here(Phase.Finish, items);
        Check();
        if (due) Run(context, Phase.Advance, rows * _shape.KeyValueHeads);
        Check();
    }

    public void Dispose()
    {
        _scratch.Dispose();
        Free();
        if (_handle.IsAllocated) _handle.Free();
    }

    private void Check()
    {
        if (_failure is not null) throw new InvalidOperationException(_failure.Message, _failure);
    }

    private void Run(nint context, Phase phase, int items)
    {
        _phase = phase;
        OrtApi.ParallelFor(context, &Work, items, (void*)GCHandle.ToIntPtr(_handle));
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Work(void* state, nuint item)
    {
        AttentionBatch batch = (AttentionBatch)GCHandle.FromIntPtr((nint)state).Target!;
        try
        {
            batch.Do((int)item);
        }
        catch (Exception e)
        {
            batch.Fail(e);
        }
    }

    private void Here(Phase phase, int items)
    {
        _phase = phase;
        for (int item = 0; item < items; item++) Do(item);
    }

    private void Do(int item)
    {
        if (_phase == Phase.Append)
        {
            try
            {
                Append(item);
            }
            catch (Exception e) when (e is ArgumentException or ArithmeticException)
            {
                // NaN in what the model computed: a row's own fault, and nobody's else.
                throw new ArithmeticException($"Context {item} of the batch: {e.Message}", e);
            }

            return;
        }

        AttentionScratch scratch = _scratch.Take();
        try
        {
            int row = Do(item, scratch);
            lock (_counting) _rows[row].Counters[_layer].Add(in scratch.Counters);
        }
        finally
        {
            scratch.Counters.Reset();
            _scratch.Return(scratch);
        }
    }

    /// <summary>Does an item of a row and returns the row.</summary>
    private int Do(int item, AttentionScratch scratch)
    {
        int row;
        if (_phase == Phase.Advance)
        {
            row = item / _shape.KeyValueHeads;
            _rows[row].Cache[_layer, item % _shape.KeyValueHeads].Advance(_rows[row].Position + 1, prompt: false, scratch);
            return row;
        }

        for (row = 0; item >= _ends[row];) row++;
        LayerStep step = _rows[row].Step;
        int own = item - _ends[row] + step.Items, width = _shape.QueryHeads * _shape.HeadDim;
        if (_phase == Phase.Scan) step.Scan(own, scratch);
        else step.Finish(own, new Span<float>(_output + (long)row * width, width), scratch);
        return row;
    }

    /// <summary>Rotates a row's queries and keys, appends its keys and values to its cache, and begins its step.</summary>
    private void Append(int row)
    {
        int d = _shape.HeadDim, heads = _shape.QueryHeads, half = _rotary.Dimensions / 2;
        Span<float> cosines = Cosines(row, half), sines = Sines(row, half);
        ref readonly BatchRow own = ref _rows[row];
        float* source = _packed + (long)row * _stride, queries = _queries + (long)row * heads * d, keys = _keys + (long)row * _shape.KeyValueHeads * d;
        for (int head = 0; head < heads; head++) _rotary.Rotate(new(source + head * d, d), cosines, sines, new(queries + head * d, d));
        source += heads * d;
        for (int head = 0; head < _shape.KeyValueHeads; head++)
        {
            _rotary.Rotate(new(source + head * d, d), cosines, sines, new(keys + head * d, d));
            own.Cache[_layer, head].Append(new(keys + head * d, d), d, new(source + (_shape.KeyValueHeads + head) * d, d), d, 1);
        }

        own.Step.Begin(own.Cache, _layer, new(queries, heads * d), own.Position);
    }

    private Span<float> Cosines(int row, int half) => new(_angles + (long)row * 2 * half, half);

    private Span<float> Sines(int row, int half) => new(_angles + (long)row * 2 * half + half, half);

    private void Grow(int rows)
    {
        Free();
        _rows = new BatchRow[rows];
        _ends = new int[rows];
        _queries = Floats((long)rows * _shape.QueryHeads * _shape.HeadDim);
        _keys = Floats((long)rows * _shape.KeyValueHeads * _shape.HeadDim);
        _angles = Floats((long)rows * Math.Max(1, _rotary.Dimensions));
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_queries);
        NativeMemory.AlignedFree(_keys);
        NativeMemory.AlignedFree(_angles);
        _queries = _keys = _angles = null;
        _rows = [];
    }

    private static float* Floats(long count) => (float*)NativeMemory.AlignedAlloc((nuint)(count * sizeof(float)), 64);
}

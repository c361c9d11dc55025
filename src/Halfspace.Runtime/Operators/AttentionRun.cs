using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Attention;
using Halfspace.Runtime.Decoder;

namespace Halfspace.Runtime.Operators;

/// <summary>
/// What the attention operator works on during one run of the graph: a context's KV cache, the first row's position, the rotation of
/// each row, and how to attend. One run at a time; its heads are spread over ONNX Runtime's threads.
/// </summary>
internal sealed unsafe class AttentionRun : IAttentionRun, IDisposable
{
    /// <summary>What the work items of a single row do, which is cut by heads and keys; many rows follow a <see cref="PromptSchedule"/>.</summary>
    private enum Phase
    {
        Scan,
        Finish,
        Advance,
    }

    private readonly AttentionShape _shape;
    private readonly AttentionCounters[] _counters;
    private readonly RotaryEmbedding _rotary;
    private readonly ScratchPool _scratch = new();
    private readonly PromptSchedule _schedule;
    private GCHandle _handle; // not readonly: freeing it must be seen
    private readonly int _threads;
    private LayerStep? _step;
    private float* _queries;   // [rows, Hq, d], rotated
    private float* _keys;      // [rows, Hkv, d], rotated
    private float* _angles;    // [rows, rotary / 2] cosines, then as many sines
    private int _capacity;

    // One operator call's arguments, read by its work items.
    private int _layer, _rows, _stride;
    private Phase _phase;
    private float* _packed, _output;
    private Exception? _failure;

    private KeyValueCache? _cache;
    private HeadAttention? _attention;

    public AttentionRun(AttentionShape shape, RotaryEmbedding rotary, int threads)
    {
        _threads = threads;
        _shape = shape;
        _schedule = new PromptSchedule(shape.KeyValueHeads);
        _counters = new AttentionCounters[shape.Layers];
        _rotary = rotary;
        _handle = GCHandle.Alloc(this);
    }

    /// <summary>The number that names this run in the graph's input.</summary>
    public long Handle => (long)GCHandle.ToIntPtr(_handle);

    /// <summary>The position of the run's first row.</summary>
    public int Position { get; private set; }

    /// <summary>Sets what the next run of the graph works on, and computes its rows' rotations.</summary>
    public void Begin(KeyValueCache cache, HeadAttention attention, int position, int rows)
    {
        _cache = cache;
        _attention = attention;
        _failure = null;
        Position = position;
        Grow(rows);
        int half = _rotary.Dimensions / 2;
        for (int row = 0; row < rows; row++)
            _rotary.Angles(position + row, new Span<float>(_angles + (long)row * 2 * half, half), new Span<float>(_angles + (long)row * 2 * half + half, half));
    }

    /// <summary>Ends the run: adds each layer's counters into <paramref name="counters"/>.</summary>
    public void End(Span<AttentionCounters> counters)
    {
        for (int layer = 0; layer < _counters.Length; layer++)
        {
            counters[layer].Add(in _counters[layer]);
            _counters[layer].Reset();
        }
        _cache = null;
        _attention = null;
    }

    /// <summary>The first exception of this run's operator calls, if any.</summary>
    public Exception? Failure => _failure;

    /// <summary>Keeps the first exception of the run.</summary>
    public void Fail(Exception e) => Interlocked.CompareExchange(ref _failure, e, null);

    /// <summary>One layer's attention over <paramref name="rows"/> rows of packed queries, keys and values.</summary>
    public void Execute(nint context, int layer, float* packed, int rows, int columns, float* output)
    {
        int width = (_shape.QueryHeads + 2 * _shape.KeyValueHeads) * _shape.HeadDim;
        if (columns != width) throw new InvalidOperationException($"attention of layer {layer} was given rows of {columns} numbers; {width} are its heads'");
        if (rows > _capacity) throw new InvalidOperationException($"attention was given {rows} rows; the run was begun with at most {_capacity}");
        _layer = layer;
        _packed = packed;
        _rows = rows;
        _stride = columns;
        _output = output;
        long start = Stopwatch.GetTimestamp();
        if (rows == 1) Step(context);
        else Prompt(context);
        _scratch.Collect(ref _counters[layer]);
        _counters[layer].Time += Stopwatch.GetElapsedTime(start);
        if (_failure is not null) throw new InvalidOperationException(_failure.Message, _failure);
    }

    /// <summary>What a single row is taken with.</summary>
    public LayerStep StepOf(HeadAttention attention)
    {
        if (_step?.Attention == attention) return _step;
        _step?.Dispose();
        _step = null;
        return _step = new LayerStep(attention, _shape, _threads);
    }

    public void Dispose()
    {
        _step?.Dispose();
        _scratch.Dispose();
        NativeMemory.AlignedFree(_queries);
        NativeMemory.AlignedFree(_keys);
        NativeMemory.AlignedFree(_angles);
        _queries = _keys = _angles = null;
        _capacity = 0;
        if (_handle.IsAllocated) _handle.Free();
    }

    private void Step(nint context)
    {
        for (int head = 0; head < _shape.KeyValueHeads; head++) Append(head);
        LayerStep step = StepOf(_attention!);
        step.Begin(_cache!, _layer, new ReadOnlySpan<float>(_queries, _shape.QueryHeads * _shape.HeadDim), Position);
        Run(context, Phase.Scan, step.Items);
        if (_failure is not null) return;
        if (step.IsFinishHeavy) Run(context, Phase.Finish, step.Items);
        else for (int item = 0; item < step.Items; item++) Do(item, Phase.Finish);
        if (_failure is null && _cache![_layer, 0].IsAdvanceDue(Position + 1)) Run(context, Phase.Advance, _shape.KeyValueHeads);
    }

    private void Prompt(nint context)
    {
        _schedule.Begin();
        // Rows that attend densely have nothing of an index that grows between them.
        AttentionOptions options = _attention!.Options;
        bool steps = options.Mode == AttentionMode.Sparse && Position + _rows > options.PromptFrom;
        for (int first = 0, end; first < _rows; first = end)
        {
            end = steps ? Math.Min(_rows, ((Position + first) / HeadCache.PromptStep * HeadCache.PromptStep) + HeadCache.PromptStep - Position) : _rows;
            (int rows, int members) = _attention.TileOf(_shape.Group, end - first, Position + first);
            _schedule.AddStep(first, end, rows, members, _shape.Group);
        }
        OrtApi.ParallelFor(context, &Follow, _threads, (void*)GCHandle.ToIntPtr(_handle));
    }

    private void Run(nint context, Phase phase, int items)
    {
        _phase = phase;
        OrtApi.ParallelFor(context, &Work, items, (void*)GCHandle.ToIntPtr(_handle));
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Work(void* state, nuint item)
    {
        AttentionRun run = (AttentionRun)GCHandle.FromIntPtr((nint)state).Target!;
        try
        {
            run.Do((int)item, run._phase);
        }
        catch (Exception e)
        {
            run.Fail(e);
        }
    }

    // A thread's share of a prompt's items. What fails ends without being done, so that nobody waits for it.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Follow(void* state, nuint thread)
    {
        AttentionRun run = (AttentionRun)GCHandle.FromIntPtr((nint)state).Target!;
        AttentionScratch scratch = run._scratch.Take();
        while (run._schedule.TryTake(out PromptSchedule.Item item))
        {
            try
            {
                if (run._failure is null) run.Do(in item, scratch);
            }
            catch (Exception e)
            {
                run.Fail(e);
            }
            run._schedule.End(in item);
        }
        run._scratch.Return(scratch);
    }

    private void Do(in PromptSchedule.Item item, AttentionScratch scratch)
    {
        switch (item.Kind)
        {
            case PromptSchedule.Kind.Append:
                Append(item.Head);
                break;
            case PromptSchedule.Kind.Attend:
                Attend(in item, scratch);
                break;
            default:
                _cache![_layer, item.Head].AdvancePrompt(
                    Position + item.First, Position + item.End, more: item.End < _rows && _attention!.SamplesPrompts, scratch);
                break;
        }
    }

    private void Do(int item, Phase phase)
    {
        AttentionScratch scratch = _scratch.Take();
        try
        {
            switch (phase)
            {
                case Phase.Scan:
                    _step!.Scan(item, scratch);
                    break;
                case Phase.Finish:
                    _step!.Finish(item, new Span<float>(_output, _shape.QueryHeads * _shape.HeadDim), scratch);
                    break;
                default:
                    _cache![_layer, item].Advance(Position + 1, prompt: false, scratch);
                    break;
            }
        }
        finally
        {
            _scratch.Return(scratch);
        }
    }

    /// <summary>Rotates a KV head's keys and its group's queries, and appends its keys and values to the cache.</summary>
    private void Append(int head)
    {
        int d = _shape.HeadDim, group = _shape.Group, half = _rotary.Dimensions / 2;
        int queryColumn = head * group * d, keyColumn = (_shape.QueryHeads + head) * d, valueColumn = (_shape.QueryHeads + _shape.KeyValueHeads + head) * d;
        for (int row = 0; row < _rows; row++)
        {
            var cosines = new ReadOnlySpan<float>(_angles + (long)row * 2 * half, half);
            var sines = new ReadOnlySpan<float>(_angles + (long)row * 2 * half + half, half);
            float* source = _packed + (long)row * _stride;
            for (int g = 0; g < group; g++)
                _rotary.Rotate(new ReadOnlySpan<float>(source + queryColumn + g * d, d), cosines, sines, new Span<float>(Query(row, head, g), d));
            _rotary.Rotate(new ReadOnlySpan<float>(source + keyColumn, d), cosines, sines, new Span<float>(_keys + ((long)head * _capacity + row) * d, d));
        }
        float* values = _packed + valueColumn;
        _cache![_layer, head].Append(
            new ReadOnlySpan<float>(_keys + (long)head * _capacity * d, _rows * d), d,
            new ReadOnlySpan<float>(values, (_rows - 1) * _stride + d), _stride, _rows);
    }

    private float* Query(int row, int head, int member) =>
        _queries + (((long)row * _shape.KeyValueHeads + head) * _shape.Group + member) * _shape.HeadDim;

    private void Attend(in PromptSchedule.Item item, AttentionScratch scratch)
    {
        int d = _shape.HeadDim, width = _shape.QueryHeads * d, rows = item.End - item.First, span = ((rows - 1) * width) + (item.Members * d);
        long output = ((long)item.First * width) + (((item.Head * _shape.Group) + item.Member) * d);
        _attention!.Attend(
            _cache![_layer, item.Head], new ReadOnlySpan<float>(Query(item.First, item.Head, item.Member), span), width, item.Members, rows,
            Position + item.First, new Span<float>(_output + output, span), width, scratch);
    }

    private void Grow(int rows)
    {
        if (rows <= _capacity) return;
        NativeMemory.AlignedFree(_queries);
        NativeMemory.AlignedFree(_keys);
        NativeMemory.AlignedFree(_angles);
        _queries = (float*)NativeMemory.AlignedAlloc((nuint)((long)rows * _shape.QueryHeads * _shape.HeadDim * sizeof(float)), 64);
        _keys = (float*)NativeMemory.AlignedAlloc((nuint)((long)rows * _shape.KeyValueHeads * _shape.HeadDim * sizeof(float)), 64);
        _angles = (float*)NativeMemory.AlignedAlloc((nuint)((long)rows * Math.Max(1, _rotary.Dimensions) * sizeof(float)), 64);
        _capacity = rows;
    }
}

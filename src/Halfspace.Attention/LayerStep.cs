using Halfspace.Kernels;

namespace Halfspace.Attention;

/// <summary>
/// Attention of one position in one layer, all heads, cut into work items so that more threads than KV heads have something to do:
/// <see cref="Begin"/>, then every item of <see cref="Scan"/> by any threads, then every item of <see cref="Finish"/>.
/// </summary>
/// <remarks>Items exchange sums and attention states only, so results do not depend on which thread took what. The last item of a head to end
/// does what must follow.</remarks>
public sealed class LayerStep : IDisposable
{
    // Fewer keys are not worth an item of their own.
    private const int LeastKeys = 512;

    private readonly AttentionShape _shape;
    private readonly DenseRow _row;
    private readonly int _threads;
    private readonly Head[] _heads;
    private KeyValueCache? _cache;
    private int _layer, _visible, _parts;

    /// <summary>Steps under the given attention.</summary>
    /// <param name="attention">How to attend.</param>
    /// <param name="shape">The decoder's attention.</param>
    /// <param name="threads">Threads that items are shared by.</param>
    public LayerStep(HeadAttention attention, AttentionShape shape, int threads)
    {
        ArgumentNullException.ThrowIfNull(attention);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Attention = attention;
        _shape = shape;
        _threads = threads;
        _row = new DenseRow(AttentionKernels.For(attention.Tier));
        _heads = new Head[shape.KeyValueHeads];
        for (int h = 0; h < _heads.Length; h++) _heads[h] = new Head(attention);
    }

    /// <summary>How it attends.</summary>
    public HeadAttention Attention { get; }

    /// <summary>If set, what the next positions' heads attend to is kept there. Not while a position is taken.</summary>
    /// <exception cref="NotSupportedException">Attention is not softmax.</exception>
    public AttentionTrace? Trace
    {
        get;
        set
        {
            if (value is not null && Attention.Function is AttentionFunction.Relu)
                throw new NotSupportedException("Only softmax attention can be traced.");
            field = value;
            foreach (Head head in _heads) head.Step.Traced = value is null ? null : new TracedRow[_shape.Group];
        }
    }

    /// <summary>Items of <see cref="Scan"/>, and of <see cref="Finish"/>.</summary>
    public int Items => _heads.Length * _parts;

    /// <summary>Whether the items of <see cref="Finish"/> are worth spreading over threads.</summary>
    public bool IsFinishHeavy { get; private set; }

    /// <summary>Takes a position.</summary>
    /// <param name="cache">The context; the position's keys and values have been appended.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="queries">[query heads, d], unscaled, heads of a group together.</param>
    /// <param name="position">The position.</param>
    /// <exception cref="ArithmeticException">A query holds NaN, infinity or a number beyond ±2^50.</exception>
    public void Begin(KeyValueCache cache, int layer, ReadOnlySpan<float> queries, int position)
    {
        ArgumentNullException.ThrowIfNull(cache);
        cache.RequireMemory();
        _cache = cache;
        _layer = layer;
        _visible = position + 1;
        // Twice as many items as threads let those that end early take another.
        int wanted = _threads == 1 ? 1 : ((2 * _threads) + _heads.Length - 1) / _heads.Length;
        _parts = Math.Clamp(_visible / LeastKeys, 1, wanted);
        int width = _shape.Group * _shape.HeadDim;
        IsFinishHeavy = false;
        for (int h = 0; h < _heads.Length; h++)
        {
            Take(_heads[h], cache[layer, h], queries.Slice(h * width, width), position);
            IsFinishHeavy |= _heads[h].Sparse;
        }
    }

    /// <summary>The first half of an item's work.</summary>
    public void Scan(int item, AttentionScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        Head head = _heads[item / _parts];
        int part = item % _parts;
        if (head.Relu is { } relu)
        {
            if (head.Sparse) relu.Report(part, scratch);
            else relu.Attend(part, scratch);
            return;
        }
        if (!head.Sparse)
        {
            Dense(head, part, scratch);
            return;
        }
        head.Step.Scan(part, scratch);
        if (Interlocked.Decrement(ref head.Left) > 0) return;
        head.Left = _parts;
        head.Listed = head.Step.Select(scratch);
    }

    /// <summary>The second half; the last item of a head writes its outputs.</summary>
    /// <param name="item">Which.</param>
    /// <param name="output">[query heads, d].</param>
    /// <param name="scratch">This thread's buffers; its counters are added to.</param>
    public void Finish(int item, Span<float> output, AttentionScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        int h = item / _parts, part = item % _parts, width = _shape.Group * _shape.HeadDim;
        Head head = _heads[h];
        Span<float> own = output.Slice(h * width, width);
        if (head.Relu is { } relu)
        {
            if (head.Sparse) relu.Attend(part, scratch);
            if (Interlocked.Decrement(ref head.Left) == 0) relu.Finish(own, scratch);
            return;
        }
        if (!head.Sparse)
        {
            if (part != 0) return;
            Merge(head, own, scratch);
            Trace?.Take(_layer, h, head.Cache!, head.Queries(width), _visible, null);
            return;
        }
        if (head.Listed) head.Step.Attend(part, scratch);
        if (Interlocked.Decrement(ref head.Left) > 0) return;
        bool sparse = head.Listed && head.Step.Finish(own, scratch);
        if (!sparse) _row.Attend(_cache![_layer, h], head.Queries(width), _shape.Group, _visible, own, scratch);
        Trace?.Take(_layer, h, head.Cache!, head.Queries(width), _visible, sparse ? head.Step : null);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Head head in _heads) head.Dispose();
    }

    private void Take(Head head, HeadCache cache, ReadOnlySpan<float> queries, int position)
    {
        int group = _shape.Group, dim = _shape.HeadDim;
        head.Cache = cache;
        Span<float> scaled = head.Queries(group * dim);
        QueryRows.Scale(queries, group * dim, group, 1, dim, position, scaled);
        if (head.Relu is { } relu)
        {
            relu.Begin(cache, scaled, [], group, _visible, _parts);
            head.Sparse = relu.IsSparse;
            head.Left = _parts;
            return;
        }
        head.Sparse = Attention.IsSparse(cache, position) && head.Step.Begin(cache, scaled, group, _visible, _parts);
        head.Left = _parts;
        if (!head.Sparse) head.Grow(_parts * group, 2 * dim);
    }

    private void Dense(Head head, int part, AttentionScratch scratch)
    {
        const int Block = KeyValueCache.BlockTokens;
        int blocks = (_visible + Block - 1) / Block, group = _shape.Group, dim = _shape.HeadDim;
        int from = (int)((long)blocks * part / _parts) * Block, to = Math.Min(_visible, (int)((long)blocks * (part + 1) / _parts) * Block);
        _row.Attend(
            head.Cache!, head.Queries(group * dim), group, from, to, head.States.AsSpan(part * group, group),
            head.Values.AsMemory(part * group * 2 * dim, 2 * group * dim), scratch);
    }

    private void Merge(Head head, Span<float> output, AttentionScratch scratch)
    {
        int group = _shape.Group, dim = _shape.HeadDim;
        for (int g = 0; g < group; g++)
        {
            AttentionState state = head.States[g];
            for (int part = 1; part < _parts; part++)
                state = state.Merge(head.States[(part * group) + g], head.Values.AsMemory(g * dim, dim));
            state.Normalise(output.Slice(g * dim, dim));
        }
        scratch.Counters.CountDense(group, (long)group * _visible);
    }

    private sealed class Head(HeadAttention attention) : IDisposable
    {
        private readonly Buffer<float> _queries = new();

        public SparseStep Step { get; } = SparseStep.For(attention);

        /// <summary>What takes ReLU attention's positions; softmax has none.</summary>
        public ReluStep? Relu { get; } = attention.Function is AttentionFunction.Relu ? new(attention) : null;

        public HeadCache? Cache { get; set; }

        public bool Sparse { get; set; }

        /// <summary>Whether keys were listed, rather than nearly all reported.</summary>
        public bool Listed { get; set; }

        public AttentionState[] States { get; private set; } = [];

        public float[] Values { get; private set; } = [];

        public ref int Left => ref _left;

        private int _left;

        public Span<float> Queries(int length) => _queries.Grown(length);

        public void Grow(int states, int floatsOfState)
        {
            if (States.Length >= states && Values.Length >= states * floatsOfState) return;
            States = new AttentionState[states];
            Values = new float[states * floatsOfState];
        }

        public void Dispose()
        {
            _queries.Dispose();
            Step.Dispose();
            Relu?.Dispose();
        }
    }
}

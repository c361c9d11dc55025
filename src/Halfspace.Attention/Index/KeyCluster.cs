using Halfspace.Kernels;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention;

/// <summary>A part of a head's index whose keys and values lie near a centre: their sketches, in order of position, and their moments about
/// the centre: n, Σk, Σv, Σkvᵀ.</summary>
/// <remarks>Moments are sums in float with a compensation in float, about 40 bits. Rewinding forgets sketches; moments are summed anew.
/// What was restored is read where it lies until keys come or go: then moments and the last sketches are copied at once, which costs less than a page
/// fault for every page of a mapped file.</remarks>
internal sealed class KeyCluster
{
    /// <summary>Keys whose moments are summed together.</summary>
    public const int Batch = 64;

    private const int ChunkBlocks = 16;

    private readonly List<NativePart<byte>> _chunks = [];
    private NativePart<float> _memory;
    private readonly SketchRotation _rotation;
    private readonly NativeArena _arena;
    private readonly int _sums;
    private bool _restored;
    private int _summed;

    /// <param name="dim">d.</param>
    /// <param name="rotation">Of every sketch.</param>
    /// <param name="arena">Where its memory comes from, and goes back with.</param>
    public KeyCluster(int dim, SketchRotation rotation, NativeArena arena)
        : this(dim, rotation, arena, arena.Take<float>(MemoryLength(dim)), new ValueSpread(dim, arena)) =>
        _memory.Slice(0, (int)_memory.Length).Clear();

    private KeyCluster(int dim, SketchRotation rotation, NativeArena arena, NativePart<float> memory, ValueSpread spread)
    {
        _arena = arena;
        Dim = dim;
        Stride = (dim + 15) / 16 * 16;
        _rotation = rotation;
        _sums = (dim + 2) * Stride;
        Spread = spread;
        _memory = memory;
    }

    public int Dim { get; }

    /// <summary>From one row of a matrix to the next: d, rounded up to a whole register.</summary>
    public int Stride { get; }

    /// <summary>Keys held.</summary>
    public int Count { get; private set; }

    /// <summary>Blocks of sketches in use.</summary>
    public int Blocks => (Count + KeyBlocks.Keys - 1) / KeyBlocks.Keys;

    /// <summary>The largest ‖k − sketch‖.</summary>
    public float LargestResidual { get; private set; }

    /// <summary>An upper bound of ‖k − c‖ of the keys.</summary>
    public double LargestKey { get; private set; }

    /// <summary>An upper bound of ‖v − c‖ of the values.</summary>
    public double LargestValue { get; private set; }

    /// <summary>The mean of ‖k − sketch‖², about: it is not taken back by rewinding.</summary>
    public double MeanSquareResidual { get; private set; }

    /// <summary>The norm of the keys' centre.</summary>
    public double KeyCentreNorm { get; private set; }

    /// <summary>The norm of the values' centre.</summary>
    public double ValueCentreNorm { get; private set; }

    /// <summary>How far the values spread.</summary>
    public ValueSpread Spread { get; }

    /// <summary>Σ(k−c)(v−c)ᵀ, [d, stride], a row for each coordinate of k.</summary>
    public ReadOnlySpan<float> KeyValue => _memory.Slice(0, Dim * Stride);

    /// <summary>The centre of the keys, [d].</summary>
    public Span<float> KeyCentre => _memory.Slice(2 * _sums, Dim);

    /// <summary>The centre of the values, [d].</summary>
    public Span<float> ValueCentre => _memory.Slice((2 * _sums) + Stride, Dim);

    private int BlockBytes => KeyBlocks.Bytes(_rotation.Padded);

    /// <summary>Floats that <see cref="Add"/> works in.</summary>
    public static long WorkLength(int dim)
    {
        long stride = (dim + 15) / 16 * 16;
        return (((2L * Batch) + dim + 2 + dim) * stride) + Batch + (((dim + 7L) & ~7L) * AttentionKernels.SketchKeys);
    }

    /// <summary>Σ(k−c), coordinate <paramref name="c"/>.</summary>
    public double KeySum(int c) => Sum((Dim * Stride) + c);

    /// <summary>Σ(v−c), [d].</summary>
    public ReadOnlySpan<float> ValueSums => _memory.Slice((Dim + 1) * Stride, Dim);

    /// <summary>The sketches of consecutive blocks, as many as lie together from <paramref name="first"/> on.</summary>
    public ReadOnlySpan<byte> Sketches(int first, int most)
    {
        int at = first % ChunkBlocks, count = Math.Min(most, ChunkBlocks - at);
        return _chunks[first / ChunkBlocks].Slice((long)at * BlockBytes, count * BlockBytes);
    }

    /// <summary>The position of the key in a slot, counted over all blocks.</summary>
    public int Position(int slot) => KeyBlocks.Position(Block(slot / KeyBlocks.Keys), _rotation.Padded, slot % KeyBlocks.Keys);

    /// <summary>Block <paramref name="index"/>, for the positions in it.</summary>
    public ReadOnlySpan<byte> PositionsOf(int index) => KeyBlocks.Positions(Block(index), _rotation.Padded);

    /// <summary>Takes in keys; <see cref="SumWaiting"/> adds them to the moments.</summary>
    /// <param name="head">Where they are.</param>
    /// <param name="positions">Up to <see cref="Batch"/>, ascending, above those held.</param>
    /// <param name="kernels">The tier.</param>
    /// <param name="work">At least <see cref="WorkLength"/>.</param>
    /// <returns>False if a key cannot be sketched.</returns>
    public bool Add(HeadCache head, ReadOnlySpan<int> positions, AttentionKernels kernels, Span<float> work)
    {
        if (_restored) Own();
        Span<float> keys = work[..(Batch * Stride)];
        keys.Clear();
        for (int i = 0; i < positions.Length; i++)
        {
            kernels.Widen(head.Key(positions[i]), Dim, KeyCentre, keys[(i * Stride)..], Stride);
            LargestKey = Math.Max(LargestKey, Distance.Norm(keys.Slice(i * Stride, Dim)) * (1 + 1e-5));
        }
        bool fits = true;
        Span<float> columns = work[^(_rotation.Padded * AttentionKernels.SketchKeys)..];
        for (int i = 0; i < positions.Length;)
        {
            int slot = Count % KeyBlocks.Keys;
            int take = Math.Min(Math.Min(AttentionKernels.SketchKeys, positions.Length - i), KeyBlocks.Keys - slot);
            Turn(keys[(i * Stride)..], take, columns);
            Span<byte> block = Room(Count / KeyBlocks.Keys);
            fits &= kernels.Sketch(columns, _rotation, positions.Slice(i, take), block, slot);
            for (int j = slot; j < slot + take; j++)
            {
                float residual = KeyBlocks.Residual(block, _rotation.Padded, j);
                LargestResidual = MathF.Max(LargestResidual, residual);
                MeanSquareResidual += (((double)residual * residual) - MeanSquareResidual) / (Count + j - slot + 1);
            }
            Count += take;
            i += take;
        }
        return fits;
    }

    /// <summary>Brings what is derived up to date, after keys came or went.</summary>
    /// <param name="kernels">The tier.</param>
    /// <param name="work">At least <see cref="ValueSpread.WorkLength"/>.</param>
    public void Settle(AttentionKernels kernels, Span<float> work)
    {
        Spread.Settle(kernels, work);
        KeyCentreNorm = Distance.Norm(KeyCentre) * (1 + 1e-5);
        ValueCentreNorm = Distance.Norm(ValueCentre) * (1 + 1e-5);
    }

    /// <summary>Forgets keys at <paramref name="tokens"/> and beyond; moments are then those of none, to be summed again.</summary>
    public void Rewind(int tokens)
    {
        if (_restored) Own();
        int low = 0, high = Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Position(middle) < tokens) low = middle + 1;
            else high = middle;
        }
        Count = low;
        _summed = 0;
        if (low == 0) (LargestResidual, LargestKey, LargestValue, MeanSquareResidual) = (0, 0, 0, 0);
        _memory.Slice(0, 2 * _sums).Clear();
        Spread.Reset();
    }

    /// <summary>Sums the moments of the keys whose are not summed yet.</summary>
    public void SumWaiting(HeadCache head, AttentionKernels kernels, Span<float> work)
    {
        Span<int> positions = stackalloc int[Batch];
        Span<float> keys = work[..(Batch * Stride)], values = work.Slice(Batch * Stride, Batch * Stride);
        while (_summed < Count)
        {
            int take = Math.Min(Batch, Count - _summed);
            for (int i = 0; i < take; i++) positions[i] = Position(_summed + i);
            Load(head, positions[..take], kernels, keys, values);
            SumMoments(take, kernels, keys, values, work[(2 * Batch * Stride)..]);
            for (int i = 0; i < take; i++) LargestValue = Math.Max(LargestValue, Distance.Norm(values.Slice(i * Stride, Dim)) * (1 + 1e-5));
            _summed += take;
        }
    }

    /// <summary>Writes it all.</summary>
    public void Export(IndexImageWriter to)
    {
        to.Write(new IndexImage.Cluster
        {
            Count = Count,
            LargestResidual = LargestResidual,
            LargestKey = LargestKey,
            LargestValue = LargestValue,
            MeanSquareResidual = MeanSquareResidual,
            KeyCentreNorm = KeyCentreNorm,
            ValueCentreNorm = ValueCentreNorm,
            SpreadBound = Spread.Parts.Bound,
            SpreadAdded = Spread.Parts.Added,
            SpreadTrace = Spread.Trace,
        });
        to.Write<float>(_memory.Slice(0, (int)_memory.Length));
        Spread.Export(to);
        for (int block = 0; block < Blocks; block += ChunkBlocks) to.Write(Sketches(block, Math.Min(ChunkBlocks, Blocks - block)));
    }

    /// <summary>Takes over what <see cref="Export"/> wrote; the memory stays in use.</summary>
    /// <exception cref="InvalidDataException">Its keys are not those of <paramref name="tokens"/> tokens.</exception>
    public static KeyCluster Restore(int dim, SketchRotation rotation, NativeArena arena, IndexImageReader from, int tokens)
    {
        IndexImage.Cluster numbers = from.Read<IndexImage.Cluster>();
        if (numbers.Count < 0 || numbers.Count > tokens) throw IndexImage.Unfit();
        NativePart<float> memory = from.Take<float>(MemoryLength(dim)), sum = from.Take<float>((long)dim * ((dim + 15) / 16 * 16));
        KeyCluster cluster = new(dim, rotation, arena, memory, ValueSpread.Restore(dim, in numbers, sum))
        {
            LargestResidual = numbers.LargestResidual,
            LargestKey = numbers.LargestKey,
            LargestValue = numbers.LargestValue,
            MeanSquareResidual = numbers.MeanSquareResidual,
            KeyCentreNorm = numbers.KeyCentreNorm,
            ValueCentreNorm = numbers.ValueCentreNorm,
            _restored = true,
        };
        for (int blocks = (numbers.Count + KeyBlocks.Keys - 1) / KeyBlocks.Keys; blocks > 0; blocks -= ChunkBlocks)
            cluster._chunks.Add(from.Take<byte>((long)Math.Min(blocks, ChunkBlocks) * cluster.BlockBytes));
        cluster._summed = cluster.Count = numbers.Count;
        int last = -1;
        for (int slot = 0; slot < numbers.Count; slot++)
        {
            int position = cluster.Position(slot);
            if (position <= last || position >= tokens) throw IndexImage.Unfit();
            last = position;
        }
        return cluster;
    }

    private static long MemoryLength(int dim)
    {
        // Sums, what they leave out, and the centres.
        long stride = (dim + 15) / 16 * 16;
        return (2 * (dim + 2) * stride) + (2 * stride);
    }

    private double Sum(int at)
    {
        ReadOnlySpan<float> all = _memory.Slice(0, 2 * _sums);
        return (double)all[at] + all[_sums + at];
    }

    private Span<byte> Block(int index) => _chunks[index / ChunkBlocks].Slice((long)(index % ChunkBlocks) * BlockBytes, BlockBytes);

    private Span<byte> Room(int block)
    {
        if (block / ChunkBlocks == _chunks.Count) _chunks.Add(NewChunk());
        return Block(block);
    }

    private NativePart<byte> NewChunk(NativePart<byte> from = default)
    {
        NativePart<byte> chunk = _arena.Copy(from, (long)ChunkBlocks * BlockBytes);
        // Slots without a key are scanned too: their scores must be numbers.
        chunk.Slice(from.Length, (int)(chunk.Length - from.Length)).Clear();
        return chunk;
    }

    private void Own()
    {
        _restored = false;
        _memory = _arena.Copy(_memory, _memory.Length);
        Spread.Own(_arena);
        // The last chunk needs room for the blocks to come.
        if (_chunks.Count > 0 && _chunks[^1].Length < (long)ChunkBlocks * BlockBytes) _chunks[^1] = NewChunk(_chunks[^1]);
    }

    // Rows less the centres; columns past d are zero.
    private void Load(HeadCache head, ReadOnlySpan<int> positions, AttentionKernels kernels, Span<float> keys, Span<float> values)
    {
        keys.Clear();
        values.Clear();
        for (int i = 0; i < positions.Length; i++)
        {
            kernels.Widen(head.Key(positions[i]), Dim, KeyCentre, keys[(i * Stride)..], Stride);
            kernels.Widen(head.Value(positions[i]), Dim, ValueCentre, values[(i * Stride)..], Stride);
        }
    }

    private void SumMoments(int count, AttentionKernels kernels, ReadOnlySpan<float> keys, ReadOnlySpan<float> values, Span<float> work)
    {
        int matrix = Dim * Stride;
        Span<float> terms = work[.._sums], ones = work.Slice(_sums, Batch), spread = work.Slice(_sums + Batch, matrix);
        ones.Fill(1);
        kernels.Product(keys, 1, Stride, values, Stride, terms, Stride, Dim, count, Stride, add: false);
        kernels.Product(ones, Batch, 1, keys, Stride, terms[matrix..], Stride, 1, count, Stride, add: false);
        kernels.Product(ones, Batch, 1, values, Stride, terms[(matrix + Stride)..], Stride, 1, count, Stride, add: false);
        kernels.AddCompensated(terms, _memory.Slice(0, _sums), _memory.Slice(_sums, _sums));
        kernels.Product(values, 1, Stride, values, Stride, spread, Stride, Dim, count, Stride, add: false);
        Spread.Add(spread);
    }

    private void Turn(ReadOnlySpan<float> rows, int count, Span<float> columns)
    {
        columns.Clear();
        for (int i = 0; i < count; i++)
            for (int c = 0; c < Dim; c++) columns[(c * AttentionKernels.SketchKeys) + i] = rows[(i * Stride) + c];
    }
}

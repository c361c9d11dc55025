using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Reporting;

/// <summary>Sketches of the rows of a <see cref="PointLog"/>, in blocks of 64. Immutable in the same way.</summary>
internal sealed class SketchLog
{
    private const int FirstPartBlocks = 4;
    private const int MaxPartBlocks = 1 << 10;

    private SketchLog(SketchRotation rotation, float[] centre, ImmutableArray<Part> parts, int count)
    {
        Rotation = rotation;
        Centre = centre;
        Parts = parts;
        Count = count;
    }

    public SketchRotation Rotation { get; }

    /// <summary>μ, [d]: sketches are of R(x − μ).</summary>
    public float[] Centre { get; }

    /// <summary>Runs of whole blocks; part i begins at id FirstId, a multiple of 64.</summary>
    public ImmutableArray<Part> Parts { get; }

    /// <summary>Rows with a sketch.</summary>
    public int Count { get; }

    public int BlockBytes => SketchBlocks.Bytes(Rotation.Padded);

    /// <summary>Sketches of all rows, about their mean.</summary>
    public static SketchLog Build(PointLog points, SketchRotation rotation)
    {
        SketchLog log = new(rotation, Mean(points), [], 0);
        int bytes = log.BlockBytes;
        Memory<byte> blocks = Allocate(checked(CountBlocks(points.Count) * bytes));
        Encoder encoder = new(log);
        float[] point = new float[points.Dimension];
        for (int id = 0; id < points.Count; id++)
        {
            points.CopyRow(id, point);
            encoder.Encode(point, blocks.Span.Slice(id / SketchBlocks.Points * bytes, bytes), id % SketchBlocks.Points);
        }

        return new SketchLog(rotation, log.Centre, blocks.Length == 0 ? [] : [new Part(blocks, blocks, 0)], points.Count);
    }

    /// <summary>Sketches from a file. The last block is copied, so that it can be filled.</summary>
    public static SketchLog Of(SketchRotation rotation, float[] centre, ReadOnlyMemory<byte> blocks, int count)
    {
        int bytes = SketchBlocks.Bytes(rotation.Padded), whole = count / SketchBlocks.Points;
        ImmutableArray<Part> parts = whole == 0 ? [] : [new Part(blocks[..(whole * bytes)], default, 0)];
        if (count % SketchBlocks.Points != 0)
        {
            Memory<byte> last = Allocate(bytes);
            blocks[(whole * bytes)..].CopyTo(last);
            parts = parts.Add(new Part(last, last, whole * SketchBlocks.Points));
        }

        return new SketchLog(rotation, centre, parts, count);
    }

    /// <summary>A log with the sketch of one row more: O(d log d).</summary>
    public SketchLog Append(ReadOnlySpan<float> point)
    {
        ImmutableArray<Part> parts = Parts;
        int bytes = BlockBytes;
        if (Count % SketchBlocks.Points == 0 && (parts.IsEmpty || Count - parts[^1].FirstId == parts[^1].Blocks.Length / bytes * SketchBlocks.Points))
        {
            int blocks = Math.Clamp(CountBlocks(Count), FirstPartBlocks, MaxPartBlocks);
            Memory<byte> buffer = Allocate(checked(blocks * bytes));
            parts = parts.Add(new Part(buffer, buffer, Count));
        }

        Part part = parts[^1];
        int slot = Count - part.FirstId;
        new Encoder(this).Encode(point, part.Buffer.Span.Slice(slot / SketchBlocks.Points * bytes, bytes), slot % SketchBlocks.Points);
        return new SketchLog(Rotation, Centre, parts, checked(Count + 1));
    }

    /// <summary>Blocks of part <paramref name="i"/> that hold rows.</summary>
    public ReadOnlySpan<byte> BlocksOf(int i)
    {
        int end = i + 1 < Parts.Length ? Parts[i + 1].FirstId : Count;
        return Parts[i].Blocks.Span[..(CountBlocks(end - Parts[i].FirstId) * BlockBytes)];
    }

    public static int CountBlocks(int points) => (points + SketchBlocks.Points - 1) / SketchBlocks.Points;

    // From the start of a cache line on: a register of codes that lies across two takes twice as long to load.
    private static unsafe Memory<byte> Allocate(int length)
    {
        const int Line = 64;
        byte[] array = GC.AllocateArray<byte>(checked(length + Line), pinned: true);
        int skip = (int)((Line - (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array))) & (Line - 1));
        return array.AsMemory(skip, length);
    }

    private static float[] Mean(PointLog points)
    {
        double[] sum = new double[points.Dimension];
        float[] point = new float[points.Dimension];
        for (int id = 0; id < points.Count; id++)
        {
            points.CopyRow(id, point);
            for (int i = 0; i < sum.Length; i++) sum[i] += point[i];
        }

        return [.. sum.Select(s => (float)(s / Math.Max(points.Count, 1)))];
    }

    /// <summary>Buffer is the part's memory where it is ours to fill.</summary>
    internal sealed record Part(ReadOnlyMemory<byte> Blocks, Memory<byte> Buffer, int FirstId);

    private sealed class Encoder(SketchLog log)
    {
        private readonly double[] _rotated = new double[log.Rotation.Padded];

        public void Encode(ReadOnlySpan<float> point, Span<byte> block, int slot)
        {
            for (int i = 0; i < point.Length; i++) _rotated[i] = (double)point[i] - log.Centre[i];
            _rotated.AsSpan(point.Length).Clear();
            log.Rotation.Apply(_rotated);
            SketchBlocks.Encode(_rotated, block, slot);
        }
    }
}

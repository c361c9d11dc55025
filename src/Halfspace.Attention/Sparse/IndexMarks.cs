using System.Numerics;
using Halfspace.Kernels.Reporting;

namespace Halfspace.Attention;

/// <summary>Which keys of an index are read: a bit for each slot, cluster by cluster in whole blocks of 64, and their list.</summary>
internal sealed class IndexMarks : IDisposable
{
    private const int Block = KeyBlocks.Keys;

    private readonly Buffer<ulong> _marks = new();
    private readonly Buffer<nint> _addresses = new();
    private int[] _firstBlock = [], _firstRead = [];
    private HeadIndex? _index;

    /// <summary>The first block of each cluster, and where the last one's end.</summary>
    public ReadOnlySpan<int> FirstBlocks => _firstBlock.AsSpan(0, Clusters + 1);

    /// <summary>Blocks of all clusters.</summary>
    public int Blocks => _firstBlock[Clusters];

    /// <summary>A word for each block.</summary>
    public Span<ulong> Words => _marks.All;

    /// <summary>Addresses of the keys that are read, in the order of slots.</summary>
    public ReadOnlySpan<nint> Read => _addresses.All;

    private int Clusters => _index!.Clusters.Length;

    /// <summary>Takes an index, of which the sinks alone are read.</summary>
    public void Begin(HeadIndex index, int sinks)
    {
        _index = index;
        if (_firstBlock.Length <= Clusters) (_firstBlock, _firstRead) = (new int[Clusters + 1], new int[Clusters + 1]);
        int blocks = 0;
        for (int c = 0; c < Clusters; c++)
        {
            _firstBlock[c] = blocks;
            blocks += index.Clusters[c].Blocks;
        }
        _firstBlock[Clusters] = blocks;
        Span<ulong> words = _marks.Grown(blocks);
        words.Clear();
        // Positions ascend in a cluster: its sinks come first.
        for (int c = 0; c < Clusters; c++)
        {
            KeyCluster keys = index.Clusters[c];
            for (int i = 0; i < Math.Min(sinks, keys.Count) && keys.Position(i) < sinks; i++)
                words[_firstBlock[c] + (i / Block)] |= 1UL << (i % Block);
        }
    }

    /// <summary>A part's blocks in a cluster, counted from the cluster's first; none where they do not ascend.</summary>
    public (int From, int To) Segment(int part, int parts, int cluster)
    {
        int first = _firstBlock[cluster];
        int from = Math.Max((int)((long)Blocks * part / parts), first), to = Math.Min((int)((long)Blocks * (part + 1) / parts), _firstBlock[cluster + 1]);
        return (from - first, to - first);
    }

    /// <summary>Lists what is marked.</summary>
    /// <returns>False if that is nearly all of the index.</returns>
    public bool TryList(HeadCache head)
    {
        int read = 0, found = 0;
        foreach (ulong word in Words) read += BitOperations.PopCount(word);
        if ((_index!.Tokens - read) * SparseStep.DenseShare < _index.Tokens) return false;
        Span<nint> addresses = _addresses.Grown(read);
        for (int c = 0; c < Clusters; c++)
        {
            _firstRead[c] = found;
            KeyCluster keys = _index.Clusters[c];
            for (int block = _firstBlock[c]; block < _firstBlock[c + 1]; block++)
            {
                if (Words[block] == 0) continue;
                ReadOnlySpan<byte> positions = keys.PositionsOf(block - _firstBlock[c]);
                for (ulong left = Words[block]; left != 0; left &= left - 1)
                    addresses[found++] = head.Address(KeyBlocks.Position(positions, BitOperations.TrailingZeroCount(left)));
            }
        }
        _firstRead[Clusters] = found;
        return true;
    }

    /// <summary>Keys of a cluster that are not read.</summary>
    public int Left(int cluster) => _index!.Clusters[cluster].Count - ReadOf(cluster).Length;

    /// <summary>Addresses of a cluster's keys that are read.</summary>
    public ReadOnlySpan<nint> ReadOf(int cluster) => Read[_firstRead[cluster].._firstRead[cluster + 1]];

    /// <summary>A part of <see cref="Read"/>.</summary>
    public (int From, int To) ReadOfPart(int part, int parts) =>
        ((int)((long)Read.Length * part / parts), (int)((long)Read.Length * (part + 1) / parts));

    /// <summary>A cluster's keys in a range of <see cref="Read"/>, counted from the range's start.</summary>
    public (int First, int Length) Run(int cluster, int from, int to)
    {
        int first = Math.Max(from, _firstRead[cluster]), end = Math.Min(to, _firstRead[cluster + 1]);
        return (first - from, Math.Max(0, end - first));
    }

    public void Dispose()
    {
        _marks.Dispose();
        _addresses.Dispose();
    }
}

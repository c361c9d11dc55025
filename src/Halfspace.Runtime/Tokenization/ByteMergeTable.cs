using System.Text;

namespace Halfspace.Runtime.Tokenization;

/// <summary>The merges of byte-level BPE as pairs of ids, for pieces so long that they need <see cref="MergeLoop"/>.</summary>
internal sealed class ByteMergeTable : IMergeRules
{
    private readonly int[] _byteIds = new int[256];
    private readonly Dictionary<ulong, (uint Rank, int Id)> _merges;

    /// <summary>A table of merges whose tokens are all in the vocabulary.</summary>
    public ByteMergeTable(Dictionary<string, int> ids, string[] merges)
    {
        for (int value = 0; value < 256; value++)
            _byteIds[value] = ids.TryGetValue(ByteAlphabet.ToChar((byte)value).ToString(), out int id) ? id : -1;
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _merges = new(merges.Length);
        for (int rank = 0; rank < merges.Length; rank++)
        {
            string merge = merges[rank];
            int space = merge.IndexOf(' ', StringComparison.Ordinal);
            string merged = merge.Remove(space, 1);
            _merges.TryAdd(Pair(lookup[merge.AsSpan(0, space)], lookup[merge.AsSpan(space + 1)]), ((uint)rank, ids[merged]));
        }
    }

    /// <summary>Appends the tokens of a piece.</summary>
    public void Encode(ReadOnlySpan<char> piece, List<int> ids)
    {
        byte[] utf8 = new byte[Encoding.UTF8.GetByteCount(piece)];
        Encoding.UTF8.GetBytes(piece, utf8);
        Symbol[] symbols = new Symbol[utf8.Length];
        int count = 0;
        foreach (byte value in utf8)
        {
            if (_byteIds[value] >= 0)
                symbols[count++] = new() { Length = 1, Id = _byteIds[value] };
        }

        MergeLoop.Run(symbols.AsSpan(0, count), this);
        foreach (ref readonly Symbol symbol in symbols.AsSpan(0, count))
        {
            if (symbol.Length > 0)
                ids.Add(symbol.Id);
        }
    }

    /// <inheritdoc/>
    public bool TryMerge(in Symbol left, in Symbol right, out uint rank, out int id)
    {
        bool found = _merges.TryGetValue(Pair(left.Id, right.Id), out (uint Rank, int Id) merge);
        (rank, id) = merge;
        return found;
    }

    private static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;
}

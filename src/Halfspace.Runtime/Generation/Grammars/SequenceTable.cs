namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Numbers sequences of integers in the order in which they come, each once. Keeps its memory when cleared.</summary>
internal sealed class SequenceTable
{
    private int[] _data = new int[256];
    private int[] _ends = new int[32];
    private int[] _slots = new int[128];

    public int Count { get; private set; }

    public ReadOnlySpan<int> this[int index] => _data.AsSpan(Start(index), _ends[index] - Start(index));

    /// <summary>The sequence's number, which is <see cref="Count"/> before the call if it is new.</summary>
    public int Intern(ReadOnlySpan<int> sequence)
    {
        int slot = Find(sequence);
        if (_slots[slot] > 0) return _slots[slot] - 1;
        if (Count == _ends.Length)
        {
            Array.Resize(ref _ends, 2 * Count);
            _slots = new int[4 * _ends.Length];
            for (int i = 0; i < Count; i++) _slots[Find(this[i])] = i + 1;
            slot = Find(sequence);
        }

        int start = Start(Count);
        while (start + sequence.Length > _data.Length) Array.Resize(ref _data, 2 * _data.Length);
        sequence.CopyTo(_data.AsSpan(start));
        _ends[Count] = start + sequence.Length;
        _slots[slot] = ++Count;
        return Count - 1;
    }

    public void Clear()
    {
        Array.Clear(_slots);
        Count = 0;
    }

    private int Start(int index) => index == 0 ? 0 : _ends[index - 1];

    private int Find(ReadOnlySpan<int> sequence)
    {
        uint hash = (uint)sequence.Length;
        foreach (int item in sequence) hash = (hash ^ (uint)item) * 0x9E3779B1u;
        int mask = _slots.Length - 1, slot = (int)((hash ^ (hash >> 15)) & (uint)mask);
        while (_slots[slot] > 0 && !this[_slots[slot] - 1].SequenceEqual(sequence)) slot = (slot + 1) & mask;
        return slot;
    }
}

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Numbers triples in the order in which they come, each once. Keeps its memory when cleared.</summary>
internal sealed class TripleTable
{
    private (int A, int B, int C)[] _items = new (int, int, int)[64];
    private int[] _slots = new int[128];

    public int Count { get; private set; }

    public (int A, int B, int C) this[int index] => _items[index];

    /// <summary>The triple's number, which is <see cref="Count"/> before the call if it is new.</summary>
    public int Intern(int a, int b, int c)
    {
        int slot = Find(a, b, c);
        if (_slots[slot] > 0) return _slots[slot] - 1;
        if (Count == _items.Length)
        {
            Grow();
            slot = Find(a, b, c);
        }

        _items[Count] = (a, b, c);
        _slots[slot] = ++Count;
        return Count - 1;
    }

    public void Clear()
    {
        if (Count == 0) return;
        Array.Clear(_slots);
        Count = 0;
    }

    private int Find(int a, int b, int c)
    {
        uint hash = ((uint)a * 0x9E3779B1u) ^ ((uint)b * 0x85EBCA77u) ^ ((uint)c * 0xC2B2AE3Du);
        int mask = _slots.Length - 1, slot = (int)((hash ^ (hash >> 15)) & (uint)mask);
        while (_slots[slot] > 0 && _items[_slots[slot] - 1] != (a, b, c)) slot = (slot + 1) & mask;
        return slot;
    }

    private void Grow()
    {
        Array.Resize(ref _items, 2 * _items.Length);
        _slots = new int[2 * _items.Length];
        for (int i = 0; i < Count; i++)
        {
            (int a, int b, int c) = _items[i];
            _slots[Find(a, b, c)] = i + 1;
        }
    }
}

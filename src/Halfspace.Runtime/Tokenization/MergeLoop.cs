namespace Halfspace.Runtime.Tokenization;

/// <summary>A stretch of text that merging treats as one; symbols of a text form a doubly linked list over an array.</summary>
internal struct Symbol
{
    /// <summary>Where its text begins.</summary>
    public int Start;

    /// <summary>The length of its text; 0 once it was merged into its left neighbour.</summary>
    public int Length;

    /// <summary>Its token, or −1.</summary>
    public int Id;

    /// <summary>The index of its left neighbour, or −1.</summary>
    public int Previous;

    /// <summary>The index of its right neighbour, or −1.</summary>
    public int Next;
}

/// <summary>Says which neighbours may merge.</summary>
internal interface IMergeRules
{
    /// <summary>Whether the two symbols form a token.</summary>
    /// <param name="left">A symbol.</param>
    /// <param name="right">Its right neighbour.</param>
    /// <param name="rank">The order of the merge; lower goes first.</param>
    /// <param name="id">The token they form.</param>
    bool TryMerge(in Symbol left, in Symbol right, out uint rank, out int id);
}

/// <summary>Byte pair encoding of one text: of all merges possible the one of the lowest rank is done, the leftmost on a tie,
/// until there is none. O(n log n).</summary>
internal static class MergeLoop
{
    /// <summary>Merges symbols in place.</summary>
    /// <param name="symbols">One a character or byte, not linked yet; afterwards those of <see cref="Symbol.Length"/> 0 are gone.</param>
    /// <param name="rules">What may merge.</param>
    public static void Run<TRules>(Span<Symbol> symbols, TRules rules)
        where TRules : IMergeRules, allows ref struct
    {
        List<(Merge, ulong)> first = new(symbols.Length);
        for (int i = 0; i < symbols.Length; i++)
        {
            symbols[i].Previous = i - 1;
            symbols[i].Next = i + 1 < symbols.Length ? i + 1 : -1;
            if (i > 0 && Candidate(symbols, i - 1, rules, out Merge merge, out ulong order))
                first.Add((merge, order));
        }

        PriorityQueue<Merge, ulong> queue = new(first);
        while (queue.TryDequeue(out Merge merge, out _))
        {
            ref Symbol left = ref symbols[merge.Left];
            if (left.Length == 0 || left.Next < 0)
                continue;
            ref Symbol right = ref symbols[left.Next];
            if (left.Length + right.Length != merge.Length)
                continue; // one of the two has merged with another since
            left.Length = merge.Length;
            left.Id = merge.Id;
            left.Next = right.Next;
            right.Length = 0;
            if (left.Next >= 0)
            {
                symbols[left.Next].Previous = merge.Left;
                if (Candidate(symbols, merge.Left, rules, out Merge next, out ulong order))
                    queue.Enqueue(next, order);
            }

            if (left.Previous >= 0 && Candidate(symbols, left.Previous, rules, out Merge previous, out ulong earlier))
                queue.Enqueue(previous, earlier);
        }
    }

    private static bool Candidate<TRules>(Span<Symbol> symbols, int index, TRules rules, out Merge merge, out ulong order)
        where TRules : IMergeRules, allows ref struct
    {
        ref Symbol left = ref symbols[index];
        ref Symbol right = ref symbols[left.Next];
        bool found = rules.TryMerge(left, right, out uint rank, out int id);
        merge = new(index, left.Length + right.Length, id);
        order = ((ulong)rank << 32) | (uint)index;
        return found;
    }

    private readonly record struct Merge(int Left, int Length, int Id);
}

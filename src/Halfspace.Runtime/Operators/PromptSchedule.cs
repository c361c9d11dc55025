namespace Halfspace.Runtime.Operators;

/// <summary>
/// The order in which threads take a layer's work on many rows: KV heads append, their rows attend step by step, and after each step the head's index takes
/// in what was appended. No step waits for all heads: what an item needs stands before it, and has mostly ended when its turn comes.
/// </summary>
/// <remarks>Items are taken in order, so the first that has not ended needs nothing but what has: no thread waits for ever, however few there are.</remarks>
internal sealed class PromptSchedule
{
    private readonly List<Item> _items = [];
    private readonly Head[] _heads;
    private int _next;

    /// <param name="heads">KV heads.</param>
    public PromptSchedule(int heads)
    {
        _heads = new Head[heads];
        for (int h = 0; h < heads; h++) _heads[h] = new Head();
    }

    /// <summary>What an item does.</summary>
    public enum Kind
    {
        /// <summary>Rotates a head's rows and appends keys and values.</summary>
        Append,

        /// <summary>Some rows attend.</summary>
        Attend,

        /// <summary>The head's index takes in what its rows have attended to.</summary>
        Advance,
    }

    /// <summary>Forgets the last layer's items; every head's rows are to be appended.</summary>
    public void Begin()
    {
        _items.Clear();
        _next = -1;
        for (int h = 0; h < _heads.Length; h++)
        {
            _heads[h].Reset();
            _items.Add(new Item(Kind.Append, h, 0, 0, 0, 0, 0));
        }
    }

    /// <summary>Adds a step: rows attend, and the indexes take them in.</summary>
    /// <param name="first">Its first row.</param>
    /// <param name="end">The row after its last.</param>
    /// <param name="tile">Rows of an item.</param>
    /// <param name="members">Query heads of an item.</param>
    /// <param name="group">Query heads of a KV head, a multiple of it.</param>
    public void AddStep(int first, int end, int tile, int members, int group)
    {
        int tiles = (end - first + tile - 1) / tile;
        for (int h = 0; h < _heads.Length; h++)
        {
            Head head = _heads[h];
            head.Steps++;
            head.Items += tiles * (group / members);
            // The last tiles see the most keys: they start first, so that the threads end together.
            for (int t = tiles - 1; t >= 0; t--)
                for (int m = 0; m < group; m += members)
                    _items.Add(new Item(Kind.Attend, h, m, members, first + (t * tile), Math.Min(end, first + ((t + 1) * tile)), head.Steps));
        }
        for (int h = 0; h < _heads.Length; h++) _items.Add(new Item(Kind.Advance, h, 0, 0, first, end, _heads[h].Items));
    }

    /// <summary>Takes the next item, when what it needs has ended.</summary>
    /// <returns>False if none is left.</returns>
    public bool TryTake(out Item item)
    {
        int next = Interlocked.Increment(ref _next);
        item = next < _items.Count ? _items[next] : default;
        if (next >= _items.Count) return false;
        Head head = _heads[item.Head];
        SpinWait wait = default;
        // Without its sleep of a millisecond, longer than most items take.
        while (!head.IsReady(in item)) wait.SpinOnce(sleep1Threshold: -1);
        return true;
    }

    /// <summary>Says that an item has ended.</summary>
    public void End(in Item item) => _heads[item.Head].End(in item);

    /// <summary>One item.</summary>
    /// <param name="Kind">What it does.</param>
    /// <param name="Head">The KV head.</param>
    /// <param name="Member">The first of the query heads that attend.</param>
    /// <param name="Members">How many there are.</param>
    /// <param name="First">The first row.</param>
    /// <param name="End">The row after the last.</param>
    /// <param name="After">How many of the head's items of the other kind must have ended.</param>
    public readonly record struct Item(Kind Kind, int Head, int Member, int Members, int First, int End, int After);

    private sealed class Head
    {
        private int _extended, _attended;

        /// <summary>Steps planned.</summary>
        public int Steps { get; set; }

        /// <summary>Items planned in which rows attend.</summary>
        public int Items { get; set; }

        public void Reset() => (Steps, Items, _extended, _attended) = (0, 0, 0, 0);

        public bool IsReady(in Item item) => item.Kind switch
        {
            Kind.Append => true,
            Kind.Attend => Volatile.Read(ref _extended) >= item.After,
            _ => Volatile.Read(ref _attended) >= item.After,
        };

        public void End(in Item item)
        {
            if (item.Kind == Kind.Attend) Interlocked.Increment(ref _attended);
            else Interlocked.Increment(ref _extended);
        }
    }
}

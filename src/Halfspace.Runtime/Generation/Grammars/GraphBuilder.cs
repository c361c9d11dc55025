using System.Text;

namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>Builds a grammar's graph from its end to its begin: each method takes the node that follows and returns the first of its own.</summary>
internal sealed class GraphBuilder
{
    /// <summary>More nodes than any schema in earnest needs.</summary>
    private const int MostNodes = 400_000;

    private readonly List<GrammarNode> _nodes = [];
    private readonly List<ByteSet> _sets = [];
    private readonly Dictionary<ByteSet, int> _setIndices = [];

    /// <summary>Ends a part.</summary>
    public int Return() => Add(new(GrammarNodeKind.Return, 0, 0, 0, 0, null));

    public int Bytes(ByteSet set, int next)
    {
        if (!_setIndices.TryGetValue(set, out int index))
        {
            _setIndices[set] = index = _sets.Count;
            _sets.Add(set);
        }

        return Add(new(GrammarNodeKind.Bytes, next, index, 0, 0, null));
    }

    /// <summary>A text as it is.</summary>
    public int Literal(string text, int next) => Literal(Encoding.UTF8.GetBytes(text), next);

    public int Literal(ReadOnlySpan<byte> bytes, int next)
    {
        for (int i = bytes.Length - 1; i >= 0; i--) next = Bytes(ByteSet.Of(bytes[i]), next);
        return next;
    }

    /// <summary>Any of several nodes; none is a dead end, which nothing leads to.</summary>
    public int Split(params int[] choices) => choices.Length == 1 ? choices[0] : Add(new(GrammarNodeKind.Split, 0, 0, 0, 0, choices));

    /// <summary>What follows may also come at once.</summary>
    public int Optional(int begin, int next) => Split(begin, next);

    public int Call(int part, int next) => Add(new(GrammarNodeKind.Call, next, part, 0, 0, null));

    /// <summary>A part a number of times.</summary>
    /// <param name="part">The first node of the part, which ends with a return.</param>
    /// <param name="least">The fewest times.</param>
    /// <param name="most">The most times, or −1.</param>
    /// <param name="next">What follows.</param>
    public int Repeat(int part, int least, int most, int next) =>
        most >= 0 && least > most ? Split() : Add(new(GrammarNodeKind.Repeat, next, part, least, most, null));

    /// <summary>Any text, which may end anywhere, up to a mark within it.</summary>
    /// <param name="mark">ASCII.</param>
    /// <param name="after">What follows the mark.</param>
    /// <param name="end">What follows where the text ends.</param>
    public int TextBefore(string mark, int after, int end)
    {
        int[] matched = [.. mark.Select(_ => Promise())];
        for (int i = 0; i < matched.Length; i++)
        {
            ByteSet[] leads = new ByteSet[i + 2];
            for (int value = 0; value < 256; value++)
            {
                // The longest begin of the mark that the text ends with after one more byte.
                string text = mark[..i] + (char)value;
                int length = Enumerable.Range(0, i + 2).Last(n => text.EndsWith(mark[..n], StringComparison.Ordinal));
                leads[length] |= ByteSet.Of((byte)value);
            }

            int next = i + 1 < matched.Length ? matched[i + 1] : after;
            Keep(matched[i], [end, .. leads.Select((set, length) => Bytes(set, length > i ? next : matched[length]))]);
        }

        return matched[0];
    }

    /// <summary>Another grammar's texts.</summary>
    public int Include(GrammarGraph other, int next)
    {
        int offset = _nodes.Count;
        for (int i = 0; i < other.Count; i++)
        {
            GrammarNode node = other[i];
            if (node.Kind == GrammarNodeKind.Bytes) Bytes(other.Set(i), node.Next + offset);
            else Add(node with { Next = node.Next + offset, Target = node.Target + offset, Choices = node.Choices is null ? null : [.. node.Choices.Select(c => c + offset)] });
        }

        return Call(other.Start + offset, next);
    }

    /// <summary>A node whose own node is known later, for parts that contain themselves.</summary>
    public int Promise() => Add(new(GrammarNodeKind.Split, 0, 0, 0, 0, []));

    /// <summary>Says what a promised node leads to.</summary>
    public void Keep(int promise, params int[] choices) => _nodes[promise] = _nodes[promise] with { Choices = choices };

    public GrammarGraph Build(int start) => new([.. _nodes], [.. _sets], start);

    private int Add(GrammarNode node)
    {
        if (_nodes.Count == MostNodes) throw new ModelException("The schema is too large to generate by; make it smaller or simpler.");
        _nodes.Add(node);
        return _nodes.Count - 1;
    }
}

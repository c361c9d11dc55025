namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>A grammar over bytes: nodes, and where texts begin. Immutable.</summary>
internal sealed class GrammarGraph(GrammarNode[] nodes, ByteSet[] sets, int start)
{
    /// <summary>The first node.</summary>
    public int Start { get; } = start;

    public int Count => nodes.Length;

    public ref readonly GrammarNode this[int node] => ref nodes[node];

    /// <summary>The bytes that a node takes.</summary>
    public ref readonly ByteSet Set(int node) => ref sets[nodes[node].Target];

    /// <summary>Which nodes can go on to their part's end if only some bytes can be written one by one. A text that keeps to these nodes can
    /// always be completed.</summary>
    public bool[] Productive(ByteSet available)
    {
        bool[] productive = new bool[nodes.Length];
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = 0; i < nodes.Length; i++)
            {
                if (productive[i] || !IsProductive(in nodes[i], productive, available)) continue;
                productive[i] = changed = true;
            }
        }

        return productive;
    }

    private bool IsProductive(in GrammarNode node, bool[] productive, ByteSet available) => node.Kind switch
    {
        GrammarNodeKind.Return => true,
        GrammarNodeKind.Split => Array.Exists(node.Choices!, choice => productive[choice]),
        GrammarNodeKind.Bytes => productive[node.Next] && !(sets[node.Target] & available).IsEmpty,
        GrammarNodeKind.Call => productive[node.Next] && productive[node.Target],
        _ => productive[node.Next] && (node.Least == 0 || productive[node.Target]),
    };
}

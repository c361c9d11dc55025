namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>What a node of a grammar's graph does.</summary>
internal enum GrammarNodeKind : byte
{
    /// <summary>Takes a byte of a set and goes on.</summary>
    Bytes,

    /// <summary>Goes on at any of several nodes.</summary>
    Split,

    /// <summary>Goes through another part of the graph up to its return, and then on.</summary>
    Call,

    /// <summary>Like a call, a number of times.</summary>
    Repeat,

    /// <summary>Ends the part that was called, or the text.</summary>
    Return,
}

/// <summary>A node of a grammar's graph, which is a recursive transition network over bytes.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Next">Where it goes on.</param>
/// <param name="Target">Call, Repeat: the part's first node. Bytes: the set's index.</param>
/// <param name="Least">Repeat: the fewest times.</param>
/// <param name="Most">Repeat: the most times, or −1.</param>
/// <param name="Choices">Split: where it may go on.</param>
internal readonly record struct GrammarNode(GrammarNodeKind Kind, int Next, int Target, int Least, int Most, int[]? Choices);

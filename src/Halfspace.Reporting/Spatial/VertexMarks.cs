namespace Halfspace.Reporting.Spatial;

/// <summary>Vertices that a walk has seen, and those it has still to go on from; a reader's, reused.</summary>
internal sealed class VertexMarks
{
    private int[] _seen = [];
    private int _walk;

    public Stack<int> Pending { get; } = new();

    /// <summary>Forgets all marks, of vertices below <paramref name="count"/>.</summary>
    public void Begin(int count)
    {
        if (_seen.Length < count || _walk == int.MaxValue) (_seen, _walk) = (new int[count], 0);
        _walk++;
        Pending.Clear();
    }

    /// <summary>True the first time.</summary>
    public bool TryMark(int vertex)
    {
        if (_seen[vertex] == _walk) return false;
        _seen[vertex] = _walk;
        return true;
    }
}

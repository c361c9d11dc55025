namespace Halfspace.Reporting.Trees;

/// <summary>A node: the points at positions Start .. End−1 of the tree's order.</summary>
/// <param name="Start">Its first position.</param>
/// <param name="End">Behind its last position.</param>
/// <param name="Child">Its first child; children are consecutive and come after their parent.</param>
/// <param name="Children">How many; 0 for a leaf.</param>
/// <param name="Crossed">How many of the children's regions one hyperplane can cross at most.</param>
internal readonly record struct Cell(int Start, int End, int Child, int Children, int Crossed)
{
    public const int Ints = 5;

    public int Size => End - Start;
}

namespace Halfspace.Reporting.Tests;

/// <summary>Files whose checksums are right and whose cells would send a walk astray: each is refused, with a sentence that says why.</summary>
public sealed class HostileTreeTests
{
    // docs/reporting-format.md: section 66, five ints a cell.
    private const int Cells = 66, Ints = 5, Start = 0, End = 1, Child = 2, Children = 3, Crossed = 4;
    private const int Points = 400;

    public static TheoryData<string> Trees => ["partition tree", "k-d tree", "ball tree"];

    [Theory, MemberData(nameof(Trees))]
    public void A_chain_that_would_run_deep_is_refused(string name)
    {
        IndexFile file = Saved(name);
        Span<int> cells = file.Ints(Cells);
        int count = cells.Length / Ints, last = 0;
        Assert.InRange(count, 9, int.MaxValue);
        cells.Clear();
        Set(cells, 0, 0, Points);

        // Each cell gives one point to a leaf and all others to the next link; with an even number the last link has three leaves.
        for (int next = 1, start = 0; next < count; start++)
        {
            int children = count - next == 3 ? 3 : 2;
            (cells[(last * Ints) + Child], cells[(last * Ints) + Children]) = (next, children);
            for (int c = 0; c < children; c++) Set(cells, next + c, start + c, c + 1 == children ? Points : start + c + 1);
            next += children;
            last = next - 1;
        }

        Refused(file, name, "its tree is too deep: cell 2 has more than three quarters of the points of cell 0");
    }

    [Theory, MemberData(nameof(Trees))]
    public void A_cell_that_is_its_own_child_is_refused(string name) => Changed(name, Child, 0, "from cell 0 on where at least two are due from cell 1 on");

    [Theory, MemberData(nameof(Trees))]
    public void Children_outside_the_tree_are_refused(string name)
    {
        foreach (int child in (int[])[-1, int.MinValue, int.MaxValue, 2]) Changed(name, Child, child, $"from cell {child} on where");
        foreach (int children in (int[])[-1, int.MinValue, int.MaxValue, 1]) Changed(name, Children, children, $"cell 0 has {children} children");
    }

    [Theory, MemberData(nameof(Trees))]
    public void A_cell_beyond_the_points_is_refused(string name)
    {
        foreach (int end in (int[])[-1, int.MinValue, int.MaxValue, Points + 1]) Changed(name, End, end, "its first cell is not all of its 400 points");
        Changed(name, Start, 1, "its first cell is not all of its 400 points");
        foreach (int crossed in (int[])[-1, int.MaxValue]) Changed(name, Crossed, crossed, $"a plane would cross {crossed}");
    }

    /// <summary>Two cells that name each other would be walked for ever.</summary>
    [Theory, MemberData(nameof(Trees))]
    public void A_circle_is_refused(string name)
    {
        IndexFile file = Saved(name);
        Span<int> cells = file.Ints(Cells);
        int inner = cells[Child];
        while (cells[(inner * Ints) + Children] == 0) inner++;
        cells[(inner * Ints) + Child] = 0;
        Refused(file, name, $"cell {inner} has ");
    }

    [Theory, MemberData(nameof(Trees))]
    public void Children_that_overlap_or_leave_a_gap_are_refused(string name)
    {
        foreach (int by in (int[])[-1, 1])
        {
            IndexFile file = Saved(name);
            Span<int> cells = file.Ints(Cells);
            cells[(cells[Child] * Ints) + End] += by;
            Refused(file, name, "the children of cell 0 do not divide its points");
        }
    }

    private static void Changed(string name, int field, int value, string reason)
    {
        IndexFile file = Saved(name);
        file.Ints(Cells)[field] = value;
        Refused(file, name, reason);
    }

    private static void Refused(IndexFile file, string name, string reason)
    {
        file.Seal();
        using Oracle.TemporaryFile saved = new();
        File.WriteAllBytes(saved.Path, file.Bytes);
        string message = Assert.Throws<InvalidDataException>(() => Structures.Load(name, saved.Path)).Message;
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.Contains("is not a usable Halfspace index", message, StringComparison.Ordinal);
        Assert.EndsWith("Save the index again.", message, StringComparison.Ordinal);
    }

    private static IndexFile Saved(string name)
    {
        using HalfspaceIndex index = Structures.Build(name, PointSet.From(CellTreeTests.Gaussian(Points, 2, 1), 2));
        return IndexFile.Of(index);
    }

    private static void Set(Span<int> cells, int cell, int start, int end)
    {
        cells[(cell * Ints) + Start] = start;
        cells[(cell * Ints) + End] = end;
    }
}

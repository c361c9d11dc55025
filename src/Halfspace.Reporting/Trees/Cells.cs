using System.Runtime.InteropServices;
using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting.Trees;

/// <summary>A tree over an order of the rows. Cell 0 is the root; there is one also without points.</summary>
internal sealed class Cells
{
    private readonly Cell[] _cells;
    private readonly int[] _order;

    private Cells(Cell[] cells, int[] order)
    {
        _cells = cells;
        _order = order;
    }

    public ReadOnlySpan<Cell> All => _cells;

    /// <summary>Rows, cell after cell.</summary>
    public ReadOnlySpan<int> Order => _order;

    public ReadOnlySpan<int> RowsOf(Cell cell) => _order.AsSpan(cell.Start, cell.Size);

    public static Cells Build(int count, int leafSize, CellSplit split)
    {
        int[] order = new int[count];
        for (int i = 0; i < count; i++) order[i] = i;
        List<Cell> cells = [new(0, count, 0, 0, 0)];
        List<int> ends = [];
        for (int i = 0; i < cells.Count; i++)
        {
            Cell cell = cells[i];
            if (cell.Size <= leafSize) continue;
            ends.Clear();
            int crossed = split.Split(order.AsSpan(cell.Start, cell.Size), ends);
            if (ends.Count < 2) continue;
            cells[i] = cell with { Child = cells.Count, Children = ends.Count, Crossed = Math.Min(crossed, ends.Count) };
            int start = cell.Start;
            foreach (int end in ends)
            {
                cells.Add(new(start, cell.Start + end, 0, 0, 0));
                start = cell.Start + end;
            }
        }

        return new([.. cells], order);
    }

    public static Cells Read(IndexReader reader, int count)
    {
        int[] order = reader.Permutation(SectionId.Order, count);
        ReadOnlySpan<int> values = reader.Memory<int>(SectionId.Cells).Span;
        Cell[] cells = new Cell[values.Length / Cell.Ints];
        for (int i = 0; i < cells.Length; i++) cells[i] = MemoryMarshal.Cast<int, Cell>(values)[i];
        if (cells.Length == 0 || values.Length % Cell.Ints != 0 || cells[0].Start != 0 || cells[0].End != count)
            throw reader.Bad($"its first cell is not all of its {count} points");

        // Cells are in the order in which they were cut: each one's children follow those of the one before, so that no walk comes back.
        int next = 1;
        for (int i = 0; i < cells.Length; i++)
        {
            Cell cell = cells[i];
            if (cell.Children == 0) continue;
            if (cell.Child != next || next <= i || cell.Children < 2 || cell.Children > cells.Length - next)
                throw reader.Bad($"cell {i} has {cell.Children} children from cell {cell.Child} on where at least two are due from cell {next} on");
            if (cell.Crossed < 0 || cell.Crossed > cell.Children)
                throw reader.Bad($"of the {cell.Children} children of cell {i} a plane would cross {cell.Crossed}");
            CheckChildren(reader, cells, i);
            next += cell.Children;
        }

        return next == cells.Length ? new(cells, order) : throw reader.Bad($"cell {next} has no parent");
    }

    public void Write(IndexWriter writer)
    {
        writer.Add<int>(SectionId.Order, _order);
        writer.Add(SectionId.Cells, MemoryMarshal.Cast<Cell, int>(_cells));
    }

    /// <summary>At most so many points are in leaves whose regions one hyperplane crosses: by the cells' sizes, leaves first.</summary>
    public long CrossingBound()
    {
        long[] bounds = new long[_cells.Length];
        for (int i = _cells.Length - 1; i >= 0; i--)
        {
            Cell cell = _cells[i];
            if (cell.Children == 0)
            {
                bounds[i] = cell.Size;
                continue;
            }

            long[] children = bounds[cell.Child..(cell.Child + cell.Children)];
            Array.Sort(children);
            for (int c = children.Length - cell.Crossed; c < children.Length; c++) bounds[i] += children[c];
        }

        return bounds[0];
    }

    private static void CheckChildren(IndexReader reader, Cell[] cells, int parent)
    {
        Cell cell = cells[parent];
        int end = cell.Start;
        for (int c = cell.Child; c < cell.Child + cell.Children; c++)
        {
            if (cells[c].Start != end || cells[c].End <= end || cells[c].End > cell.End)
                throw reader.Bad($"the children of cell {parent} do not divide its points");
            if (cells[c].Size > cell.Size - (cell.Size / 4))
                throw reader.Bad($"its tree is too deep: cell {c} has more than three quarters of the points of cell {parent}");
            end = cells[c].End;
        }

        if (end != cell.End) throw reader.Bad($"the children of cell {parent} do not divide its points");
    }
}

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
        bool whole = cells.Length > 0 && values.Length % Cell.Ints == 0;
        int next = 1;
        for (int i = 0; i < cells.Length; i++) cells[i] = MemoryMarshal.Cast<int, Cell>(values)[i];
        whole = whole && cells[0] is { Start: 0 } && cells[0].End == count;

        // Cells are in the order in which they were cut: each one's children follow those of the one before, and divide its points. No
        // child has more than three quarters of them, so that a walk cannot run deep.
        for (int i = 0; whole && i < cells.Length; i++)
        {
            Cell cell = cells[i];
            if (cell.Children == 0) continue;
            whole = cell.Children > 1 && cell.Child == next && next > i && cell.Children <= cells.Length - next;
            whole = whole && cell.Crossed >= 0 && cell.Crossed <= cell.Children;
            int end = cell.Start;
            for (int c = next; whole && c < next + cell.Children; c++)
            {
                whole = cells[c].Start == end && cells[c].End > end && cells[c].End <= cell.End
                    && cells[c].Size <= cell.Size - (cell.Size / 4);
                end = cells[c].End;
            }

            whole = whole && end == cell.End;
            next += cell.Children;
        }

        return whole && next == cells.Length ? new(cells, order) : throw reader.Bad("its cells do not divide its points");
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
}

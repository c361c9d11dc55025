namespace Halfspace.Reporting.Storage;

/// <summary>A point log as sections: the first set as it is, all later rows as floats.</summary>
internal static class LogSections
{
    public static void AddLog(this IndexWriter writer, PointLog log)
    {
        int first = 0;
        if (log.Segments.Length > 0 && log.Segments[0].Buffer is null)
        {
            writer.AddPoints(log.Segments[0].Points);
            first = 1;
        }
        else
        {
            writer.Add<float>(SectionId.Floats, []);
        }

        writer.Begin<float>(SectionId.Appended);
        float[] row = new float[log.Dimension];
        for (int i = first; i < log.Segments.Length; i++)
        {
            PointSet points = log.Segments[i].Points;
            int rows = log.RowsOf(i);
            if (!points.IsHalf)
            {
                writer.Append(points.Floats[..(rows * log.Dimension)]);
                continue;
            }

            for (int r = 0; r < rows; r++)
            {
                points.CopyRow(r, row);
                writer.Append<float>(row);
            }
        }
    }

    public static PointLog Log(this IndexReader reader)
    {
        PointSet first = reader.Points();
        try
        {
            return new PointLog(first).Append(PointSet.From(reader.Memory<float>(SectionId.Appended), reader.Dimension));
        }
        catch (ArgumentException e)
        {
            throw reader.Bad($"its appended points are damaged ({e.Message})");
        }
    }
}

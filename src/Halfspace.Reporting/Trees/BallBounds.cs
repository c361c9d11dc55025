using Halfspace.Reporting.Storage;

namespace Halfspace.Reporting.Trees;

/// <summary>A ball about each cell: scores are in ⟨a,c⟩ ± ‖a‖r.</summary>
internal sealed class BallBounds : CellBounds
{
    private readonly int _dimension;

    // [cells × (d + 1)]: the centre, then the radius.
    private readonly ReadOnlyMemory<float> _balls;

    private BallBounds(int dimension, ReadOnlyMemory<float> balls)
    {
        _dimension = dimension;
        _balls = balls;
    }

    public override int BytesPerTest => sizeof(float) * (_dimension + 1);

    public override long Bytes => (long)sizeof(float) * _balls.Length;

    public static BallBounds Build(Cells cells, PointSet points)
    {
        int dim = points.Dimension;
        float[] balls = new float[checked(cells.All.Length * (dim + 1))];
        double[] centre = new double[dim];
        ReadOnlySpan<float> values = points.Widened().Span;
        for (int i = 0; i < cells.All.Length; i++)
        {
            ReadOnlySpan<int> rows = cells.RowsOf(cells.All[i]);
            Array.Clear(centre);
            foreach (int row in rows)
                for (int j = 0; j < dim; j++) centre[j] += values[(row * dim) + j];
            Span<float> ball = balls.AsSpan(i * (dim + 1), dim + 1);
            for (int j = 0; j < dim; j++) ball[j] = rows.IsEmpty ? 0 : (float)(centre[j] / rows.Length);

            // Any centre will do; the radius is measured from the one that is kept.
            double largest = 0;
            foreach (int row in rows)
            {
                double squares = 0;
                for (int j = 0; j < dim; j++)
                {
                    double difference = (double)values[(row * dim) + j] - ball[j];
                    squares += difference * difference;
                }

                largest = Math.Max(largest, squares);
            }

            ball[dim] = RoundUp(Math.Sqrt(largest) * (1 + ((dim + 8) * 2.3e-16)));
        }

        return new(dim, balls);
    }

    public static BallBounds Read(IndexReader reader, Cells cells) =>
        new(reader.Dimension, reader.Memory<float>(SectionId.CellBounds, (long)cells.All.Length * (reader.Dimension + 1)));

    public override CellQuery Prepare(ReadOnlySpan<float> query, double norm, ReportScratch scratch) =>
        new() { Query = query, Norm = norm };

    public override void Bracket(in CellQuery query, int first, Span<double> lower, Span<double> upper)
    {
        ReadOnlySpan<float> balls = _balls.Span;
        for (int i = 0; i < lower.Length; i++)
        {
            ReadOnlySpan<float> ball = balls.Slice((first + i) * (_dimension + 1), _dimension + 1);
            double score = 0, size = 0;
            for (int j = 0; j < query.Query.Length; j++)
            {
                double product = (double)query.Query[j] * ball[j];
                score += product;
                size += Math.Abs(product);
            }

            double reach = query.Norm * ball[_dimension];
            reach += PointTest.Slack(_dimension, size + reach);
            lower[i] = score - reach;
            upper[i] = score + reach;
        }
    }

    public override void Write(IndexWriter writer) => writer.Add(SectionId.CellBounds, _balls.Span);
}

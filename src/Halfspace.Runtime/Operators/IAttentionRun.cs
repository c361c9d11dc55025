namespace Halfspace.Runtime.Operators;

/// <summary>What the attention operator of a run of the graph calls: rows of one context, or one row of each of several.</summary>
internal unsafe interface IAttentionRun
{
    /// <summary>One layer's attention.</summary>
    /// <param name="context">ONNX Runtime's context of this call, for its threads.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="packed">Queries, keys and values of all heads, [rows, columns].</param>
    /// <param name="rows">Rows, at most as many as the run was begun with.</param>
    /// <param name="columns">(Hq + 2 Hkv) d.</param>
    /// <param name="output">[rows, Hq d].</param>
    void Execute(nint context, int layer, float* packed, int rows, int columns, float* output);

    /// <summary>The first exception of this run's operator calls, if any.</summary>
    Exception? Failure { get; }

    /// <summary>Keeps the first exception of the run.</summary>
    void Fail(Exception e);
}

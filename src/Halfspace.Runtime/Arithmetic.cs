namespace Halfspace.Runtime;

/// <summary>How the dense products of a quantised model are computed.</summary>
public enum Arithmetic
{
    /// <summary>Quantised weights times activations rounded to 8 bits a block: the fastest, and what generation uses.</summary>
    Quantised,

    /// <summary>
    /// Quantised weights times float activations: several times slower a token. For measuring what else changes a result, since rounding
    /// activations alone moves the next token's distribution. Weights of 8 bits keep rounded activations: ONNX Runtime has no fast kernel
    /// for them.
    /// </summary>
    FloatActivations,

    /// <summary>Dequantised weights and float activations: four times the memory, for comparing with a reference.</summary>
    Dequantised,
}

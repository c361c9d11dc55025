using System.Runtime.CompilerServices;

namespace Halfspace.Runtime.Gguf;

/// <summary>Room on the stack for one unpacked block of any type.</summary>
internal struct BlockBuffer
{
    public QuantArray Quants;
    public PartArray Scales, Minima;

    [InlineArray(256)]
    internal struct QuantArray
    {
        private byte _first;
    }

    [InlineArray(16)]
    internal struct PartArray
    {
        private float _first;
    }
}

namespace Halfspace.Kernels;

/// <summary>The bits of e^x as a float are x·2^23·log2(e) + 127·2^23, were the curve straight between powers of two.</summary>
internal static class ExponentialBits
{
    /// <summary>2^23·log2(e).</summary>
    public const double OfNat = 12102203.161561485;

    /// <summary>The bits of 1.</summary>
    public const double OfOne = 127.0 * (1 << 23);
}

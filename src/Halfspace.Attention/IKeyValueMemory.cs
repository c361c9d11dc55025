namespace Halfspace.Attention;

/// <summary>Where an exported <see cref="KeyValueCache"/> lies in memory, as a mapped file has it.</summary>
public interface IKeyValueMemory
{
    /// <summary>The first byte of block <paramref name="index"/>, as <see cref="KeyValueCache.ExportBlock"/> gave it, at a multiple of 64.</summary>
    nint Block(int index);

    /// <summary>What <see cref="HeadCache.ExportIndex"/> wrote for a head, at a multiple of 64; no bytes where there is no index to take over.
    /// Asked from several threads at once.</summary>
    (nint Address, long Bytes) Index(int layer, int head);
}

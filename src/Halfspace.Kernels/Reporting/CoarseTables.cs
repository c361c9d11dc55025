using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halfspace.Kernels.Reporting;

/// <summary>
/// Rows of queries made ready for coarse sums over the sketches of keys: of two coordinates' codes the upper three bits each are looked up together, in a
/// register of 64 bytes a pair of coordinates. One lookup and one addition serve 64 keys, a third of the work of products of bytes.
/// </summary>
/// <remarks>A sum u says ⟨p, ŷ⟩ ≈ step · unit · u, in a byte that saturates: about 0.15 of a score's deviation off where the unit is 5.5/127 of it, and never an
/// answer, but good enough to tell which keys to look at. Needs AVX-512 with VBMI. Reused; not thread-safe.</remarks>
public sealed class CoarseTables
{
    private const int Entries = 64, Keys = KeyBlocks.Keys, BlocksTogether = 4, Parts = 2;

    private sbyte[] _memory = [];
    private int _start, _codes, _rows, _padded;

    /// <summary>Whether this CPU has the instructions.</summary>
    public static bool IsSupported => Avx512Vbmi.IsSupported && Avx512BW.IsSupported;

    /// <summary>The rows.</summary>
    public int Count => _rows;

    private int RowBytes => _padded / 2 * Entries;

    private int PartBytes => _padded / 2 * BlocksTogether * Keys;

    /// <summary>Makes room for rows.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="padded">D.</param>
    public unsafe void Begin(int rows, int padded)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        if (padded <= 0 || padded % 8 != 0) throw new ArgumentOutOfRangeException(nameof(padded), padded, "D is a multiple of 8.");
        (_rows, _padded) = (rows, padded);
        _codes = checked(rows * RowBytes);
        int wanted = checked(_codes + (Parts * PartBytes) + Entries);
        if (_memory.Length >= wanted) return;
        _memory = GC.AllocateUninitializedArray<sbyte>(wanted, pinned: true);
        nuint address = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory));
        _start = (int)((0 - (nint)address) & (Entries - 1));
    }

    /// <summary>Sets a row.</summary>
    /// <param name="row">Which.</param>
    /// <param name="queries">Where its query is.</param>
    /// <param name="query">Which it is there.</param>
    /// <param name="wanted">What one of a sum is to stand for, in units of a key's step.</param>
    /// <returns>What it stands for: more than was wanted where a table would not fit into bytes otherwise.</returns>
    /// <exception cref="PlatformNotSupportedException">Not <see cref="IsSupported"/>.</exception>
    public float Set(int row, SketchQueries queries, int query, float wanted)
    {
        ArgumentNullException.ThrowIfNull(queries);
        if (!IsSupported) throw new PlatformNotSupportedException("Coarse tables need AVX-512 with VBMI.");
        if ((uint)row >= (uint)_rows || (uint)query >= (uint)queries.Count || queries.Padded != _padded)
            throw new ArgumentException($"Row {row} of {_rows} cannot be query {query} of {queries.Count}.");
        ReadOnlySpan<sbyte> codes = MemoryMarshal.Cast<int, sbyte>(queries.Words.AsSpan(query * (_padded / 4), _padded / 4));
        float scale = queries[query].Scale;
        // Two codes of at most 127, each times the 7 steps that the farthest level is from the middle, must fit into a byte.
        float unit = MathF.Max(wanted, 14 * scale);
        if (!(unit > 0)) unit = 1;
        Fill(ref _memory[_start + (row * RowBytes)], codes, scale / unit);
        return unit;
    }

    /// <summary>Writes the sums of all keys of blocks, for all rows.</summary>
    /// <param name="blocks">Whole blocks of <see cref="KeyBlocks"/>.</param>
    /// <param name="sums">Row r at r · <paramref name="stride"/>; 64 a block.</param>
    /// <param name="stride">At least 64 a block.</param>
    public void Sum(ReadOnlySpan<byte> blocks, Span<sbyte> sums, int stride)
    {
        int bytes = KeyBlocks.Bytes(_padded), count = blocks.Length / bytes;
        if (blocks.Length != count * bytes) throw new ArgumentException($"{blocks.Length} bytes are not whole blocks of {bytes}.", nameof(blocks));
        if (stride < count * Keys || sums.Length < ((_rows - 1) * (long)stride) + (count * Keys))
            throw new ArgumentException($"{_rows} rows need {count * Keys} sums each; there are {sums.Length} by {stride}.", nameof(sums));
        if (count == 0 || _rows == 0) return;
        Sum(ref MemoryMarshal.GetReference(blocks), count, bytes, ref MemoryMarshal.GetReference(sums), stride);
    }

    private static void Fill(ref sbyte table, ReadOnlySpan<sbyte> codes, float factor)
    {
        // Entry c + 8·h: code c of the first coordinate and h of the second, each the middle of two codes of four bits.
        Vector512<short> low = Vector512.Create(
            (short)-7, -5, -3, -1, 1, 3, 5, 7, -7, -5, -3, -1, 1, 3, 5, 7, -7, -5, -3, -1, 1, 3, 5, 7, -7, -5, -3, -1, 1, 3, 5, 7);
        Vector512<short> high = Vector512.Create(
            (short)-7, -7, -7, -7, -7, -7, -7, -7, -5, -5, -5, -5, -5, -5, -5, -5, -3, -3, -3, -3, -3, -3, -3, -3, -1, -1, -1, -1, -1, -1, -1, -1);
        // The factor is below 1/14: it and the products are 15 bits long.
        Vector512<short> by = Vector512.Create((short)MathF.Round(factor * 32768));
        for (int i = 0, at = 0; i < codes.Length; i += 8)
        {
            for (int j = i; j < i + 4; j++, at += Entries)
            {
                Vector512<short> second = Vector512.Create((short)codes[j + 4]);
                Vector512<short> entry = (low * Vector512.Create((short)codes[j])) + (high * second);
                Avx512BW.ConvertToVector256SByteWithSaturation(Avx512BW.MultiplyHighRoundScale(entry, by)).StoreUnsafe(ref table, (nuint)at);
                entry += second << 3;
                Avx512BW.ConvertToVector256SByteWithSaturation(Avx512BW.MultiplyHighRoundScale(entry, by)).StoreUnsafe(ref table, (nuint)(at + 32));
            }
        }
    }

    private void Sum(ref byte block, int count, int bytes, ref sbyte sums, int stride)
    {
        int pairs = _padded / 2, part = PartBytes;
        ref sbyte tables = ref _memory[_start];
        ref byte codes = ref Unsafe.As<sbyte, byte>(ref Unsafe.Add(ref tables, _codes));
        for (int first = 0; first < count; first += Parts * BlocksTogether)
        {
            int take = Math.Min(Parts * BlocksTogether, count - first), parts = (take + BlocksTogether - 1) / BlocksTogether;
            for (int b = 0; b < parts * BlocksTogether; b++)
            {
                // Blocks that are not there repeat the last.
                ref byte own = ref Unsafe.Add(ref block, (first + Math.Min(b, take - 1)) * bytes);
                Split(ref own, pairs, ref Unsafe.Add(ref codes, (b / BlocksTogether * part) + (b % BlocksTogether * Keys)));
            }
            ref sbyte to = ref Unsafe.Add(ref sums, first * Keys);
            for (int r = 0; r < _rows; r += 2)
            {
                // A row's table is near for all parts once it has been read for one.
                int other = Math.Min(r + 1, _rows - 1);
                ref sbyte one = ref Unsafe.Add(ref tables, r * RowBytes), two = ref Unsafe.Add(ref tables, other * RowBytes);
                for (int p = 0; p < parts; p++)
                {
                    int at = p * BlocksTogether * Keys;
                    Rows(ref Unsafe.Add(ref codes, p * part), pairs, ref one, ref two, ref Unsafe.Add(ref to, ((nint)r * stride) + at),
                        ref Unsafe.Add(ref to, ((nint)other * stride) + at), take - (p * BlocksTogether));
                }
            }
        }
    }

    // [pairs, 4, 64]: of each pair of coordinates the upper bits of both codes, key after key.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Split(ref byte block, int pairs, ref byte codes)
    {
        // Byte j of key i lies at 4·i + j: first the like bytes of a register's keys together.
        Vector512<byte> order = Vector512.Create(
            (byte)0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45, 49, 53, 57, 61,
            2, 6, 10, 14, 18, 22, 26, 30, 34, 38, 42, 46, 50, 54, 58, 62, 3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 43, 47, 51, 55, 59, 63);
        const int Step = BlocksTogether * Keys;
        for (int p = 0; p < pairs; p += 4, block = ref Unsafe.Add(ref block, 4 * Keys), codes = ref Unsafe.Add(ref codes, 4 * Step))
        {
            Vector512<ulong> a = Avx512Vbmi.PermuteVar64x8(Vector512.LoadUnsafe(ref block), order).AsUInt64();
            Vector512<ulong> b = Avx512Vbmi.PermuteVar64x8(Vector512.LoadUnsafe(ref block, Keys), order).AsUInt64();
            Vector512<ulong> c = Avx512Vbmi.PermuteVar64x8(Vector512.LoadUnsafe(ref block, 2 * Keys), order).AsUInt64();
            Vector512<ulong> d = Avx512Vbmi.PermuteVar64x8(Vector512.LoadUnsafe(ref block, 3 * Keys), order).AsUInt64();
            Vector512<ulong> ab = Avx512F.Shuffle4x128(a, b, 0x44), cd = Avx512F.Shuffle4x128(c, d, 0x44);
            Vector512<ulong> ba = Avx512F.Shuffle4x128(a, b, 0xEE), dc = Avx512F.Shuffle4x128(c, d, 0xEE);
            Upper(Avx512F.Shuffle4x128(ab, cd, 0x88)).StoreUnsafe(ref codes);
            Upper(Avx512F.Shuffle4x128(ab, cd, 0xDD)).StoreUnsafe(ref codes, Step);
            Upper(Avx512F.Shuffle4x128(ba, dc, 0x88)).StoreUnsafe(ref codes, 2 * Step);
            Upper(Avx512F.Shuffle4x128(ba, dc, 0xDD)).StoreUnsafe(ref codes, 3 * Step);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Upper(Vector512<ulong> codes) =>
        (((codes >>> 1) & Vector512.Create(0x0707070707070707UL)) | ((codes >>> 2) & Vector512.Create(0x3838383838383838UL))).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Rows(ref byte codes, int pairs, ref sbyte first, ref sbyte second, ref sbyte to, ref sbyte also, int blocks)
    {
        Vector512<sbyte> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        for (int p = 0; p < pairs; p++)
        {
            Vector512<sbyte> one = Vector512.LoadUnsafe(ref first, (nuint)(p * Entries)), two = Vector512.LoadUnsafe(ref second, (nuint)(p * Entries));
            ref sbyte own = ref Unsafe.As<byte, sbyte>(ref Unsafe.Add(ref codes, p * BlocksTogether * Keys));
            Vector512<sbyte> c = Vector512.LoadUnsafe(ref own);
            a0 = Avx512BW.AddSaturate(a0, Avx512Vbmi.PermuteVar64x8(one, c));
            b0 = Avx512BW.AddSaturate(b0, Avx512Vbmi.PermuteVar64x8(two, c));
            c = Vector512.LoadUnsafe(ref own, Keys);
            a1 = Avx512BW.AddSaturate(a1, Avx512Vbmi.PermuteVar64x8(one, c));
            b1 = Avx512BW.AddSaturate(b1, Avx512Vbmi.PermuteVar64x8(two, c));
            c = Vector512.LoadUnsafe(ref own, 2 * Keys);
            a2 = Avx512BW.AddSaturate(a2, Avx512Vbmi.PermuteVar64x8(one, c));
            b2 = Avx512BW.AddSaturate(b2, Avx512Vbmi.PermuteVar64x8(two, c));
            c = Vector512.LoadUnsafe(ref own, 3 * Keys);
            a3 = Avx512BW.AddSaturate(a3, Avx512Vbmi.PermuteVar64x8(one, c));
            b3 = Avx512BW.AddSaturate(b3, Avx512Vbmi.PermuteVar64x8(two, c));
        }

        a0.StoreUnsafe(ref to);
        b0.StoreUnsafe(ref also);
        if (blocks < 2) return;
        a1.StoreUnsafe(ref to, Keys);
        b1.StoreUnsafe(ref also, Keys);
        if (blocks < 3) return;
        a2.StoreUnsafe(ref to, 2 * Keys);
        b2.StoreUnsafe(ref also, 2 * Keys);
        if (blocks < 4) return;
        a3.StoreUnsafe(ref to, 3 * Keys);
        b3.StoreUnsafe(ref also, 3 * Keys);
    }
}

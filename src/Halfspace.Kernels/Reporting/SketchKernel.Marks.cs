using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Halfspace.Kernels.Lanes;

namespace Halfspace.Kernels.Reporting;

internal sealed partial class SketchKernel<TLane, T>
{
    private protected override void FindCore(
        ReadOnlySpan<byte> blocks, int count, SketchQueries queries, Span<ulong> inside, Span<ulong> doubt, int stride) =>
        Run<Bytes, Marks>(blocks, count, queries, new()
        {
            Inside = ref MemoryMarshal.GetReference(inside),
            Doubt = ref MemoryMarshal.GetReference(doubt),
            Stride = stride,
        });

    private protected override int CompactCore(ReadOnlySpan<float> values, float least, int first, Span<int> places)
    {
        ref float v = ref MemoryMarshal.GetReference(values);
        T border = Float(least);
        int found = 0;
        for (int i = 0; i < values.Length; i += Points)
        {
            ulong marks = 0;
            for (int at = 0; at < Points; at += TLane.Width) marks |= Mark(TLane.LoadFloats(ref v, i + at), border) << at;
            found += NamesCore([marks], first + i, places[found..]);
        }

        return found;
    }

    private protected override int NamesCore(ReadOnlySpan<ulong> marks, int first, Span<int> names)
    {
        ref int to = ref MemoryMarshal.GetReference(names);
        int found = 0;
        foreach (ulong word in marks)
        {
            found += TLane.StoreIndices(word, first, ref Unsafe.Add(ref to, found));
            first += Points;
        }

        return found;
    }

    // A bit for each float that is at least its border.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mark(T floats, T least) => TLane.Marks(TLane.AtLeast(floats, least));

    private readonly struct Marks : IFinish
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Factors Shared(ref byte factors, int slot)
        {
            ref ushort scales = ref Unsafe.Add(ref Unsafe.As<byte, ushort>(ref factors), slot);
            ref float most = ref Unsafe.As<byte, float>(ref Unsafe.Add(ref factors, SketchBlocks.ScaleBytes));
            return new()
            {
                A = TLane.LoadUpper(ref scales, 0),
                B = TLane.LoadUpper(ref scales, TLane.Width),
                C = TLane.LoadUpper(ref scales, 2 * TLane.Width),
                D = TLane.LoadUpper(ref scales, 3 * TLane.Width),
                Residual = most,
                Norm = Unsafe.Add(ref most, 1),
                Scale = Unsafe.Add(ref most, 2),
            };
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Write(
            T a, T b, T c, T d, in Factors shared, ref byte factors, int slot, ref SketchQueries.Terms terms, int block, int query, in Output output)
        {
            float off = (terms.Reach * shared.Residual) + (terms.Error * shared.Norm) + (terms.Slack * shared.Scale);
            T border = Float(terms.Border), above = Float(off), below = Float(-off);
            (a, b, c, d) = (Above(a, shared.A, border), Above(b, shared.B, border), Above(c, shared.C, border), Above(d, shared.D, border));
            ulong inside = Word(Mark(a, above), Mark(b, above), Mark(c, above), Mark(d, above));
            ulong doubt = Word(Mark(a, below), Mark(b, below), Mark(c, below), Mark(d, below)) & ~inside;
            int at = block + (query * output.Stride);
            ref ulong insides = ref Unsafe.Add(ref output.Inside, at), doubts = ref Unsafe.Add(ref output.Doubt, at);
            if (slot == 0) (insides, doubts) = (inside, doubt);
            else (insides, doubts) = (insides | (inside << slot), doubts | (doubt << slot));
        }

        // dot − border·scale.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static T Above(T dots, T scale, T border) => TLane.SubtractProductFloats(TLane.ToFloat(dots), border, scale);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static ulong Word(ulong a, ulong b, ulong c, ulong d) =>
            a | (b << TLane.Width) | (c << (2 * TLane.Width)) | (d << (3 * TLane.Width));
    }
}

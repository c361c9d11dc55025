using System.Buffers.Binary;
using System.Text;

namespace Halfspace.Runtime.Gguf;

/// <summary>
/// Walks a GGUF header front to back. Nothing is read, and no length is believed, before it is checked against the bytes that remain.
/// The subject (which entry is being read) is kept as parts and becomes a sentence only when something is wrong.
/// </summary>
internal unsafe struct GgufReader(string file, byte* start, long length)
{
    private const string Mend = "the file is truncated or damaged, so fetch or convert it again";

    private string _subject = "the header";
    private long _index = -1;

    public long Position { get; set; }

    public readonly long Length => length;

    public readonly long Remaining => length - Position;

    /// <summary>What the following fields belong to, such as the seventh "tensor"; its name is added once it is known.</summary>
    public void Enter(string subject, long index)
    {
        _subject = subject;
        _index = index;
    }

    /// <summary>The name of what is being read, for errors.</summary>
    public string? Named { get; set; }

    public readonly GgufException Fail(string field, string problem, string mend = Mend)
    {
        string subject = Named is not null ? $"{_subject} {GgufText.Quote(Named)}"
            : _index >= 0 ? $"{_subject} {GgufText.Number(_index)} (counted from 0)" : _subject;
        return new GgufException($"{file}: {field} of {subject} {problem}; {mend}.");
    }

    public uint UInt32(string field) => BinaryPrimitives.ReadUInt32LittleEndian(Take(field, sizeof(uint)));

    public ulong UInt64(string field) => BinaryPrimitives.ReadUInt64LittleEndian(Take(field, sizeof(ulong)));

    /// <summary>A number of items of at least <paramref name="size"/> bytes each, which must fit into what remains.</summary>
    public long Count(string field, int size)
    {
        ulong count = UInt64(field);
        if (count > (ulong)(Remaining / size))
        {
            throw Fail(field,
                $"is {GgufText.Number(count)}, but the {GgufText.Number(Remaining)} bytes that are left in the file hold at most "
                + GgufText.Number(Remaining / size));
        }

        return (long)count;
    }

    /// <summary>Passes over <paramref name="count"/> bytes and returns where they begin.</summary>
    public long Skip(string field, long count)
    {
        if (count > Remaining) throw Short(field, count);
        long at = Position;
        Position += count;
        return at;
    }

    /// <summary>A string that must be a proper name: not empty, UTF-8, at most <paramref name="limit"/> bytes.</summary>
    public string Name(string field, int limit)
    {
        long bytes = Count(field + "'s length", 1);
        if (bytes == 0) throw Fail(field, "is empty");
        if (bytes > limit) throw Fail(field + "'s length", $"is {GgufText.Number(bytes)}, above the allowed {GgufText.Number(limit)}");
        return Utf8(field, bytes);
    }

    /// <summary>A string of any length that an array can have.</summary>
    public string Text(string field) => Utf8(field, Count(field + "'s length", 1));

    public ReadOnlySpan<byte> Take(string field, int count)
    {
        if (count > Remaining) throw Short(field, count);
        ReadOnlySpan<byte> bytes = new(start + Position, count);
        Position += count;
        return bytes;
    }

    public string Utf8(string field, long bytes)
    {
        if (bytes > Array.MaxLength) throw Fail(field, $"has {GgufText.Number(bytes)} bytes, more than a text can have here");
        ReadOnlySpan<byte> text = Take(field, (int)bytes);
        try
        {
            return GgufText.Strict.GetString(text);
        }
        catch (DecoderFallbackException)
        {
            throw Fail(field, $"holds {GgufText.Quote(text)}, which is not UTF-8");
        }
    }

    private readonly GgufException Short(string field, long count) =>
        Fail(field, $"needs {GgufText.Number(count)} bytes where {GgufText.Number(Remaining)} are left in the file");
}

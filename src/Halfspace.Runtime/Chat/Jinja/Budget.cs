using System.Runtime.CompilerServices;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>One rendering's limits, in proportion to the conversation so that long documents pass.</summary>
internal sealed class Budget(long inputLength)
{
    private readonly long _text = Math.Min(Limits.TextLength + (inputLength * Limits.TextPerInput), int.MaxValue / 4);
    private long _work = Limits.Work + (inputLength * Limits.WorkPerInput);

    /// <summary>Takes units of work: a node, an element or a character each.</summary>
    public void Spend(long units)
    {
        _work -= units;
        if (_work < 0) throw new JinjaException("it does not come to an end within the work allowed for a conversation of this length");
    }

    /// <summary>Takes the work of a text about to be made; call before making it.</summary>
    public void Text(long length)
    {
        Room(length);
        Spend(length);
    }

    /// <summary>Fails if a text may not grow to this length.</summary>
    public void Room(long length)
    {
        if (length > _text) throw new JinjaException($"it makes a text of more than {_text} characters");
    }

    /// <summary>Takes the work of a list about to be made; an element takes the memory of several characters.</summary>
    public void Elements(long count) => Spend(checked(count * 8));

    /// <summary>Fails before the thread's stack is used up.</summary>
    public static void Stack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw TooDeep();
    }

    public static JinjaException TooDeep(int? line = null) => new("it nests too deeply", line);
}

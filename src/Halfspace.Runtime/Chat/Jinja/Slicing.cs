namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Items and slices of texts and lists, with Python's negative indices. Texts count code points.</summary>
internal static class Slicing
{
    /// <summary>The item at an index, or null if there is none.</summary>
    public static Value? Item(ListValue list, long index)
    {
        if (index < 0) index += list.Items.Count;
        return index >= 0 && index < list.Items.Count ? list.Items[(int)index] : null;
    }

    /// <summary>The character at an index, or null if there is none.</summary>
    public static Value? Item(StringValue text, long index, Budget budget)
    {
        budget.Spend(text.Text.Length / 16);
        int count = PythonText.Count(text.Text);
        if (index < 0) index += count;
        if (index < 0 || index >= count) return null;
        int start = PythonText.Index(text.Text, (int)index);
        return new StringValue(text.Text[start..(start + PythonText.Index(text.Text[start..Math.Min(start + 2, text.Text.Length)], 1))]);
    }

    public static Value Slice(Value target, long? start, long? stop, long? step, Budget budget)
    {
        if (step == 0) throw new JinjaException("the step of a slice cannot be zero");
        if (target is StringValue text)
        {
            budget.Text(text.Text.Length);
            (long first, long count, long stride) = Resolve(PythonText.Count(text.Text), start, stop, step ?? 1);
            if (stride == 1)
            {
                int begin = PythonText.Index(text.Text, (int)first);
                return new StringValue(text.Text[begin..PythonText.Index(text.Text, (int)(first + count))]);
            }

            budget.Elements(text.Text.Length);
            List<string> characters = PythonText.Characters(text.Text);
            return new StringValue(string.Concat(Take(characters, first, count, stride)));
        }

        ListValue list = (ListValue)target;
        (long from, long length, long by) = Resolve(list.Items.Count, start, stop, step ?? 1);
        budget.Elements(length);
        return new ListValue(Take(list.Items, from, length, by), list.IsTuple);
    }

    private static T[] Take<T>(IReadOnlyList<T> items, long first, long count, long stride)
    {
        T[] taken = new T[count];
        for (int i = 0; i < taken.Length; i++) taken[i] = items[(int)(first + (i * stride))];
        return taken;
    }

    private static (long First, long Count, long Stride) Resolve(long length, long? start, long? stop, long step)
    {
        step = Math.Clamp(step, -int.MaxValue, int.MaxValue);
        long lowest = step > 0 ? 0 : -1, highest = step > 0 ? length : length - 1;
        long first = Bound(start, step > 0 ? lowest : highest), last = Bound(stop, step > 0 ? highest : lowest);
        long count = step > 0 ? (last - first + step - 1) / step : (first - last - step - 1) / -step;
        return (first, Math.Max(count, 0), step);

        long Bound(long? given, long otherwise) =>
            given is not long index ? otherwise : Math.Clamp(index < 0 ? Math.Max(index, -length - 1) + length : index, lowest, highest);
    }
}

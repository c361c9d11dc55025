namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>A stable merge sort. The base library's wrap the exceptions that a comparison throws.</summary>
internal static class Sorting
{
    public static void Sort<T>(T[] items, Comparison<T> order) => Sort(items, new T[items.Length], order);

    private static void Sort<T>(Span<T> items, Span<T> spare, Comparison<T> order)
    {
        if (items.Length < 2) return;
        int half = items.Length / 2;
        Sort(items[..half], spare[..half], order);
        Sort(items[half..], spare[half..], order);
        items.CopyTo(spare);
        int left = 0, right = half;
        for (int i = 0; i < items.Length; i++)
        {
            bool takeLeft = right == items.Length || (left < half && order(spare[left], spare[right]) <= 0);
            items[i] = takeLeft ? spare[left++] : spare[right++];
        }
    }
}

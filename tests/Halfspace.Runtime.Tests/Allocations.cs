namespace Halfspace.Runtime.Tests;

/// <summary>What code allocates.</summary>
internal static class Allocations
{
    /// <summary>Bytes that this thread allocates for an action: the least of a few rounds. What the action allocates it allocates in each; the runtime itself, at
    /// work on other threads' tests, does in some.</summary>
    public static long Least(Action action)
    {
        action();
        long least = long.MaxValue;
        for (int round = 0; round < 4; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}

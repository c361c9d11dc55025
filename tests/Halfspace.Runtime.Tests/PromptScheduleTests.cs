using Halfspace.Runtime.Operators;

namespace Halfspace.Runtime.Tests;

/// <summary>A prompt's items: all of them, in an order that every thread count can follow.</summary>
public sealed class PromptScheduleTests
{
    [Theory, InlineData(1), InlineData(2), InlineData(7)]
    public async Task Items_begin_when_what_they_need_has_ended(int threads)
    {
        const int Heads = 3, Group = 2, Rows = 500;
        PromptSchedule schedule = new(Heads);
        for (int layer = 0; layer < 20; layer++)
        {
            schedule.Begin();
            schedule.AddStep(0, 128, 64, 1, Group);
            schedule.AddStep(128, 130, 64, 1, Group);
            schedule.AddStep(130, Rows, 32, Group, Group);
            // Of each head, the rows that attended so far, times query heads, and to where it has advanced.
            int[] appended = new int[Heads], attended = new int[Heads], advanced = new int[Heads];
            await Task.WhenAll(Enumerable.Range(0, threads).Select(_ => Task.Run(() =>
            {
                while (schedule.TryTake(out PromptSchedule.Item item))
                {
                    switch (item.Kind)
                    {
                        case PromptSchedule.Kind.Append:
                            Assert.Equal(1, Interlocked.Increment(ref appended[item.Head]));
                            break;
                        case PromptSchedule.Kind.Attend:
                            Assert.Equal(1, Volatile.Read(ref appended[item.Head]));
                            Assert.Equal(item.First < 128 ? 0 : item.First < 130 ? 128 : 130, Volatile.Read(ref advanced[item.Head]));
                            Assert.InRange(item.Member + item.Members, 1, Group);
                            Interlocked.Add(ref attended[item.Head], (item.End - item.First) * item.Members);
                            break;
                        default:
                            Assert.Equal(item.First, advanced[item.Head]);
                            Assert.Equal(item.End * Group, Volatile.Read(ref attended[item.Head]));
                            Volatile.Write(ref advanced[item.Head], item.End);
                            break;
                    }
                    schedule.End(in item);
                }
            })));
            Assert.Equal([Rows, Rows, Rows], advanced);
            Assert.Equal([Rows * Group, Rows * Group, Rows * Group], attended);
            Assert.False(schedule.TryTake(out _));
        }
    }
}

using Halfspace.Attention;

namespace Halfspace.Runtime.Operators;

/// <summary>A context's row in a batch.</summary>
/// <param name="Cache">The context's keys and values.</param>
/// <param name="Step">How its row attends.</param>
/// <param name="Position">The row's position: the tokens in the cache.</param>
/// <param name="Counters">[layers]; what attention did is added here.</param>
internal readonly record struct BatchRow(KeyValueCache Cache, LayerStep Step, int Position, AttentionCounters[] Counters);

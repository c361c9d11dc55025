using System.Globalization;
using Halfspace.Runtime.Saved;

namespace Halfspace.Cli.Contexts;

/// <summary>Saved contexts for people and for programs.</summary>
internal static class ContextTable
{
    public static ContextReport Report(SavedContext context) => context.Damage is { } damage
        ? new ContextReport { Name = context.Name, Tokens = 0, Bytes = context.Bytes, Damage = damage }
        : new ContextReport
        {
            Name = context.Name,
            Tokens = context.Tokens,
            Bytes = context.Bytes,
            Created = context.Created,
            Model = context.Model,
            Index = context.HasIndex,
            Characters = context.Document?.Text.Length,
            System = context.Document?.System,
            Raw = context.Document?.Raw,
        };

    /// <summary>A line of a list.</summary>
    public static string Line(SavedContext context) => context.Damage ?? string.Create(CultureInfo.InvariantCulture,
        $"{context.Name,-24} {context.Tokens,9:N0} tokens {context.Bytes / 1e6,9:0.0} MB  "
        + $"{context.Created.ToLocalTime():yyyy-MM-dd HH:mm}  {context.Model}");
}

namespace Halfspace.Cli.CommandLine;

/// <summary>Arguments that are each fine but make no sense together; the message is a sentence for the screen.</summary>
internal sealed class UsageException(string message) : Exception(message);

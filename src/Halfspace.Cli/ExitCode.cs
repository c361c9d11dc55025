namespace Halfspace.Cli;

/// <summary>What the program ends with.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>Something that the user can mend: a file, a prompt, memory.</summary>
    public const int Failure = 1;

    /// <summary>Arguments that make no sense.</summary>
    public const int Usage = 2;

    /// <summary>Ctrl-C, as a shell reports it: 128 and the signal's number.</summary>
    public const int Interrupted = 130;
}

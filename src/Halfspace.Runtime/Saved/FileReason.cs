namespace Halfspace.Runtime.Saved;

/// <summary>Why a file could not be used, without its path: what a server tells must say nothing of the machine.</summary>
internal static class FileReason
{
    public static string Of(Exception e) => e switch
    {
        UnauthorizedAccessException => "access is denied",
        DirectoryNotFoundException or FileNotFoundException => "there is no such folder or file",
        // The runtime appends the path so.
        _ => e.Message.Split(" : '")[0].TrimEnd('.'),
    };
}

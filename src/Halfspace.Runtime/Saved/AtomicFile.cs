using System.Runtime.InteropServices;

namespace Halfspace.Runtime.Saved;

/// <summary>Puts whole files in place: written beside their place under another name, synchronised, renamed. Whatever happens on the way, the old file
/// stays, or none.</summary>
internal static partial class AtomicFile
{
    private const string Suffix = ".part";
    private const int Attempts = 5;

    // EINVAL: a file system whose folders need no synchronising.
    private const int InvalidArgument = 22;

    /// <summary>Writes a file.</summary>
    /// <param name="path">Its place.</param>
    /// <param name="content">Writes the content to a stream that can seek.</param>
    /// <param name="wrap">What the stream is written through, for tests of disks that fail.</param>
    public static void Write(string path, Action<Stream> content, Func<Stream, Stream>? wrap = null)
    {
        string place = Path.GetFullPath(path), folder = Path.GetDirectoryName(place)!;
        RemoveLeftovers(folder);
        (FileStream file, string part) = Create(place);
        try
        {
            using (file)
            {
                Stream stream = wrap is null ? file : wrap(file);
                content(stream);
                stream.Flush();
                file.Flush(flushToDisk: true);
                // Renamed while it is still locked, so that nobody takes it for a leftover.
                File.Move(part, place, overwrite: true);
            }
        }
        catch
        {
            File.Delete(part);
            throw;
        }

        SynchroniseFolder(folder);
    }

    /// <summary>Removes a file for good.</summary>
    public static void Delete(string path)
    {
        File.Delete(path);
        RemoveLeftovers(Path.GetDirectoryName(Path.GetFullPath(path))!);
        SynchroniseFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Removes what writers that died have left. A living writer has its file locked.</summary>
    public static void RemoveLeftovers(string folder)
    {
        foreach (string part in Directory.EnumerateFiles(folder, ".*" + Suffix))
        {
            try
            {
                using FileStream dead = new(part, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It is being written, or not ours to remove.
            }
        }
    }

    private static (FileStream File, string Part) Create(string place)
    {
        for (int attempt = 1; ; attempt++)
        {
            string part = Path.Combine(Path.GetDirectoryName(place)!, $".{Path.GetFileName(place)}-{Guid.NewGuid():N}{Suffix}");
            try
            {
                FileStream file = new(part, FileMode.CreateNew, FileAccess.Write, FileShare.Delete, 1 << 16);
                if (File.Exists(part)) return (file, part);
                file.Dispose();
            }
            catch (IOException) when (attempt < Attempts)
            {
                // Between its creation and its lock somebody took it for a leftover, and may have removed it already. Whatever else is wrong stays wrong.
            }
        }
    }

    // The name is in the folder, which is synchronised by itself.
    private static void SynchroniseFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        int descriptor = Open(folder, 0);
        try
        {
            if (descriptor >= 0 && (Synchronise(descriptor) == 0 || Marshal.GetLastPInvokeError() == InvalidArgument)) return;
            string reason = Marshal.GetLastPInvokeErrorMessage();
            throw new ModelException($"The folder's change was made but may not outlast a power failure ({reason}); save again.");
        }
        finally
        {
            if (descriptor >= 0) _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Synchronise(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int descriptor);
}

using System.Runtime.InteropServices;

namespace Halfspace.Attention;

/// <summary>Asks the system for large pages: keys that are read here and there then miss the address cache far less often.</summary>
internal static unsafe partial class HugePages
{
    /// <summary>What memory must be aligned to, and at least as large as.</summary>
    public const int Size = 2 << 20;

    private const int AdviseHugePage = 14;

    /// <summary>A hint: where the system has no such pages, or no memory for one, nothing changes.</summary>
    public static void Advise(void* memory, nuint bytes)
    {
        if (OperatingSystem.IsLinux()) _ = Advise((nint)memory, bytes, AdviseHugePage);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(nint address, nuint length, int advice);
}

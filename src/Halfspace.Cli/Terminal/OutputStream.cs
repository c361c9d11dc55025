using Halfspace.Runtime;
using Microsoft.Win32.SafeHandles;

namespace Halfspace.Cli;

/// <summary>Thrown when the reader of standard output is gone, as after <c>| head -1</c>: there is nobody to work for.</summary>
internal sealed class OutputClosedException : Exception;

/// <summary>Standard output that notices when its reader is gone; .NET's own stream goes on in silence.</summary>
internal sealed class OutputStream : Stream
{
    private const int BrokenPipe = 32; // EPIPE
    private readonly Stream _inner;

    private OutputStream(Stream inner) => _inner = inner;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public static Stream Open()
    {
        if (!System.Console.IsOutputRedirected) return System.Console.OpenStandardOutput();
        Stream? pipe = OperatingSystem.IsWindows() ? null : Pipe();
        return new OutputStream(pipe ?? System.Console.OpenStandardOutput());
    }

    /// <summary>Standard output, if it is a pipe or the like.</summary>
    private static FileStream? Pipe()
    {
        try
        {
            FileStream direct = new(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            // A FileStream writes to a file at a position of its own, over what others append to it.
            return direct.CanSeek ? null : direct;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            _inner.Write(buffer);
        }
        catch (IOException e) when (e.HResult == BrokenPipe)
        {
            throw new OutputClosedException();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException($"The output cannot be written: {e.Message}", e);
        }
    }

    public override void Flush() => _inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}

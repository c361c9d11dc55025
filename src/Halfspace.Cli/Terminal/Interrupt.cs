using System.Runtime.InteropServices;

namespace Halfspace.Cli;

/// <summary>Ctrl-C as a cancellation. A second one, while the first has not ended the work, ends the program.</summary>
internal sealed class Interrupt : IDisposable
{
    private readonly PosixSignalRegistration _registration;
    private CancellationTokenSource _source = new();

    public Interrupt() => _registration = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
    {
        CancellationTokenSource source = Volatile.Read(ref _source);
        context.Cancel = !source.IsCancellationRequested;
        source.Cancel();
    });

    /// <summary>Cancelled by Ctrl-C.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether Ctrl-C was pressed.</summary>
    public bool Requested => _source.IsCancellationRequested;

    /// <summary>Begins anew after a Ctrl-C that was dealt with.</summary>
    public void Reset() => Volatile.Write(ref _source, new CancellationTokenSource());

    /// <inheritdoc/>
    public void Dispose() => _registration.Dispose();
}

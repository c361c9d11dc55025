using Halfspace.Runtime;
using Halfspace.Server;

namespace Halfspace.Cli.Bench.Serve;

/// <summary>The server that is measured: one that runs already, or one of this process on a free port.</summary>
internal sealed class LoadTarget : IAsyncDisposable
{
    private static readonly TimeSpan LoadingTime = TimeSpan.FromMinutes(5);
    private readonly CancellationTokenSource _stop = new();
    private readonly HalfspaceServer? _server;
    private Task _running = Task.CompletedTask;

    private LoadTarget(HalfspaceServer? server, Uri? url)
    {
        _server = server;
        Http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = url, Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Speaks to the server.</summary>
    public HttpClient Http { get; }

    /// <summary>Memory of this process, if the server is in it.</summary>
    public long? MemoryBytes => _server is null ? null : Environment.WorkingSet;

    /// <summary>A server that runs, once it has loaded its models.</summary>
    /// <exception cref="ModelException">There is none, or it does not get ready.</exception>
    public static async Task<LoadTarget> ConnectAsync(string url, CancellationToken cancellation)
    {
        LoadTarget target = new(null, new Uri(url.TrimEnd('/') + "/"));
        try
        {
            await target.ReadyAsync(cancellation).ConfigureAwait(false);
            return target;
        }
        catch
        {
            await target.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A server of this process, once it has loaded its models.</summary>
    /// <exception cref="ModelException">A model cannot be loaded.</exception>
    public static async Task<LoadTarget> StartAsync(Action<HalfspaceServerOptions> configure, CancellationToken cancellation)
    {
        LoadTarget target = new(HalfspaceServer.Create(configure, ["http://127.0.0.1:0"]), null);
        try
        {
            await target._server!.StartAsync(cancellation).ConfigureAwait(false);
            target.Http.BaseAddress = new Uri(target._server.Urls.First() + "/");
            target._running = target._server.WaitAsync(target._stop.Token);
            await target.ReadyAsync(cancellation).ConfigureAwait(false);
            return target;
        }
        catch
        {
            await target.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_server is not null) await _server.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task ReadyAsync(CancellationToken cancellation)
    {
        DateTime end = DateTime.UtcNow + LoadingTime;
        while (DateTime.UtcNow < end)
        {
            // A server that could not load its model has stopped, and says why.
            if (_server is not null && _running.IsCompleted) await _running.ConfigureAwait(false);
            try
            {
                using HttpResponseMessage response = await Http.GetAsync(new Uri("ready", UriKind.Relative), cancellation).ConfigureAwait(false);
                if (response.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException e) when (_server is null)
            {
                throw new ModelException($"No server answers at {Http.BaseAddress} ({e.Message.TrimEnd('.')}); start one with halfspace serve.", e);
            }
            catch (HttpRequestException)
            {
                // It is stopping; the next turn finds out why.
            }

            await Task.Delay(20, cancellation).ConfigureAwait(false);
        }

        throw new ModelException($"The server at {Http.BaseAddress} is not ready after {LoadingTime.TotalMinutes:0} minutes; see /ready.");
    }
}

using System.Net;
using Halfspace.Runtime;
using Halfspace.Server.Models;
using Halfspace.Server.Security;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Halfspace.Server;

/// <summary>The server as a program of its own. Nothing but its options configures it: no environment variable and no settings
/// file.</summary>
public sealed class HalfspaceServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private HalfspaceServer(WebApplication app) => _app = app;

    /// <summary>Where it listens, once it has started.</summary>
    public IReadOnlyCollection<string> Urls => [.. _app.Urls];

    /// <summary>Prepares a server.</summary>
    /// <param name="configure">Names the models and sets limits.</param>
    /// <param name="urls">Addresses to listen at, as <c>http://HOST:PORT</c>; port 0 takes a free one.</param>
    /// <param name="allowAnonymous">Whether it may be reached from other machines without a key.</param>
    /// <param name="logging">Where its log goes; nowhere if null.</param>
    /// <exception cref="ModelException">An option or an address is not possible.</exception>
    public static HalfspaceServer Create(
        Action<HalfspaceServerOptions> configure, IEnumerable<string> urls, bool allowAnonymous = false,
            Action<ILoggingBuilder>? logging = null)
    {
        ArgumentNullException.ThrowIfNull(configure);
        ArgumentNullException.ThrowIfNull(urls);
        HalfspaceServerOptions options = new();
        configure(options);
        options.Validate();
        ListenAddress[] addresses = [.. urls.Select(ListenAddress.Parse)];
        if (addresses.Length == 0) throw new ModelException("There is no address to listen at; give one.");
        foreach (ListenAddress address in addresses) address.RequireGuard(options.ApiKeys, allowAnonymous);

        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Limit(kestrel, options, addresses));
        builder.Services.AddRoutingCore();
        if (logging is not null) logging(builder.Logging);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.ShutdownTimeout);
        builder.Services.AddServer(options);
        // Without a key a page of another origin must not get in under a name that it made point here.
        bool named = addresses.All(address => address.IsLoopback) && !options.ApiKeys.Required;
        builder.Services.AddHostFiltering(hosts => hosts.AllowedHosts = named ? ["localhost", "127.0.0.1", "[::1]"] : ["*"]);
        WebApplication app = builder.Build();
        app.UseHostFiltering();
        app.UseRouting();
        app.MapHalfspace();
        return new HalfspaceServer(app);
    }

    /// <summary>Begins to listen; the models are loaded meanwhile.</summary>
    /// <exception cref="ModelException">An address cannot be listened at.</exception>
    public async Task StartAsync(CancellationToken cancellation = default)
    {
        try
        {
            await _app.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw new ModelException($"The server cannot listen: {e.Message}", e);
        }
    }

    /// <summary>Waits until it is told to stop, and for running answers up to the limit.</summary>
    /// <param name="cancellation">Tells it to stop.</param>
    /// <exception cref="ModelException">A model could not be loaded.</exception>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        await _app.WaitForShutdownAsync(cancellation).ConfigureAwait(false);
        if (_app.Services.GetRequiredService<ModelRegistry>().Failure is { } failure)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static void Limit(KestrelServerOptions kestrel, HalfspaceServerOptions options, ListenAddress[] addresses)
    {
        kestrel.AddServerHeader = false;
        KestrelServerLimits limits = kestrel.Limits;
        limits.MaxRequestBodySize = options.MaxBodyBytes;
        limits.MaxConcurrentConnections = 1024;
        limits.MaxRequestHeadersTotalSize = 16 << 10;
        limits.MaxRequestHeaderCount = 64;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        limits.MinRequestBodyDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
        limits.MinResponseDataRate = new MinDataRate(240, TimeSpan.FromSeconds(10));
        foreach (ListenAddress address in addresses)
        {
            if (address.Address is { } ip) kestrel.Listen(new IPEndPoint(ip, address.Port));
            else kestrel.ListenLocalhost(address.Port);
        }
    }
}

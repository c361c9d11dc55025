using Halfspace.Server.Contexts;
using Halfspace.Server.Http;
using Halfspace.Server.Lens;
using Halfspace.Server.Metrics;
using Halfspace.Server.Models;
using Halfspace.Server.OpenAi;
using Halfspace.Server.OpenAi.Responses;
using Halfspace.Server.Page;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OpenTelemetry.Metrics;

namespace Halfspace.Server;

/// <summary>Adds the server to an application.</summary>
public static class HalfspaceServices
{
    /// <summary>Registers models, which are loaded as the application starts, what <see cref="HalfspaceEndpoints.MapHalfspace"/> needs,
    /// and each model as an <see cref="IChatClient"/>: by its name as the key, and the first one without.</summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Names the models and sets limits.</param>
    public static IServiceCollection AddHalfspace(this IServiceCollection services, Action<HalfspaceServerOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        HalfspaceServerOptions options = new();
        configure(options);
        return services.AddServer(options);
    }

    internal static IServiceCollection AddServer(this IServiceCollection services, HalfspaceServerOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton<ModelRegistry>();
        services.AddSingleton<IChatClient>(provider => new ServedChatClient(provider.GetRequiredService<ModelRegistry>(), null));
        foreach (ServedModelOptions model in options.Models)
            services.AddKeyedSingleton<IChatClient>(
                model.Name, (provider, _) => new ServedChatClient(provider.GetRequiredService<ModelRegistry>(), model.Name));
        services.AddHostedService(provider => provider.GetRequiredService<ModelRegistry>());
        services.AddSingleton<ApiRoute>();
        services.AddSingleton<SavedContexts>();
        services.AddSingleton<ContextsEndpoint>();
        services.AddSingleton<ModelsEndpoint>();
        services.AddSingleton<ChatEndpoint>();
        services.AddSingleton<CompletionEndpoint>();
        services.AddSingleton<ResponseEndpoint>();
        services.AddSingleton<LensEndpoint>();
        services.AddSingleton<PageEndpoint>();
        services.AddMetrics();
        services.AddSingleton<ServerMetrics>();
        services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter(ServerMetrics.MeterName).AddPrometheusExporter());
        return services;
    }
}

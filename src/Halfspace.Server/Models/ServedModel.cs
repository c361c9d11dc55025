using Halfspace.Runtime;
using Halfspace.Runtime.Saved;
using Halfspace.Server.Metrics;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.Models;

/// <summary>A model that is loaded, with its scheduler.</summary>
internal sealed class ServedModel : IDisposable
{
    public ServedModel(ServedModelOptions served, HalfspaceServerOptions options, ContextStore? store, ServerMetrics metrics,
        TimeProvider clock, ILogger log)
    {
        Name = served.Name;
        Context = served.Context;
        Created = clock.GetUtcNow().ToUnixTimeSeconds();
        Model = HalfspaceModel.Load(served.Path, served.Model);
        try
        {
            Scheduler = new Scheduler(Model, served.Context, options, store, new ModelMetrics(metrics, Name), log);
        }
        catch
        {
            Model.Dispose();
            throw;
        }
    }

    /// <summary>What requests call it.</summary>
    public string Name { get; }

    /// <summary>When it was loaded, in seconds since 1970.</summary>
    public long Created { get; }

    /// <summary>How its contexts hold and read their tokens.</summary>
    public ContextOptions Context { get; }

    public HalfspaceModel Model { get; }

    public Scheduler Scheduler { get; }

    public void Dispose()
    {
        Scheduler.Dispose();
        Model.Dispose();
    }
}

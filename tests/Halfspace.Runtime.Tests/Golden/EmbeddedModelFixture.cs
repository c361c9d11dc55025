using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Golden;

/// <summary>The embedded model, loaded once for the tests that need a real one.</summary>
public sealed class EmbeddedModelFixture : IDisposable
{
    public HalfspaceModel Model { get; } = HalfspaceModel.Load(Repository.EmbeddedModel);

    public void Dispose() => Model.Dispose();
}

/// <summary>Tests that share the embedded model.</summary>
[CollectionDefinition(nameof(EmbeddedModelFixture))]
public sealed class EmbeddedModelTests : ICollectionFixture<EmbeddedModelFixture>;

using Halfspace.Runtime;

namespace Halfspace.Cli.Bench.Attention;

/// <summary>One recorded layer: a KV head's keys and values, and its group's queries at the last positions.</summary>
/// <param name="Number">The layer.</param>
/// <param name="Keys">[n, d].</param>
/// <param name="Values">[n, d].</param>
/// <param name="Queries">[<see cref="LayerSet.Group"/>, positions, d].</param>
internal sealed record GoldenLayer(int Number, Half[] Keys, Half[] Values, Half[] Queries)
{
    // Shallow, middle and deep; layer 11 is in the repository.
    private static readonly int[] Wanted = [5, 11, 18, 29];

    /// <summary>Positions that have queries.</summary>
    public int Positions => Queries.Length / LayerSet.Group / GoldenFiles.Dimension;

    /// <summary>The wanted layers of the folders, each from the first that has it.</summary>
    /// <param name="folder">Where to look; null for the repository's data and what lies beside the repository.</param>
    /// <exception cref="ModelException">There is none, or a file is damaged.</exception>
    public static GoldenLayer[] Load(string? folder)
    {
        string[] folders = folder is null ? GoldenFiles.Folders() : [folder];
        GoldenLayer[] layers = [.. from number in Wanted
                                   let found = folders.FirstOrDefault(f => GoldenFiles.Has(f, number))
                                   where found is not null
                                   select Read(found, number)];
        if (layers.Length > 0) return layers;
        throw new ModelException((folder is null
            ? "No golden keys were found: the working folder is not inside the repository"
            : $"No golden keys were found in {folder}")
            + "; give a folder that has layer11.k.bin, layer11.v.bin and layer11.q.bin with --golden.");
    }

    private static GoldenLayer Read(string folder, int number)
    {
        Half[] Part(string name) => GoldenFiles.Read(folder, number, name);
        GoldenLayer layer = new(number, Part("k"), Part("v"), Part("q"));
        if (layer.Keys.Length != layer.Values.Length || layer.Queries.Length % (LayerSet.Group * GoldenFiles.Dimension) != 0
            || layer.Positions < 2 || layer.Positions * GoldenFiles.Dimension > layer.Keys.Length)
        {
            throw new ModelException($"The files of layer {number} in {folder} do not belong together; copy them again.");
        }

        return layer;
    }
}

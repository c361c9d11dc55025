namespace Halfspace.Tests;

/// <summary>Examples in readme files.</summary>
internal static class Readme
{
    /// <summary>The blocks of C#, in order.</summary>
    /// <param name="file">The readme's path within the repository.</param>
    public static List<string> Examples(string file)
    {
        List<string> blocks = [];
        List<string>? block = null;
        foreach (string line in File.ReadLines(Repository.File(file)))
        {
            if (line.Trim() == "```csharp") block = [];
            else if (line.Trim() == "```" && block is not null)
            {
                blocks.Add(string.Join('\n', block));
                block = null;
            }
            else block?.Add(line);
        }

        return blocks;
    }
}

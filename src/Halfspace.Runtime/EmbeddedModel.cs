namespace Halfspace.Runtime;

/// <summary>The model that is part of the project: SmolLM2-135M-Instruct.</summary>
public static class EmbeddedModel
{
    /// <summary>Its file's name.</summary>
    public const string FileName = "SmolLM2-135M-Instruct.Q4_1.gguf";

    /// <summary>Its path: in a folder <c>models</c> beside the program, or in one of the folders above it.</summary>
    /// <exception cref="ModelException">There is none.</exception>
    public static string Path
    {
        get
        {
            for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            {
                string candidate = System.IO.Path.Combine(folder.FullName, "models", FileName);
                if (File.Exists(candidate)) return candidate;
            }

            throw new ModelException($"The embedded model models/{FileName} was not found beside the program; give a GGUF file with --model.");
        }
    }
}

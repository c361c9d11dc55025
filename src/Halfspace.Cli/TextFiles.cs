using System.Text;
using Halfspace.Runtime;

namespace Halfspace.Cli;

/// <summary>Reads the user's texts.</summary>
internal static class TextFiles
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>A file's text.</summary>
    /// <exception cref="ModelException">It cannot be read, or is not text.</exception>
    public static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path, Strict);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelException($"There is no file {path}; check its name.", e);
        }
        catch (DecoderFallbackException e)
        {
            throw new ModelException($"{path} is not a text in UTF-8; convert it first.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ModelException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Documents and a question as one message: each text, a blank line, and the question last.</summary>
    public static string Join(IEnumerable<string> documents, string question)
    {
        List<string> parts = [.. documents.Select(text => text.TrimEnd())];
        if (question.Length > 0) parts.Add(question);
        return string.Join("\n\n", parts);
    }
}

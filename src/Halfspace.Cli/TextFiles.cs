using System.Text;
using Halfspace.Runtime;

namespace Halfspace.Cli;

/// <summary>Reads the user's texts.</summary>
internal static class TextFiles
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>A file's text.</summary>
    /// <exception cref="ModelException">It cannot be read, or is not text.</exception>
    public static string Read(string path) => Guard(path, () => File.ReadAllText(path, Strict));

    /// <summary>A part of a file's text, without holding the rest.</summary>
    /// <param name="path">The file.</param>
    /// <param name="offset">UTF-16 characters to skip.</param>
    /// <param name="count">How many to take, or fewer at the text's end; one more where a character of two would be cut.</param>
    /// <exception cref="ModelException">It cannot be read, is not text, or ends before the offset.</exception>
    public static string ReadPart(string path, int offset, int count) => Guard(path, () =>
    {
        using StreamReader reader = new(path, Strict);
        char[] block = new char[Math.Max(4096, count + 1)];
        for (int left = offset; left > 0;)
        {
            int skipped = reader.Read(block, 0, Math.Min(left, block.Length));
            if (skipped == 0) throw new ModelException($"{path} has {offset - left} characters; give a smaller --offset than {offset}.");
            left -= skipped;
        }

        int taken = reader.ReadBlock(block, 0, count);
        if (taken == 0) throw new ModelException($"{path} has no text from character {offset} on.");
        if (char.IsHighSurrogate(block[taken - 1])) taken += reader.ReadBlock(block, taken, 1);
        return new string(block, 0, taken);
    });

    private static string Guard(string path, Func<string> read)
    {
        try
        {
            return read();
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
}

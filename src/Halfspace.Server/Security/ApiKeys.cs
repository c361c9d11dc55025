using System.Security.Cryptography;
using System.Text;
using Halfspace.Runtime;

namespace Halfspace.Server;

/// <summary>The keys that let a request in. Only their SHA-256 is kept.</summary>
public sealed class ApiKeys
{
    private const string HashPrefix = "sha256:";
    private readonly byte[][] _hashes;

    private ApiKeys(byte[][] hashes) => _hashes = hashes;

    /// <summary>No keys: everyone is let in.</summary>
    public static ApiKeys None { get; } = new([]);

    /// <summary>Whether a key is asked for.</summary>
    public bool Required => _hashes.Length > 0;

    /// <summary>Reads lines that are each a key, or <c>sha256:</c> and the 64 hexadecimal digits of a key's SHA-256. Empty lines and those
    /// that begin with # are skipped.</summary>
    /// <exception cref="ModelException">A line is neither, or there is no key; the message never holds a key.</exception>
    public static ApiKeys Parse(IEnumerable<string> lines)
    {
        ArgumentNullException.ThrowIfNull(lines);
        List<byte[]> hashes = [];
        int number = 0;
        foreach (string line in lines)
        {
            number++;
            string key = line.Trim();
            if (key.Length > 0 && key[0] != '#') hashes.Add(Hash(key, number));
        }

        return hashes.Count > 0 ? new ApiKeys([.. hashes]) : throw new ModelException("The file of API keys holds none; write one a line.");
    }

    /// <summary>Reads a file as <see cref="Parse"/> does.</summary>
    /// <exception cref="ModelException">The file cannot be read, or is not as described.</exception>
    public static ApiKeys Load(string path)
    {
        try
        {
            return Parse(File.ReadLines(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ModelException($"The file of API keys {path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Whether a key is one of these. Its time does not depend on how much of it is right.</summary>
    public bool Allows(ReadOnlySpan<char> key)
    {
        if (!Required) return true;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(key.ToArray()), hash);
        bool found = false;
        foreach (byte[] known in _hashes) found |= CryptographicOperations.FixedTimeEquals(known, hash);
        return found;
    }

    private static byte[] Hash(string key, int line)
    {
        if (!key.StartsWith(HashPrefix, StringComparison.Ordinal))
            return key.Any(char.IsWhiteSpace)
                ? throw new ModelException($"Line {line} of the file of API keys has a space within; write one key a line.")
                : SHA256.HashData(Encoding.UTF8.GetBytes(key));
        string digits = key[HashPrefix.Length..];
        return digits.Length == 2 * SHA256.HashSizeInBytes && digits.All(char.IsAsciiHexDigit)
            ? Convert.FromHexString(digits)
            : throw new ModelException($"Line {line} of the file of API keys is not sha256: and 64 hexadecimal digits.");
    }
}

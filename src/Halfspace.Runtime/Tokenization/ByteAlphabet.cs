namespace Halfspace.Runtime.Tokenization;

/// <summary>The characters that stand for bytes in the vocabulary of byte-level BPE: printable Latin-1 characters stand for
/// themselves, the other 68 bytes, in order, for U+0100 onwards.</summary>
internal static class ByteAlphabet
{
    private const int FirstStandIn = 0x100;
    private static readonly char[] Characters = Build();
    private static readonly short[] Bytes = Invert(Characters);

    /// <summary>The character of a byte.</summary>
    public static char ToChar(byte value) => Characters[value];

    /// <summary>The byte of a character, or −1 if the character stands for none.</summary>
    public static int ToByte(char value) => value < Bytes.Length ? Bytes[value] : -1;

    private static char[] Build()
    {
        char[] characters = new char[256];
        int standIns = 0;
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[value] = (char)(printable ? value : FirstStandIn + standIns++);
        }

        return characters;
    }

    private static short[] Invert(char[] characters)
    {
        short[] bytes = new short[characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < characters.Length; value++)
            bytes[characters[value]] = (short)value;
        return bytes;
    }
}

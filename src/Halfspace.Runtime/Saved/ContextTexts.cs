using System.Text;

namespace Halfspace.Runtime.Saved;

/// <summary>The texts of a saved context: what made it, for lists, and the document that its prompts begin with.</summary>
/// <param name="Model">The model's name for itself.</param>
/// <param name="Document">The document, or null.</param>
internal sealed record ContextTexts(string Model, ContextDocument? Document)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    public byte[] ToBytes()
    {
        using MemoryStream stream = new();
        using (BinaryWriter writer = new(stream, Utf8))
        {
            writer.Write(Model);
            writer.Write(Document is not null);
            if (Document is { } document)
            {
                writer.Write(document.Raw);
                writer.Write(document.System is not null);
                if (document.System is not null) writer.Write(document.System);
                writer.Write(document.Text);
            }
        }

        return stream.ToArray();
    }

    /// <exception cref="ModelException">The bytes are not such texts.</exception>
    public static ContextTexts Read(string name, byte[] bytes)
    {
        try
        {
            using BinaryReader reader = new(new MemoryStream(bytes), Utf8);
            string model = reader.ReadString();
            if (!reader.ReadBoolean()) return new ContextTexts(model, null);
            bool raw = reader.ReadBoolean();
            string? system = reader.ReadBoolean() ? reader.ReadString() : null;
            return new ContextTexts(model, new ContextDocument(system, reader.ReadString(), raw));
        }
        catch (Exception e) when (e is IOException or FormatException or ArgumentException)
        {
            throw ContextHeader.Damaged(name, "its text");
        }
    }
}

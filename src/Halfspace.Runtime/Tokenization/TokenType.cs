namespace Halfspace.Runtime.Tokenization;

/// <summary>What a token is, with the numbers of <c>tokenizer.ggml.token_type</c>.</summary>
public enum TokenType
{
    /// <summary>A piece of text.</summary>
    Normal = 1,

    /// <summary>Stands for text that the vocabulary cannot express.</summary>
    Unknown = 2,

    /// <summary>Steers the model and is not text: the begin and end of a text or of a turn.</summary>
    Control = 3,

    /// <summary>Text that is always one token, found before any splitting.</summary>
    UserDefined = 4,

    /// <summary>Fills the vocabulary and is never produced.</summary>
    Unused = 5,

    /// <summary>A byte, written <c>&lt;0xNN&gt;</c>, for characters the vocabulary lacks.</summary>
    Byte = 6,
}

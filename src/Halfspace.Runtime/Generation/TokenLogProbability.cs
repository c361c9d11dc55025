namespace Halfspace.Runtime.Generation;

/// <summary>How probable a token was by the model's own distribution, before temperature, penalties and grammar.</summary>
/// <param name="Token">The token's id.</param>
/// <param name="Text">Its text; U+FFFD for what is not a whole character.</param>
/// <param name="Bytes">Its text in UTF-8, perhaps a part of a character.</param>
/// <param name="LogProbability">ln p, at most 0.</param>
/// <param name="Alternatives">The likeliest tokens there, likeliest first, the token itself perhaps among them; they have none of their own.
/// </param>
public sealed record TokenLogProbability(
    int Token, string Text, ReadOnlyMemory<byte> Bytes, float LogProbability, IReadOnlyList<TokenLogProbability> Alternatives);

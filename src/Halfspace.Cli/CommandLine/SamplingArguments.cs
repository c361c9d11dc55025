using System.CommandLine;
using System.Globalization;
using Halfspace.Runtime.Generation;

namespace Halfspace.Cli.CommandLine;

/// <summary>How to generate: <c>--max-tokens</c> and the sampler's options.</summary>
internal sealed class SamplingArguments
{
    private readonly Option<int?> _maxTokens = NewOption.Whole("--max-tokens", "N", 0,
        "The most tokens to generate (default 512); 0 for as many as fit.");
    private readonly Option<double?> _temperature = NewOption.Real("--temperature", "T",
        "0 takes the likeliest token (default), 1 draws as the model says.", t => t is >= 0 and <= 100, "from 0 to 100");
    private readonly Option<int?> _topK = NewOption.Whole("--top-k", "K", 0, "Draws from the K likeliest tokens; 0 for all (default).");
    private readonly Option<double?> _topP = NewOption.Real("--top-p", "P",
        "Draws from the fewest tokens with a share of P; 1 for all (default).", p => p is > 0 and <= 1, "above 0 and at most 1");
    private readonly Option<double?> _minP = NewOption.Real("--min-p", "P",
        "Draws from tokens at least P times as likely as the likeliest; 0 for all (default).", p => p is >= 0 and <= 1, "from 0 to 1");
    private readonly Option<double?> _repeatPenalty = NewOption.Real("--repeat-penalty", "R",
        "Divides the logits of recent tokens; 1 changes nothing (default).", r => r is > 0 and <= 100, "above 0 and at most 100");
    private readonly Option<ulong?> _seed = new("--seed")
    {
        HelpName = "S",
        Description = "Makes the draws repeatable.",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)) return value;
            result.AddError($"--seed {text} is not possible; give a whole number from 0.");
            return null;
        },
    };

    /// <param name="command">The command that takes them.</param>
    public SamplingArguments(Command command)
    {
        foreach (Option option in (Option[])[_maxTokens, _temperature, _topK, _topP, _minP, _repeatPenalty, _seed])
            command.Options.Add(option);
    }

    /// <summary>The options given, over the defaults.</summary>
    public GenerationOptions Value(ParseResult parsed) => new()
    {
        MaxTokens = parsed.GetValue(_maxTokens) ?? 512,
        Sampling = new SamplingOptions
        {
            Temperature = (float)(parsed.GetValue(_temperature) ?? 0),
            TopK = parsed.GetValue(_topK) ?? 0,
            TopP = (float)(parsed.GetValue(_topP) ?? 1),
            MinP = (float)(parsed.GetValue(_minP) ?? 0),
            RepetitionPenalty = (float)(parsed.GetValue(_repeatPenalty) ?? 1),
            Seed = parsed.GetValue(_seed),
        },
    };
}

using System.Text.Json;
using Halfspace.Attention;
using Halfspace.Runtime;
using Halfspace.Runtime.Generation;
using Halfspace.Runtime.Tokenization;
using Halfspace.Server.Http;
using Halfspace.Server.Models;

namespace Halfspace.Server.OpenAi;

/// <summary>From a request's fields to a generation, with everything checked.</summary>
internal static class Generation
{
    private const int MostStops = 16;

    /// <summary>How to generate.</summary>
    public static GenerationOptions Options(GenerationFields fields, int? maxTokens, string maxField, HalfspaceServerOptions options)
    {
        RefuseUnsupported(fields);
        if (maxTokens < 1) throw ApiException.Field(maxField, $"{maxField} is {maxTokens}; it must be at least 1.");
        float temperature = fields.Temperature ?? options.Temperature, top = fields.TopP ?? 1;
        if (!(temperature is >= 0 and <= 2))
            throw ApiException.Field("temperature", $"temperature is {temperature}; it must be from 0 (greedy) to 2.");
        if (!(top is > 0 and <= 1)) throw ApiException.Field("top_p", $"top_p is {top}; it must be above 0 and at most 1.");
        return new GenerationOptions
        {
            MaxTokens = maxTokens ?? 0,
            Stop = Stops(fields.Stop),
            Sampling = new SamplingOptions
            {
                Temperature = temperature,
                TopP = top,
                Seed = fields.Seed is { } seed ? unchecked((ulong)seed) : null,
            },
        };
    }

    /// <summary>How to attend.</summary>
    public static AttentionOptions Attention(HalfspaceFields? fields, AttentionOptions usual)
    {
        if (fields is null) return usual;
        if (fields.Attention is not (null or "dense" or "sparse"))
            throw ApiException.Field("halfspace.attention", "halfspace.attention must be dense or sparse.");
        if (fields.Keys < 1) throw ApiException.Field("halfspace.keys", $"halfspace.keys is {fields.Keys}; it must be at least 1.");
        if (fields.Keys is not null && fields.Attention == "dense")
            throw ApiException.Field("halfspace.keys", "Dense attention reads every key; leave halfspace.keys out.");
        if (fields.Attention == "dense") return usual with { Mode = AttentionMode.Dense };
        bool sparse = fields.Attention == "sparse" || fields.Keys is not null;
        if (sparse && usual.Mode == AttentionMode.Dense)
            throw ApiException.Unsupported("halfspace.attention",
                "This server attends densely; leave halfspace.attention and halfspace.keys out.");
        return fields.Keys is { } keys ? usual with { Policy = new AttentionPolicy.Budget(keys) } : usual;
    }

    /// <summary>Checks how many of the likeliest tokens are wanted.</summary>
    public static int TopLogprobs(int? count, string field) =>
        count is null or (>= 0 and <= GenerationOptions.MaxTopLogProbabilities) ? count ?? 0
        : throw ApiException.Field(field, $"{field} is {count}; it must be from 0 to {GenerationOptions.MaxTopLogProbabilities}.");

    /// <summary>Checks a prompt's length.</summary>
    public static int[] Fitting(int[] prompt, ServedModel model, string field)
    {
        int limit = model.Scheduler.ContextLimit;
        if (prompt.Length == 0) throw ApiException.Field(field, "The prompt is empty; give some text.");
        return prompt.Length < limit ? prompt : throw new ApiException(StatusCodes.Status400BadRequest,
            $"The prompt has {prompt.Length} tokens and a context of this model holds {limit}, the answer included; shorten the text.",
            field, "context_length_exceeded");
    }

    private static IReadOnlyList<string> Stops(TextList? stop)
    {
        if (stop is null) return [];
        if (stop.Texts.Count > MostStops) throw ApiException.Field("stop", $"stop has {stop.Texts.Count} texts; give at most {MostStops}.");
        try
        {
            _ = new StopSequences(stop.Texts);
            return stop.Texts;
        }
        catch (ModelException e)
        {
            throw ApiException.Field("stop", e.Message);
        }
    }

    private static void RefuseUnsupported(GenerationFields fields)
    {
        if (fields.N is not (null or 1)) throw ApiException.Unsupported("n",
            $"n is {fields.N}; this server gives one answer to a request.");
        if (fields.FrequencyPenalty is not (null or 0))
            throw ApiException.Unsupported("frequency_penalty", "frequency_penalty is not supported; leave it out.");
        if (fields.PresencePenalty is not (null or 0))
            throw ApiException.Unsupported("presence_penalty", "presence_penalty is not supported; leave it out.");
        if (fields.LogitBias is { ValueKind: not JsonValueKind.Null } bias
            && !(bias.ValueKind == JsonValueKind.Object && !bias.EnumerateObject().Any()))
            throw ApiException.Unsupported("logit_bias", "logit_bias is not supported; leave it out.");
    }
}

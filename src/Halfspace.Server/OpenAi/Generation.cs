using Halfspace.Runtime;
using Halfspace.Runtime.Generation;
using Halfspace.Server.Http;
using Halfspace.Server.Models;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.OpenAi;

/// <summary>From a request's fields to a generation, with everything checked.</summary>
internal static class Generation
{
    private const int MostStops = 16;
    private const int MostTopLogprobs = 20;

    /// <summary>How to generate.</summary>
    public static GenerationOptions Options(GenerationFields fields, int? maxTokens, string maxField, HalfspaceServerOptions options)
    {
        RefuseUnsupported(fields);
        if (maxTokens < 1) throw ApiException.Field(maxField, $"{maxField} is {maxTokens}; it must be at least 1.");
        float temperature = fields.Temperature ?? options.Temperature, top = fields.TopP ?? 1;
        if (!(temperature is >= 0 and <= 2)) throw ApiException.Field("temperature", $"temperature is {temperature}; it must be from 0 (greedy) to 2.");
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

    /// <summary>Checks how many of the likeliest tokens are wanted.</summary>
    public static int TopLogprobs(int? count, string field) => count is null or (>= 0 and <= MostTopLogprobs) ? count ?? 0
        : throw ApiException.Field(field, $"{field} is {count}; it must be from 0 to {MostTopLogprobs}.");

    /// <summary>Checks a prompt's length.</summary>
    public static int[] Fitting(int[] prompt, ServedModel model, string field)
    {
        int limit = model.Scheduler.ContextLimit;
        if (prompt.Length == 0) throw ApiException.Field(field, "The prompt is empty; give some text.");
        return prompt.Length < limit ? prompt : throw new ApiException(StatusCodes.Status400BadRequest,
            $"The prompt has {prompt.Length} tokens and a context of this model holds {limit}, the answer included; shorten the text.", field, "context_length_exceeded");
    }

    private static IReadOnlyList<string> Stops(TextList? stop)
    {
        if (stop is null) return [];
        if (stop.Texts.Count > MostStops) throw ApiException.Field("stop", $"stop has {stop.Texts.Count} texts; give at most {MostStops}.");
        try
        {
            _ = new Runtime.Tokenization.StopSequences(stop.Texts);
            return stop.Texts;
        }
        catch (ModelException e)
        {
            throw ApiException.Field("stop", e.Message);
        }
    }

    private static void RefuseUnsupported(GenerationFields fields)
    {
        if (fields.N is not (null or 1)) throw ApiException.Unsupported("n", $"n is {fields.N}; this server gives one answer to a request.");
        if (fields.FrequencyPenalty is not (null or 0))
            throw ApiException.Unsupported("frequency_penalty", "frequency_penalty is not supported; leave it out.");
        if (fields.PresencePenalty is not (null or 0))
            throw ApiException.Unsupported("presence_penalty", "presence_penalty is not supported; leave it out.");
        if (fields.LogitBias is { ValueKind: not System.Text.Json.JsonValueKind.Null } bias
            && !(bias.ValueKind == System.Text.Json.JsonValueKind.Object && !bias.EnumerateObject().Any()))
            throw ApiException.Unsupported("logit_bias", "logit_bias is not supported; leave it out.");
    }
}

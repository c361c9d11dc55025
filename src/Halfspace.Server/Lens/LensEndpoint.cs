using Halfspace.Attention;
using Halfspace.Runtime.Tokenization;
using Halfspace.Server.Contexts;
using Halfspace.Server.Http;
using Halfspace.Server.Models;
using Halfspace.Server.OpenAi;
using Halfspace.Server.Scheduling;

namespace Halfspace.Server.Lens;

/// <summary><c>POST /v1/halfspace/lens</c>: reads a conversation up to a token of its answer again, and says where the heads looked as that token was chosen.</summary>
internal sealed class LensEndpoint(HalfspaceServerOptions options, ModelRegistry models, SavedContexts contexts)
{
    public async Task HandleAsync(HttpContext http)
    {
        LensRequest request = await RequestBody.ReadAsync(http, ServerJson.Wire.LensRequest, options.BodyTimeout).ConfigureAwait(false);
        ServedModel model = models.Find(request.Model);
        await AnswerRun.RunAsync(http, model, async end =>
        {
            LensBody body = await LookAsync(request, model, end).ConfigureAwait(false);
            await ApiRoute.SendAsync(http, body, ServerJson.Wire.LensBody).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private async Task<LensBody> LookAsync(LensRequest request, ServedModel model, CancellationToken end)
    {
        if (model.Model.Config.Function is AttentionFunction.Relu)
            throw ApiException.Unsupported("model", "This model's attention is ReLU and exact; the lens is for softmax attention.");
        AttentionShape shape = model.Model.Config.Attention;
        int layer = InRange(request.Layer, "layer", shape.Layers), head = InRange(request.Head, "head", shape.QueryHeads);
        Tokenizer tokenizer = model.Model.Tokenizer;
        if (string.IsNullOrEmpty(request.Answer)) throw ApiException.Field("answer", "answer is missing or empty; give the text of the answer.");
        int[] answer = tokenizer.Encode(request.Answer);
        int token = InRange(request.Token, "token", answer.Length);
        (int[] prompt, SavedOpening? opening) = ChatEndpoint.Prompt(contexts, request.Messages, request.Halfspace, null, model);
        int[] read = Generation.Fitting([.. prompt, .. answer.AsSpan(0, token)], model, "answer");
        if (read.Length < 2) throw ApiException.Field("messages", "The prompt has one token only; there is nothing to attend to.");
        AttentionOptions attention = Generation.Attention(request.Halfspace, model.Scheduler.Attention);
        LensJob job = new(read[..^1], read[^1], opening, attention, new AttentionTrace(shape, layer, head), end);
        model.Scheduler.Submit(job);
        AttentionTrace trace = await job.Traced.ConfigureAwait(false);
        bool texts = request.Texts == true;
        return Body(trace, shape, texts ? Texts(tokenizer, answer) : null, texts ? Texts(tokenizer, read) : null);
    }

    private static LensBody Body(AttentionTrace trace, AttentionShape shape, string[]? tokens, string[]? texts)
    {
        TracedHead own = trace[trace.Layer, trace.Head];
        int[] keys = [.. Enumerable.Range(0, shape.Layers).Select(layer => trace[layer, trace.Head].Keys)];
        double[] means = [.. Enumerable.Range(0, shape.Layers).Select(layer =>
            Enumerable.Range(0, shape.QueryHeads).Average(head => (double)trace[layer, head].Keys))];
        return new LensBody("halfspace.lens", tokens, texts, shape.Layers, shape.QueryHeads, trace.Layer, trace.Head, own.IsDense, own.Keys, own.Visible,
            own.IsDense ? null : own.Threshold, own.TailMass, double.IsFinite(own.Certificate) ? own.Certificate : null, trace.Positions, trace.Weights, keys, means);
    }

    // A character that several tokens make comes with the last of them.
    private static string[] Texts(Tokenizer tokenizer, int[] tokens)
    {
        System.Text.Decoder decoder = System.Text.Encoding.UTF8.GetDecoder();
        string[] texts = new string[tokens.Length];
        char[] into = new char[256];
        for (int i = 0; i < tokens.Length; i++)
        {
            ReadOnlySpan<byte> bytes = tokenizer.TokenBytes(tokens[i]);
            if (into.Length < bytes.Length + 4) into = new char[bytes.Length + 4];
            texts[i] = tokenizer.IsSpecial(tokens[i]) ? tokenizer.TokenText(tokens[i]) : new string(into, 0, decoder.GetChars(bytes, into, flush: false));
        }

        return texts;
    }

    private static int InRange(int? value, string field, int count) => value is { } given && given >= 0 && given < count ? given
        : throw ApiException.Field(field, $"{field} must be from 0 to {count - 1}.");
}

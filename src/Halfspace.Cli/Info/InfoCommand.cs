using System.CommandLine;
using System.Globalization;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime;
using Halfspace.Runtime.Decoder;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Cli.Info;

/// <summary><c>halfspace info</c>: what a GGUF file holds.</summary>
internal sealed class InfoCommand : Command
{
    private readonly CliConsole _console;
    private readonly Argument<string?> _file = new("GGUF")
    {
        Arity = ArgumentArity.ZeroOrOne,
        Description = "The model's file (default: the embedded model).",
    };

    private readonly Option<string?> _model = ModelArguments.ModelOption();
    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints one JSON object.");

    public InfoCommand(CliConsole console)
        : base("info", "Shows a model's shape, tensors, tokenizer and memory.")
    {
        _console = console;
        Arguments.Add(_file);
        Options.Add(_model);
        Options.Add(_json);
        SetAction(parsed =>
        {
            string path = parsed.GetValue(_file) ?? parsed.GetValue(_model) ?? EmbeddedModel.Path;
            InfoReport report = Read(path);
            if (parsed.GetValue(_json)) CliJson.WriteLine(_console.Out, report, CliJson.Default.InfoReport);
            else Write(report);
            return ExitCode.Success;
        });
    }

    private static InfoReport Read(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        ModelConfig config = ModelConfig.From(file);
        return new InfoReport
        {
            File = path,
            FileBytes = new FileInfo(path).Length,
            GgufVersion = file.Version,
            Name = config.Name,
            Architecture = config.Architecture,
            Layers = config.Layers,
            Hidden = config.Hidden,
            FeedForward = config.FeedForward,
            QueryHeads = config.QueryHeads,
            KvHeads = config.KeyValueHeads,
            HeadDim = config.HeadDim,
            Vocabulary = config.Vocabulary,
            TrainedContext = config.TrainedContext,
            RopeBase = config.Rotary.Base,
            RopeScaling = config.Rotary.Scaling switch
            {
                RotaryScaling.Linear => "linear",
                RotaryScaling.Ntk => "ntk",
                RotaryScaling.Yarn => "yarn",
                _ => "none",
            },
            RopeFactor = config.Rotary.Factor,
            Tokenizer = file.Metadata.GetString("tokenizer.ggml.model", "none"),
            PreTokenizer = file.Metadata.GetString("tokenizer.ggml.pre", "") is { Length: > 0 } pre ? pre : null,
            ChatTemplate = file.Metadata.GetString("tokenizer.chat_template", "").Length > 0,
            Parameters = file.Tensors.Values.Sum(tensor => tensor.ElementCount),
            Tensors = [.. file.Tensors.Values.GroupBy(tensor => tensor.Type)
                .OrderByDescending(group => group.Sum(tensor => tensor.ByteLength))
                .Select(group => new TensorGroup
                {
                    Type = group.Key.ToString().ToUpperInvariant(),
                    Tensors = group.Count(),
                    Bytes = group.Sum(tensor => tensor.ByteLength),
                })],
            KvBytesPerToken = KeyValueCache.BytesPerToken(config.Attention),
            SketchBytesPerToken = KeyValueCache.SketchBytesPerToken(config.Attention),
            CacheFolder = PrepackedCache.DefaultDirectory,
        };
    }

    private void Write(InfoReport r)
    {
        Line("file", $"{r.File} ({r.FileBytes / 1e6:0.0} MB, GGUF v{r.GgufVersion})");
        Line("name", $"{r.Name}");
        Line("architecture", $"{r.Architecture}, {r.Parameters / 1e6:0.0} M parameters");
        Line("layers", $"{r.Layers} of width {r.Hidden}, feed-forward {r.FeedForward}");
        Line("heads", $"{r.QueryHeads} query, {r.KvHeads} key-value, {r.HeadDim} numbers each");
        Line("context", $"{r.TrainedContext} tokens trained; RoPE base {r.RopeBase:0.##}, scaling {r.RopeScaling} by {r.RopeFactor:0.##}");
        double full = (double)(r.KvBytesPerToken + r.SketchBytesPerToken) * r.TrainedContext / 1e6;
        Line("KV cache", $"{r.KvBytesPerToken} bytes a token, and {r.SketchBytesPerToken} of sketches; {full:0.0} MB at {r.TrainedContext} tokens");
        Line("tokenizer", $"{r.Tokenizer}{(r.PreTokenizer is null ? "" : $" ({r.PreTokenizer})")}, {r.Vocabulary} tokens");
        Line("chat template", $"{(r.ChatTemplate ? "yes" : "no; use --raw")}");
        foreach (TensorGroup group in r.Tensors) Line("tensors", $"{group.Tensors} of {group.Type}, {group.Bytes / 1e6:0.0} MB");
        Line("cache folder", $"{r.CacheFolder}");
    }

    private void Line(string name, FormattableString value) =>
        _console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-14} {value.ToString(CultureInfo.InvariantCulture)}"));
}

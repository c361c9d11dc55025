using System.CommandLine;
using System.Runtime.InteropServices;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;
using Halfspace.Runtime;
using Halfspace.Server;

namespace Halfspace.Cli.Serve;

/// <summary><c>halfspace serve</c>: models behind an HTTP server that speaks OpenAI's API.</summary>
internal sealed class ServeCommand : Command
{
    private const string DefaultUrl = "http://localhost:8484";

    private readonly CliConsole _console;
    private readonly Option<string?> _urls = NewOption.Text("--urls", "URLS",
        $"Where to listen, http://HOST:PORT, more with commas between (default {DefaultUrl}).");
    private readonly Option<string[]> _models = new("--model")
    {
        HelpName = "[NAME=]GGUF",
        Description = "A model's file, and the name that requests call it by (default: the embedded model, the file's name); may be given more than once.",
    };

    private readonly Option<string?> _keys = NewOption.Text("--api-key-file", "FILE",
        "Asks requests for one of the keys in a file, one a line, each as it is or as sha256: and its hash.");
    private readonly Option<bool> _anonymous = NewOption.Flag("--allow-anonymous", "Lets other machines in without a key.");
    private readonly Option<int?> _slots = NewOption.Whole("--slots", "N", 1, "Requests of a model that are answered at once (default 8).",
        1024);
    private readonly Option<int?> _queue = NewOption.Whole("--queue", "N", 0, "Requests of a model that may wait besides (default 128).",
        1 << 20);
    private readonly Option<int?> _body = NewOption.Whole("--max-body", "BYTES", 1, "The longest body of a request (default 4 MiB).",
        1 << 30);
    private readonly Option<double?> _temperature = NewOption.Real("--temp", "T",
        "The temperature of requests that name none (default 0, greedy).", value => value is >= 0 and <= 2, "from 0 to 2");

    private readonly StoreArguments _store;
    private readonly ModelArguments _model;
    private readonly AttentionArguments _attention;

    public ServeCommand(CliConsole console)
        : base("serve", "Serves models over HTTP as OpenAI's API does.")
    {
        _console = console;
        Options.Add(_urls);
        Options.Add(_models);
        Options.Add(_keys);
        Options.Add(_anonymous);
        Options.Add(_slots);
        Options.Add(_queue);
        Options.Add(_body);
        Options.Add(_temperature);
        _store = new StoreArguments(this);
        _model = new ModelArguments(this, names: false);
        _attention = new AttentionArguments(this);
        SetAction((parsed, _) => RunAsync(parsed));
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(_console.Interrupt.Token);
        // What service managers and containers send.
        using PosixSignalRegistration termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            stop.Cancel();
        });
        HalfspaceServer server = HalfspaceServer.Create(
            options => Configure(options, parsed),
            (parsed.GetValue(_urls) ?? DefaultUrl).Split(',', ';').Select(url => url.Trim()),
            parsed.GetValue(_anonymous),
            ServeLog.Add);
        await using (server.ConfigureAwait(false))
        {
            await server.StartAsync(stop.Token).ConfigureAwait(false);
            _console.Out.WriteLine($"Listening at {string.Join(", ", server.Urls)}; Ctrl-C stops it.");
            await server.WaitAsync(stop.Token).ConfigureAwait(false);
        }

        return ExitCode.Success;
    }

    private void Configure(HalfspaceServerOptions options, ParseResult parsed)
    {
        AttentionOptions attention = _attention.One(parsed);
        foreach (string given in parsed.GetValue(_models) is { Length: > 0 } models ? models : [EmbeddedModel.Path])
        {
            (string? name, string path) = given.Split('=', 2) is [string before, string after] && !File.Exists(given) ? (before, after)
                : (null, given);
            options.Models.Add(new ServedModelOptions(name ?? Path.GetFileNameWithoutExtension(path), path)
            {
                Model = _model.Options(parsed),
                Context = _model.Context(parsed, attention, _attention.Prompt(parsed, attention)),
            });
        }

        options.Slots = parsed.GetValue(_slots) ?? options.Slots;
        options.Queue = parsed.GetValue(_queue) ?? options.Queue;
        options.MaxBodyBytes = parsed.GetValue(_body) ?? options.MaxBodyBytes;
        options.ContextFolder = _store.Folder(parsed);
        options.Temperature = (float)(parsed.GetValue(_temperature) ?? options.Temperature);
        if (parsed.GetValue(_keys) is { } keys) options.ApiKeys = ApiKeys.Load(keys);
    }
}

using System.CommandLine;
using System.Globalization;
using Halfspace.Attention;
using Halfspace.Cli.CommandLine;
using Halfspace.Server;

namespace Halfspace.Cli.Bench.Serve;

/// <summary><c>halfspace bench serve</c>: a server under clients that stream chat completions.</summary>
internal sealed class LoadCommand : Command
{
    private const int MostClients = 1000;
    private readonly CliConsole _console;
    private readonly Option<string?> _url = NewOption.Text("--url", "URL", "A server that runs (default: one of this process, on a free port).",
        text => Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https", "http://HOST:PORT");

    private readonly Option<int?> _clients = NewOption.Whole("--clients", "N", 1,
        "Clients that ask at once (default 64; with --compare 8).", MostClients);
    private readonly Option<int?> _seconds = NewOption.Whole("--seconds", "N", 1, "How long they ask (default 60).", 86_400);
    private readonly Option<int?> _tokens = NewOption.Whole("--tokens", "N", 1, "The most tokens of an answer (default 32).", 1 << 20);
    private readonly Option<bool> _compare = NewOption.Flag("--compare", "Compares questions at once with as many one after another, by tokens a second.");
    private readonly Option<bool> _json = NewOption.Flag("--json", "Prints a JSON object a line.");
    private readonly Option<int?> _slots = NewOption.Whole("--slots", "N", 1, "Requests that the server answers at once (default 8).", 1024);
    private readonly ModelArguments _model;
    private readonly AttentionArguments _attention;
    private readonly Option[] _ofServer;

    public LoadCommand(CliConsole console)
        : base("serve", "Measures a server under clients that each stream an answer and ask again: failed and lost answers, times, tokens a second, memory.")
    {
        _console = console;
        Option[] general = [_url, _clients, _seconds, _tokens, _compare, _json];
        foreach (Option option in general) Options.Add(option);
        Options.Add(_slots);
        _model = new ModelArguments(this);
        _attention = new AttentionArguments(this);
        _ofServer = [.. Options.Except(general)];
        SetAction((parsed, _) => RunAsync(parsed));
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        CancellationToken cancellation = _console.Interrupt.Token;
        string? url = parsed.GetValue(_url);
        if (url is not null && _ofServer.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } extra)
            throw new UsageException($"{extra.Name} is for a server of this process; leave it or --url out.");
        bool compare = parsed.GetValue(_compare);
        int clients = parsed.GetValue(_clients) ?? (compare ? 8 : 64);
        TimeSpan time = TimeSpan.FromSeconds(parsed.GetValue(_seconds) ?? 60);
        LoadTarget target = url is null
            ? await LoadTarget.StartAsync(options => Configure(options, parsed, clients), cancellation).ConfigureAwait(false)
            : await LoadTarget.ConnectAsync(url, cancellation).ConfigureAwait(false);
        await using (target.ConfigureAwait(false))
        {
            LoadBench bench = new(target, parsed.GetValue(_tokens) ?? 32, cancellation);
            if (compare) Write(await bench.CompareAsync(clients, time).ConfigureAwait(false), parsed.GetValue(_json));
            else Write(await bench.LoadAsync(clients, time).ConfigureAwait(false), parsed.GetValue(_json));
            if (bench.Error is not { } error) return ExitCode.Success;
            _console.Fail($"Not every answer came whole; the first that did not: {error.TrimEnd('.', '\n')}.");
            return ExitCode.Failure;
        }
    }

    private void Configure(HalfspaceServerOptions options, ParseResult parsed, int clients)
    {
        AttentionOptions attention = _attention.One(parsed);
        string path = _model.Path(parsed);
        options.Models.Add(new ServedModelOptions(Path.GetFileNameWithoutExtension(path), path)
        {
            Model = _model.Options(parsed),
            Context = _model.Context(parsed, attention, _attention.Prompt(parsed, attention)),
        });
        options.Slots = parsed.GetValue(_slots) ?? options.Slots;
        // More clients than there are places would measure refusals.
        options.Queue = Math.Max(options.Queue, clients);
    }

    private void Write(LoadReport r, bool json)
    {
        if (json)
        {
            CliJson.WriteLine(_console.Out, r, CliJson.Default.LoadReport);
            return;
        }

        Line($"{r.Clients} clients for {r.Seconds:0.0} s: {r.Requests} requests, {r.Failed} failed, {r.Lost} lost; each client had {r.FewestOfAClient} answers or more");
        Line($"an answer: median {r.MedianSeconds:0.00} s, slowest {r.SlowestSeconds:0.00} s ({r.SlowestOverMedian:0.00} times the median)");
        Line($"its first token: median {r.FirstTokenMedianSeconds:0.00} s, slowest {r.FirstTokenSlowestSeconds:0.00} s");
        Line($"{r.Tokens} tokens, {r.TokensPerSecond:0.0} a second");
        if (r is { MemoryBytesStart: { } start, MemoryBytesEnd: { } end })
            Line($"memory with the clients: {start / 1e6:0} MB at the start, {end / 1e6:0} MB at the end");
    }

    private void Write(ThroughputReport r, bool json)
    {
        if (json)
        {
            CliJson.WriteLine(_console.Out, r, CliJson.Default.ThroughputReport);
            return;
        }

        Line($"{r.Rounds} rounds of {r.AtOnce} questions each way, {r.Failed} failed, {r.Lost} lost");
        Line($"one after another {r.SerialTokensPerSecond:0.0} tokens/s, at once {r.ParallelTokensPerSecond:0.0} tokens/s: {r.Ratio:0.00} times as many");
    }

    private void Line(FormattableString text) => _console.Out.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}

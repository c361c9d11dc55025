using Halfspace.Runtime.Gguf;
using Halfspace.Runtime.Operators;
using Halfspace.Runtime.Saved;
using Halfspace.Runtime.Weights;
using Microsoft.ML.OnnxRuntime;

namespace Halfspace.Runtime.Decoder;

/// <summary>A decoder's graph in one session of ONNX Runtime. Runs of different contexts may overlap; each uses a <see cref="DecoderRun"/>.</summary>
public sealed class DecoderSession : IDisposable
{
    // Of opening the cache, each but the first after making it anew.
    private const int Attempts = 3;

    private static readonly Lock First = new();
    private static bool _hasDomain;

    private readonly Lazy<ModelFingerprint> _fingerprint;

    private DecoderSession(GgufFile file, ModelConfig config, InferenceSession session, DecoderOptions options)
    {
        Threads = ThreadsOf(options);
        _fingerprint = new Lazy<ModelFingerprint>(() => ModelFingerprint.Of(file, config, options.Arithmetic));
        Config = config;
        Session = session;
        Rotary = new RotaryEmbedding(config.Rotary);
        TokenEmbeddings = file.Tensors["token_embd.weight"];
    }

    /// <summary>The decoder's hyper-parameters.</summary>
    public ModelConfig Config { get; }

    internal InferenceSession Session { get; }

    /// <summary>Threads of a run.</summary>
    internal int Threads { get; }

    internal RotaryEmbedding Rotary { get; }

    internal GgufTensor TokenEmbeddings { get; }

    /// <summary>What saved contexts know the model by.</summary>
    internal ModelFingerprint Fingerprint => _fingerprint.Value;

    /// <summary>Opens a decoder: from the cache of prepacked weights if it has this file, else by generating the graph and filling the cache.</summary>
    /// <param name="file">The model; it must stay open as long as the session, which reads embeddings from it.</param>
    /// <param name="config">Its hyper-parameters, possibly with another rotation.</param>
    /// <param name="options">Threads and precision.</param>
    /// <param name="beforeFilling">Called before weights are converted, which takes long; what it throws is passed on.</param>
    /// <exception cref="ModelException">The file's tensors do not fit its hyper-parameters, or the cache cannot be written.</exception>
    public static DecoderSession Load(GgufFile file, ModelConfig config, DecoderOptions options, Action? beforeFilling = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(options);
        long width = file.Tensors["token_embd.weight"].Dimensions[0];
        if (width != config.Hidden)
            throw new ModelException($"{file.Name}: token_embd.weight has rows of {width}; embedding_length is {config.Hidden}.");
        string place = Place(file, options), root = Path.GetDirectoryName(place)!;
        string graph = Path.Combine(place, PrepackedCache.GraphName);
        bool told = false;
        try
        {
            for (int attempt = 1; ; attempt++)
            {
                if (!File.Exists(graph))
                {
                    if (!told) beforeFilling?.Invoke();
                    told = true;
                    Fill(file, config, options, root, place);
                }

                try
                {
                    return new DecoderSession(file, config, Open(graph, options), options);
                }
                catch (OnnxRuntimeException) when (attempt < Attempts)
                {
                    // A cache that does not open is made again. It may be one that another process has just taken away for the same reason.
                    PrepackedCache.Discard(place, Aside(root));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException($"The prepared weights cannot be written to {root} ({e.Message}); set {PrepackedCache.Variable} to a folder with room.", e);
        }
    }

    /// <summary>Buffers and state for one run of the graph at a time.</summary>
    public DecoderRun CreateRun() => new(this);

    /// <inheritdoc/>
    public void Dispose() => Session.Dispose();

    private static void Fill(GgufFile file, ModelConfig config, DecoderOptions options, string root, string place)
    {
        Directory.CreateDirectory(root);
        string work = Aside(root);
        Directory.CreateDirectory(work);
        try
        {
            string plain = Path.Combine(work, "plain.onnx"), finished = Path.Combine(work, "finished");
            using (WeightFile weights = new(Path.Combine(work, "plain.weights")))
                File.WriteAllBytes(plain, DecoderGraph.Build(file, config, weights, options.Arithmetic));
            // ONNX Runtime's kernels load packed weights 64 bytes at a time, and it does not align them in the file that it saves.
            Save(plain, finished, prepacked: true, options);
            if (!PrepackedCache.IsAligned(Path.Combine(finished, PrepackedCache.GraphName)))
            {
                Directory.Delete(finished, true);
                Save(plain, finished, prepacked: false, options);
            }

            PrepackedCache.Publish(finished, place);
        }
        finally
        {
            Directory.Delete(work, true);
        }
    }

    private static string Aside(string root) => Path.Combine(root, "filling-" + Guid.NewGuid().ToString("N"));

    private static string Place(GgufFile file, DecoderOptions options) => Path.Combine(
        Path.GetFullPath(options.CacheDirectory ?? PrepackedCache.DefaultDirectory),
        PrepackedCache.Key(file) + options.Arithmetic switch
        {
            Arithmetic.FloatActivations => "-float-activations",
            Arithmetic.Dequantised => "-float",
            _ => "",
        });

    private static void Save(string plain, string finished, bool prepacked, DecoderOptions options)
    {
        Directory.CreateDirectory(finished);
        using SessionOptions session = Options(options);
        session.GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL;
        session.OptimizedModelFilePath = Path.Combine(finished, PrepackedCache.GraphName);
        session.AddSessionConfigEntry("session.optimized_model_external_initializers_file_name", PrepackedCache.WeightsName);
        session.AddSessionConfigEntry("session.optimized_model_external_initializers_min_size_in_bytes", "1024");
        session.AddSessionConfigEntry("session.save_external_prepacked_constant_initializers", prepacked ? "1" : "0");
        // This session is thrown away: it holds the weights twice.
        using InferenceSession unused = Create(plain, session);
    }

    private static InferenceSession Open(string graph, DecoderOptions options)
    {
        using SessionOptions session = Options(options);
        session.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL;
        return Create(graph, session);
    }

    // The first session adds the operator's domain to a list of the whole process; a second that began meanwhile would add it again, and fail.
    private static InferenceSession Create(string graph, SessionOptions session)
    {
        if (Volatile.Read(ref _hasDomain)) return new InferenceSession(graph, session);
        lock (First)
        {
            InferenceSession created = new(graph, session);
            Volatile.Write(ref _hasDomain, true);
            return created;
        }
    }

    private static int ThreadsOf(DecoderOptions options) => options.Threads > 0 ? options.Threads : Environment.ProcessorCount;

    private static SessionOptions Options(DecoderOptions options)
    {
        SessionOptions session = new()
        {
            IntraOpNumThreads = ThreadsOf(options),
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        AttentionOperator.Register(session);
        return session;
    }
}

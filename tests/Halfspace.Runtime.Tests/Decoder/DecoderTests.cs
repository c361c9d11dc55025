using Halfspace.Runtime.Gguf;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Decoder;

/// <summary>Generated graphs of every architecture and weight type against the reference decoder.</summary>
public sealed class DecoderTests
{
    private static readonly int[] _tokens = [.. "In the beginning was the word"u8.ToArray().Select(b => (int)b)];

    public static TheoryData<string, GgufTensorType, bool, bool> Models()
    {
        TheoryData<string, GgufTensorType, bool, bool> models = [];
        foreach (string architecture in new[] { "llama", "qwen2", "qwen3", "halfspace-relu" })
            foreach (bool option in new[] { false, true })
                models.Add(architecture, GgufTensorType.F32, option, option);
        foreach (GgufTensorType type in Enum.GetValues<GgufTensorType>())
            if (type != GgufTensorType.F32) models.Add("llama", type, true, false);
        return models;
    }

    [Theory, MemberData(nameof(Models))]
    public void Logits_are_the_reference_s(string architecture, GgufTensorType type, bool tied, bool factors)
    {
        using TinyModelFile tiny = new(new TinyModel { Architecture = architecture, Type = type, TiedOutput = tied, RopeFactors = factors });
        using GgufFile file = GgufFile.Open(tiny.Path);
        double[][] expected = new ReferenceDecoder(file).Logits(_tokens);
        // Float weights leave the float16 cache as the only rounding; integer kernels quantise activations to 8 bits. ReLU attention weighs
        // by what is left of a score above the bias, which rounding moves more.
        double close = architecture == "halfspace-relu" ? 1e-2 : 2e-3;
        Equal(expected, tiny, Arithmetic.Dequantised, close);
        Equal(expected, tiny, Arithmetic.Quantised, tolerance: type is GgufTensorType.F32 or GgufTensorType.F16 or GgufTensorType.BF16 ? close : 0.03);
        if (type is GgufTensorType.Q4_0 or GgufTensorType.Q4_1 or GgufTensorType.Q4_K)
            Equal(expected, tiny, Arithmetic.FloatActivations, tolerance: 2e-3);
    }

    private static void Equal(double[][] expected, TinyModelFile tiny, Arithmetic arithmetic, double tolerance)
    {
        using HalfspaceModel model = tiny.Load(arithmetic);
        using ModelContext context = model.CreateContext();
        context.ReadScored(_tokens, decoding: false, TestContext.Current.CancellationToken);
        for (int row = 0; row < _tokens.Length; row++)
        {
            double error = 0, scale = 0;
            for (int i = 0; i < expected[row].Length; i++)
            {
                error += Math.Pow(context.LogitsOf(row)[i] - expected[row][i], 2);
                scale += Math.Pow(expected[row][i], 2);
            }

            Assert.True(error <= tolerance * tolerance * scale, $"row {row} is off by {Math.Sqrt(error / scale):E2}");
        }
    }
}

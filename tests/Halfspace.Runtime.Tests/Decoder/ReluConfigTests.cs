using Halfspace.Attention;
using Halfspace.Runtime.Decoder;
using Halfspace.Runtime.Gguf;
using Halfspace.Tests;

namespace Halfspace.Runtime.Tests.Decoder;

/// <summary>The hyper-parameters of ReLU attention.</summary>
public sealed class ReluConfigTests
{
    [Fact]
    public void Power_and_bias_are_the_file_s()
    {
        AttentionFunction function = Read(new TinyModel { Architecture = "halfspace-relu", ReluPower = 3, ReluBiasScale = 0.5f }).Function;
        Assert.Equal(new AttentionFunction.Relu(3, 0.5, 1e-6), function);
        Assert.IsType<AttentionFunction.Softmax>(Read(new TinyModel()).Function);
    }

    [Theory]
    [InlineData(0, 0.4f, "attention.relu_power is 0")]
    [InlineData(4, 0.4f, "attention.relu_power is 4, which is not 1, 2 or 3")]
    [InlineData(2, -0.4f, "attention.relu_bias_scale is -0.4")]
    [InlineData(2, float.NaN, "attention.relu_bias_scale is NaN")]
    [InlineData(2, float.PositiveInfinity, "attention.relu_bias_scale is")]
    public void What_cannot_be_is_named(int power, float scale, string says)
    {
        TinyModel model = new() { Architecture = "halfspace-relu", ReluPower = power, ReluBiasScale = scale };
        ModelException e = Assert.Throws<ModelException>(() => Read(model));
        Assert.StartsWith("tiny.gguf: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    private static ModelConfig Read(TinyModel model)
    {
        using GgufFile file = GgufFile.Read(model.ToGguf(), "tiny.gguf");
        return ModelConfig.From(file);
    }
}

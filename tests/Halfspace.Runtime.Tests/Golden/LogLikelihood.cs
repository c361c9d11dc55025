using System.Numerics.Tensors;

namespace Halfspace.Runtime.Tests.Golden;

/// <summary>Negative log-likelihoods.</summary>
internal static class LogLikelihood
{
    /// <summary>−ln softmax(logits)[token].</summary>
    public static double Of(ReadOnlySpan<float> logits, int token)
    {
        float max = TensorPrimitives.Max(logits);
        float[] weights = new float[logits.Length];
        TensorPrimitives.Subtract(logits, max, weights);
        TensorPrimitives.Exp<float>(weights, weights);
        return max + Math.Log(TensorPrimitives.Sum<float>(weights)) - logits[token];
    }

    /// <summary>The mean over a teacher-forced pass, dense, in chunks.</summary>
    public static double Mean(ModelContext context, int[] ids)
    {
        const int Chunk = 128;
        double sum = 0;
        for (int start = 0; start < ids.Length; start += Chunk)
        {
            int count = Math.Min(Chunk, ids.Length - start);
            context.ReadScored(ids.AsSpan(start, count), decoding: false, TestContext.Current.CancellationToken);
            for (int i = 0; i < count && start + i + 1 < ids.Length; i++) sum += Of(context.LogitsOf(i), ids[start + i + 1]);
        }

        return sum / (ids.Length - 1);
    }
}

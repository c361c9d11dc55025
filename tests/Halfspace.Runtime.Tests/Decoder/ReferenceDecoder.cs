using Halfspace.Attention;
using Halfspace.Runtime.Decoder;
using Halfspace.Runtime.Gguf;

namespace Halfspace.Runtime.Tests.Decoder;

/// <summary>The decoder as its equations say, in double and without any library: what the graph is compared with.</summary>
internal sealed class ReferenceDecoder(GgufFile file)
{
    private readonly ModelConfig _config = ModelConfig.From(file);

    /// <summary>Logits after each token, [tokens][vocabulary].</summary>
    public double[][] Logits(int[] tokens)
    {
        int n = tokens.Length, hidden = _config.Hidden, d = _config.HeadDim;
        double[] embeddings = Weights("token_embd.weight");
        double[][] x = [.. tokens.Select(t => embeddings[(t * hidden)..((t + 1) * hidden)])];
        RotaryEmbedding rotary = new(_config.Rotary);
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            string p = $"blk.{layer}.";
            double[][] normed = [.. x.Select(row => Norm(row, Weights(p + "attn_norm.weight")))];
            double[][] q = Project(p + "attn_q", normed), k = Project(p + "attn_k", normed), v = Project(p + "attn_v", normed);
            for (int i = 0; i < n; i++)
            {
                Heads(q[i], p + "attn_q_norm.weight", rotary, i);
                Heads(k[i], p + "attn_k_norm.weight", rotary, i);
            }

            double[][] attended = [.. Enumerable.Range(0, n).Select(i => Attend(q[i], k, v, i))];
            double[][] output = Project(p + "attn_output", attended);
            for (int i = 0; i < n; i++) x[i] = Sum(x[i], output[i]);
            normed = [.. x.Select(row => Norm(row, Weights(p + "ffn_norm.weight")))];
            double[][] gate = Project(p + "ffn_gate", normed), up = Project(p + "ffn_up", normed);
            double[][] inner = [.. gate.Zip(up, (g, u) => g.Zip(u, (a, b) => a / (1 + Math.Exp(-a)) * b).ToArray())];
            double[][] down = Project(p + "ffn_down", inner);
            for (int i = 0; i < n; i++) x[i] = Sum(x[i], down[i]);
        }

        string head = file.Tensors.ContainsKey("output.weight") ? "output" : "token_embd";
        return Project(head, [.. x.Select(row => Norm(row, Weights("output_norm.weight")))]);

        double[] Attend(double[] query, double[][] k, double[][] v, int position)
        {
            double[] result = new double[_config.QueryHeads * d];
            for (int h = 0; h < _config.QueryHeads; h++)
            {
                int kv = h / (_config.QueryHeads / _config.KeyValueHeads) * d;
                double[] scores = [.. Enumerable.Range(0, position + 1)
                    .Select(j => Enumerable.Range(0, d).Sum(c => query[h * d + c] * k[j][kv + c]) / Math.Sqrt(d))];
                double[] weights = Weights(scores);
                for (int j = 0; j <= position; j++)
                    for (int c = 0; c < d; c++) result[h * d + c] += weights[j] * v[j][kv + c];
            }

            return result;
        }
    }

    private double[] Weights(double[] scores)
    {
        double max = scores.Max(), epsilon = 0;
        double[] weights = [.. scores.Select(s => Math.Exp(s - max))];
        if (_config.Function is AttentionFunction.Relu relu)
        {
            double bias = Math.Sqrt(relu.BiasScale * Math.Log(scores.Length));
            weights = [.. scores.Select(s => Math.Pow(Math.Max(s - bias, 0), relu.Power))];
            epsilon = relu.Epsilon;
        }

        double sum = weights.Sum() + epsilon;
        return [.. weights.Select(w => w / sum)];
    }

    private void Heads(double[] row, string norm, RotaryEmbedding rotary, int position)
    {
        int d = _config.HeadDim, half = rotary.Dimensions / 2;
        float[] cosines = new float[half], sines = new float[half], turned = new float[d];
        rotary.Angles(position, cosines, sines);
        for (int at = 0; at < row.Length; at += d)
        {
            double[] head = row[at..(at + d)];
            if (file.Tensors.ContainsKey(norm)) head = Norm(head, Weights(norm));
            rotary.Rotate([.. head.Select(c => (float)c)], cosines, sines, turned);
            for (int c = 0; c < d; c++) row[at + c] = turned[c];
        }
    }

    private double[][] Project(string name, double[][] rows)
    {
        double[] weights = Weights(name + ".weight");
        double[]? bias = file.Tensors.ContainsKey(name + ".bias") ? Weights(name + ".bias") : null;
        int inner = rows[0].Length, outer = weights.Length / inner;
        return [.. rows.Select(row => Enumerable.Range(0, outer)
            .Select(o => Enumerable.Range(0, inner).Sum(i => weights[o * inner + i] * row[i]) + (bias?[o] ?? 0)).ToArray())];
    }

    private double[] Norm(double[] row, double[] weight)
    {
        double scale = 1 / Math.Sqrt(row.Average(x => x * x) + _config.NormEpsilon);
        return [.. row.Zip(weight, (x, w) => x * scale * w)];
    }

    private readonly Dictionary<string, double[]> _weights = [];

    private double[] Weights(string name)
    {
        if (_weights.TryGetValue(name, out double[]? known)) return known;
        GgufTensor tensor = file.Tensors[name];
        float[] values = new float[tensor.ElementCount];
        Dequantizer.Dequantize(tensor.Type, tensor.Data, values);
        return _weights[name] = [.. values.Select(x => (double)x)];
    }

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];
}

namespace Halfspace.Kernels.Tests;

/// <summary>Seeded numbers.</summary>
internal static class Data
{
    /// <summary>Uniform in ±<paramref name="scale"/>.</summary>
    public static float[] Floats(int count, int seed, float scale = 1)
    {
        Random random = new(seed);
        float[] data = new float[count];
        for (int i = 0; i < count; i++) data[i] = ((2 * random.NextSingle()) - 1) * scale;
        return data;
    }

    /// <summary>Integers from −8 to 8: sums of their products are exact in float.</summary>
    public static float[] Integers(int count, int seed)
    {
        Random random = new(seed);
        float[] data = new float[count];
        for (int i = 0; i < count; i++) data[i] = random.Next(-8, 9);
        return data;
    }

    public static Half[] Halves(float[] data) => Array.ConvertAll(data, x => (Half)x);
}

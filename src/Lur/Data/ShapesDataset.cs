namespace Lur.Data;

/// <summary>Generated images for models that draw: seven classes of bright 16 x 16 shapes, upright and about in the middle, on a dark
/// ground. Few things vary (colour, place, size, ground), so that a small model learns them in minutes on two cores, and a person sees
/// at a glance what was drawn. Sample i has label i mod 7 and does not depend on the size of the set.</summary>
/// <remarks>As for <see cref="SyntheticDataset"/> the pixels are the same bits on every machine; changing them means a new
/// <see cref="GeneratedDataset.Name"/>.</remarks>
public sealed class ShapesDataset : GeneratedDataset
{
    /// <summary>Rows and columns.</summary>
    public const int Side = 16;

    private static readonly string[] s_names = ["disc", "square", "triangle", "star", "cross", "ring", "crescent"];

    /// <summary>Creates a set; samples are generated when read.</summary>
    /// <param name="count">Number of samples, 1 or more.</param>
    /// <param name="seed">Seed of all samples.</param>
    /// <param name="part">Train or test.</param>
    public ShapesDataset(int count, ulong seed, SyntheticPart part)
        : base("shapes", 1, s_names, Side, count, seed, part) { }

    private protected override void Draw(int label, SampleRandom random, Span<byte> chw)
    {
        float x = 7.5f + random.Uniform(-1.2f, 1.2f),
            y = 7.5f + random.Uniform(-1.2f, 1.2f),
            radius = random.Uniform(4.6f, 6);
        var shape = Shape.Upright(label, x, y, radius);
        Span<float> ground = stackalloc float[3],
            colour = stackalloc float[3];
        ground.Fill(random.Uniform(20, 60));
        // One channel full, one low, one between: bright colours of any hue.
        var (full, low) = (random.Below(3), 1 + random.Below(2));
        colour.Fill(random.Uniform(80, 230));
        (colour[full], colour[(full + low) % 3]) = (random.Uniform(220, 255), random.Uniform(40, 110));
        for (var i = 0; i < Side * Side; i++)
        {
            var cover = Math.Clamp(0.5f - shape.Distance(i % Side, i / Side), 0, 1);
            for (var c = 0; c < 3; c++)
                chw[(c * Side * Side) + i] = (byte)(ground[c] + (cover * (colour[c] - ground[c])) + 0.5f);
        }
    }
}

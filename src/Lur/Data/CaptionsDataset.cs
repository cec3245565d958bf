namespace Lur.Data;

/// <summary>Generated images with captions, for models that draw what a sentence says: one or two bright 24 x 24 shapes of six kinds, six
/// colours and three textures on a dark ground. The classes are the captions. Sample i has caption i mod their number and does not depend
/// on the size of the set.</summary>
/// <remarks>As for <see cref="SyntheticDataset"/> the pixels are the same bits on every machine; changing them means a new
/// <see cref="GeneratedDataset.Name"/>.</remarks>
public sealed class CaptionsDataset : GeneratedDataset
{
    /// <summary>Rows and columns.</summary>
    public const int Side = 24;

    private static readonly (float R, float G, float B)[] s_colours =
    [
        (240, 45, 40),
        (40, 200, 60),
        (50, 90, 250),
        (245, 225, 50),
        (180, 60, 220),
        (245, 245, 245),
    ];

    /// <summary>Creates a set; samples are generated when read.</summary>
    /// <param name="count">Number of samples, 1 or more.</param>
    /// <param name="seed">Seed of all samples.</param>
    /// <param name="part">Train or test.</param>
    public CaptionsDataset(int count, ulong seed, SyntheticPart part)
        : base("captions", 1, Captions, Side, count, seed, part) { }

    /// <summary>The captions.</summary>
    public static IReadOnlyList<string> Captions { get; } = [.. CaptionGrammar.Captions.Select(c => c.Caption)];

    private protected override void Draw(int label, SampleRandom random, Span<byte> chw) =>
        Draw(CaptionGrammar.Captions[label].Scene, random, chw);

    private static void Draw(CaptionedScene scene, SampleRandom random, Span<byte> chw)
    {
        Span<float> canvas = stackalloc float[3 * Side * Side];
        canvas.Fill(random.Uniform(18, 50));
        const float Middle = (Side - 1) / 2f;
        if (scene.Second is not { } second)
        {
            Put(canvas, scene.First, Middle + random.Uniform(-2, 2), Middle + random.Uniform(-2, 2), random.Uniform(7, 9), ref random);
        }
        else
        {
            // Of the two axes one keeps them apart, the other one lets them move.
            var (apart, across) = (random.Uniform(5.4f, 6.2f), random.Uniform(-2, 2));
            var sign = scene.Relation is 0 or 2 ? -1 : 1;
            var (dx, dy) = scene.Relation < 2 ? (across, sign * apart) : (sign * apart, across);
            Put(canvas, scene.First, Middle + dx, Middle + dy, random.Uniform(4.4f, 5.2f), ref random);
            Put(canvas, second, Middle - dx, Middle - dy, random.Uniform(4.4f, 5.2f), ref random);
        }

        for (var i = 0; i < canvas.Length; i++)
            chw[i] = (byte)(canvas[i] + 0.5f);
    }

    private static void Put(Span<float> canvas, CaptionedObject what, float x, float y, float radius, ref SampleRandom random)
    {
        var shape = Shape.Upright(what.Shape, x, y, radius);
        var (r, g, b) = s_colours[what.Colour];
        var light = random.Uniform(0.85f, 1);
        var texture = what.Texture == 0 ? default : Texture.Random(what.Texture == 1 ? 0 : 2, 5, ref random);
        for (var i = 0; i < Side * Side; i++)
        {
            var cover = Math.Clamp(0.5f - shape.Distance(i % Side, i / Side), 0, 1);
            if (cover == 0)
                continue;
            // Dark between the stripes and on the dots.
            var shade = what.Texture == 0 ? light : light * (0.65f + (0.35f * texture.At(i % Side, i / Side)));
            Mix(ref canvas[i], r * shade, cover);
            Mix(ref canvas[(Side * Side) + i], g * shade, cover);
            Mix(ref canvas[(2 * Side * Side) + i], b * shade, cover);
        }
    }

    private static void Mix(ref float of, float with, float share) => of += share * (with - of);
}

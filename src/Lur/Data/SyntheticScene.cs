using System.Runtime.CompilerServices;

namespace Lur.Data;

/// <summary>Draws one sample of <see cref="SyntheticDataset"/> from its random sequence.</summary>
internal static class SyntheticScene
{
    private const int Side = SyntheticDataset.Side,
        Pixels = Side * Side,
        ShapeClasses = 7,
        Classes = 10;

    /// <summary>Draws.</summary>
    /// <param name="label">0 to 9.</param>
    /// <param name="random">The sample's own sequence.</param>
    /// <param name="chw">3 * 32 * 32 bytes.</param>
    [SkipLocalsInit]
    public static void Render(int label, SampleRandom random, Span<byte> chw)
    {
        Span<float> canvas = stackalloc float[3 * Pixels];
        var background = DrawBackground(canvas, ref random);
        for (var i = random.Below(3); i > 0; i--)
            DrawDistractor(canvas, ref random);
        if (random.Uniform() < SyntheticDataset.AmbiguousShare)
        {
            var other = (label + 1 + random.Below(Classes - 1)) % Classes;
            var swap = random.Below(2) == 0;
            float dx = random.Uniform(6, 8),
                dy = random.Uniform(-4, 4);
            DrawObject(canvas, swap ? other : label, 15.5f - dx, 15.5f - dy, random.Uniform(6.5f, 8), background, ref random);
            DrawObject(canvas, swap ? label : other, 15.5f + dx, 15.5f + dy, random.Uniform(6.5f, 8), background, ref random);
        }
        else
        {
            float radius = random.Uniform(7.5f, 12.5f),
                reach = 15.5f - 0.9f * radius;
            DrawObject(
                canvas,
                label,
                15.5f + random.Uniform(-reach, reach),
                15.5f + random.Uniform(-reach, reach),
                radius,
                background,
                ref random
            );
        }
        if (random.Uniform() < 0.25f)
            DrawOccluder(canvas, ref random);
        if (random.Uniform() < 0.3f)
            Blur(canvas);
        Expose(canvas, chw, ref random);
    }

    private static Colour DrawBackground(Span<float> canvas, ref SampleRandom random)
    {
        Colour a = Colour.Random(ref random),
            b = Colour.Mix(a, Colour.Random(ref random), random.Uniform(0, 0.8f));
        (var gx, var gy) = Direction(ref random);
        var amplitude = random.Uniform() < 0.6f ? 0 : random.Uniform(4, 20);
        var texture = Texture.Random(random.Below(4), random.Uniform(3, 11), ref random);
        for (var y = 0; y < Side; y++)
        for (var x = 0; x < Side; x++)
        {
            float t = 0.5f + (gx * (x - 15.5f) + gy * (y - 15.5f)) / 44,
                v = amplitude * texture.At(x, y);
            var c = Colour.Mix(a, b, t);
            Put(canvas, y * Side + x, new Colour(c.R + v, c.G + v, c.B + v), 1);
        }
        return Colour.Mix(a, b, 0.5f);
    }

    private static void DrawDistractor(Span<float> canvas, ref SampleRandom random)
    {
        var shape = Shape.Random(
            random.Below(ShapeClasses),
            random.Uniform(0, 32),
            random.Uniform(0, 32),
            random.Uniform(1.2f, 2.8f),
            ref random
        );
        Paint(canvas, shape, Colour.Random(ref random), Colour.Random(ref random), 0, default, random.Uniform(0.5f, 1));
    }

    private static void DrawObject(
        Span<float> canvas,
        int label,
        float x,
        float y,
        float radius,
        Colour background,
        ref SampleRandom random
    )
    {
        var textured = label >= ShapeClasses;
        var shape = Shape.Random(textured ? random.Below(ShapeClasses) : label, x, y, textured ? radius * 1.15f : radius, ref random);
        var kind = textured ? label - ShapeClasses : random.Below(4);
        // 0 is plain, 1 alternates fully between two colours. The ranges overlap: a weakly textured shape is a shape.
        var strength =
            textured ? random.Uniform(0.4f, 1)
            : random.Uniform() < 0.6f ? 0
            : random.Uniform(0, 0.45f);
        var texture = Texture.Random(kind, random.Uniform(3.5f, 6.5f), ref random);
        Colour first = Colour.Mix(Colour.Away(background, ref random), Colour.Usual(label), 0.6f),
            second = Colour.Away(first, ref random);
        Paint(canvas, shape, first, second, strength, texture, random.Uniform(0.85f, 1));
    }

    private static void Paint(Span<float> canvas, Shape shape, Colour first, Colour second, float strength, Texture texture, float opacity)
    {
        (var x0, var x1, var y0, var y1) = shape.Bounds();
        for (var y = y0; y <= y1; y++)
        for (var x = x0; x <= x1; x++)
        {
            var cover = Math.Clamp(0.5f - shape.Distance(x, y), 0, 1) * opacity;
            if (cover > 0)
                Put(canvas, y * Side + x, Colour.Mix(first, second, strength * (0.5f + 0.5f * texture.At(x, y))), cover);
        }
    }

    private static void DrawOccluder(Span<float> canvas, ref SampleRandom random)
    {
        (var nx, var ny) = Direction(ref random);
        float cx = random.Uniform(6, 26),
            cy = random.Uniform(6, 26),
            half = random.Uniform(0.7f, 1.8f);
        var length = random.Uniform(5, 24);
        var colour = Colour.Random(ref random);
        for (var y = 0; y < Side; y++)
        for (var x = 0; x < Side; x++)
        {
            float across = Math.Abs(nx * (x - cx) + ny * (y - cy)) - half,
                along = Math.Abs(ny * (x - cx) - nx * (y - cy)) - length;
            Put(canvas, y * Side + x, colour, Math.Clamp(0.5f - Math.Max(across, along), 0, 1));
        }
    }

    // A 3 x 3 binomial filter, edges repeated.
    [SkipLocalsInit]
    private static void Blur(Span<float> canvas)
    {
        Span<float> copy = stackalloc float[Pixels];
        for (var c = 0; c < 3; c++)
        {
            var plane = canvas.Slice(c * Pixels, Pixels);
            plane.CopyTo(copy);
            for (var y = 0; y < Side; y++)
            for (var x = 0; x < Side; x++)
            {
                int up = Math.Max(y - 1, 0) * Side,
                    mid = y * Side,
                    down = Math.Min(y + 1, Side - 1) * Side;
                int left = Math.Max(x - 1, 0),
                    right = Math.Min(x + 1, Side - 1);
                plane[mid + x] =
                    (
                        copy[up + left]
                        + copy[up + right]
                        + copy[down + left]
                        + copy[down + right]
                        + 2 * (copy[up + x] + copy[down + x] + copy[mid + left] + copy[mid + right])
                        + 4 * copy[mid + x]
                    ) * 0.0625f;
            }
        }
    }

    // Light, then noise close to normal: the sum of the four bytes of a draw has mean 510 and deviation 147.8.
    private static void Expose(Span<float> canvas, Span<byte> chw, ref SampleRandom random)
    {
        float gain = random.Uniform(0.85f, 1.15f),
            offset = random.Uniform(-15, 15),
            noise = random.Uniform(2, 11) / 147.8f;
        for (var i = 0; i < chw.Length; i++)
        {
            var word = random.Next();
            float draw = (word & 255) + ((word >> 8) & 255) + ((word >> 16) & 255) + (word >> 24);
            chw[i] = (byte)Math.Clamp(canvas[i] * gain + offset + (draw - 510) * noise + 0.5f, 0, 255);
        }
    }

    // Full cover assigns: the canvas starts as whatever the stack held, NaN included.
    private static void Put(Span<float> canvas, int pixel, Colour colour, float cover)
    {
        ref float r = ref canvas[pixel],
            g = ref canvas[Pixels + pixel],
            b = ref canvas[2 * Pixels + pixel];
        if (cover >= 1)
        {
            (r, g, b) = (colour.R, colour.G, colour.B);
            return;
        }
        r += (colour.R - r) * cover;
        g += (colour.G - g) * cover;
        b += (colour.B - b) * cover;
    }

    /// <summary>A unit vector in a uniform direction, by rejection: no sine whose last bit differs between machines.</summary>
    public static (float X, float Y) Direction(ref SampleRandom random)
    {
        while (true)
        {
            float x = random.Uniform(-1, 1),
                y = random.Uniform(-1, 1),
                square = x * x + y * y;
            if (square is > 0.01f and < 1)
                return (x / MathF.Sqrt(square), y / MathF.Sqrt(square));
        }
    }
}

internal readonly record struct Colour(float R, float G, float B)
{
    public static Colour Random(ref SampleRandom random) => new(random.Uniform(20, 235), random.Uniform(20, 235), random.Uniform(20, 235));

    public static Colour Mix(Colour a, Colour b, float t) => new(a.R + (b.R - a.R) * t, a.G + (b.G - a.G) * t, a.B + (b.B - a.B) * t);

    /// <summary>The colour that objects of a class tend to, around the colour circle.</summary>
    public static Colour Usual(int label)
    {
        var hue = 0.6f * label;
        return new Colour(Ramp(hue), Ramp(hue + 4), Ramp(hue + 2));

        // Hue in sixths of the circle: up from 0 to 1, flat, down from 3 to 4, flat.
        static float Ramp(float h)
        {
            h -= h >= 6 ? 6 : 0;
            return 30 + 200 * Math.Clamp(h < 3 ? 2 - h : h - 4, 0, 1);
        }
    }

    /// <summary>A colour that differs visibly from another; after a few tries any colour will do.</summary>
    public static Colour Away(Colour other, ref SampleRandom random)
    {
        var colour = Random(ref random);
        for (var i = 0; i < 6 && Math.Abs(colour.R - other.R) + Math.Abs(colour.G - other.G) + Math.Abs(colour.B - other.B) < 150; i++)
            colour = Random(ref random);
        return colour;
    }
}

/// <summary>A pattern over the image plane with values in [-1, 1]: stripes, checks, dots, or smooth blotches.</summary>
internal readonly struct Texture
{
    private readonly int _kind;
    private readonly float _ux,
        _uy,
        _phaseX,
        _phaseY;

    private Texture(int kind, float ux, float uy, float phaseX, float phaseY) =>
        (_kind, _ux, _uy, _phaseX, _phaseY) = (kind, ux, uy, phaseX, phaseY);

    /// <param name="kind">0 stripes, 1 checks, 2 dots, 3 blotches.</param>
    /// <param name="period">Pixels a period.</param>
    /// <param name="random">Source of direction and phase.</param>
    public static Texture Random(int kind, float period, ref SampleRandom random)
    {
        (var x, var y) = SyntheticScene.Direction(ref random);
        return new Texture(kind, x / period, y / period, random.Uniform(), random.Uniform());
    }

    public float At(float x, float y)
    {
        float a = _ux * x + _uy * y + _phaseX,
            b = _uy * x - _ux * y + _phaseY;
        switch (_kind)
        {
            case 0:
                return Math.Clamp(3 * Triangle(a), -1, 1);
            case 1:
                return Math.Clamp(3 * Triangle(0.5f * a), -1, 1) * Math.Clamp(3 * Triangle(0.5f * b), -1, 1);
            case 2:
                float da = a - MathF.Floor(a) - 0.5f,
                    db = b - MathF.Floor(b) - 0.5f;
                return Math.Clamp((0.30f - MathF.Sqrt(da * da + db * db)) * 8, -1, 1);
            default:
                return 0.5f * (Triangle(0.4f * a + 0.3f * Triangle(0.5f * b)) + Triangle(0.45f * b + 0.3f * Triangle(0.4f * a)));
        }
    }

    /// <summary>A wave of period 1 between -1 and 1 with straight flanks.</summary>
    public static float Triangle(float t) => 4 * Math.Abs(t - MathF.Floor(t) - 0.5f) - 1;
}

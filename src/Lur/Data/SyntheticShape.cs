using System.Runtime.CompilerServices;

namespace Lur.Data;

/// <summary>A silhouette as a signed distance in pixels, negative inside, after rotation, stretch and warp.</summary>
internal struct Shape
{
    private const float Cos36 = 0.809016994f,
        Sin36 = 0.587785252f,
        Cos120 = -0.5f,
        Sin120 = 0.866025404f;
    private const int MaxCorners = 12;

    private readonly int _kind;
    private readonly float _x,
        _y,
        _radius,
        _cos,
        _sin,
        _stretch,
        _warp,
        _warpPhase;
    private int _corners;
    private float _rounding,
        _inner;
    private Corners _cornerX,
        _cornerY;

    [InlineArray(MaxCorners)]
    private struct Corners
    {
        private float _first;
    }

    private Shape(int kind, float x, float y, float radius, ref SampleRandom random)
        : this(kind, x, y, radius)
    {
        (_cos, _sin) = SyntheticScene.Direction(ref random);
        _stretch = random.Uniform(0.83f, 1.2f);
        _warp = random.Uniform(0, 0.06f);
        _warpPhase = random.Uniform();
        Vary(random.Uniform());
    }

    private Shape(int kind, float x, float y, float radius)
    {
        (_kind, _x, _y, _radius) = (kind, x, y, radius);
        // The first corner points up.
        (_cos, _sin, _stretch) = (0, -1, 1);
    }

    private void Vary(float variation)
    {
        switch (_kind)
        {
            case 1:
                _rounding = 0.4f * variation * variation;
                _corners = Regular(4, 0, 1, 1.1f, 1.1f);
                break;
            case 2:
                _rounding = 0.3f * variation * variation;
                _corners = Regular(3, Cos120, Sin120, 1.1f, 1.1f);
                break;
            case 3:
                _corners = Regular(10, Cos36, Sin36, 1.1f, 0.4f + 0.2f * variation);
                break;
            case 4:
                _corners = Cross(0.22f + 0.2f * variation);
                break;
            default:
                _inner = variation;
                break;
        }
    }

    /// <param name="kind">0 disc, 1 square, 2 triangle, 3 star, 4 cross, 5 ring, 6 crescent.</param>
    /// <param name="x">Centre, in pixels.</param>
    /// <param name="y">Centre, in pixels.</param>
    /// <param name="radius">Size, in pixels.</param>
    /// <param name="random">Source of every other property.</param>
    public static Shape Random(int kind, float x, float y, float radius, ref SampleRandom random) => new(kind, x, y, radius, ref random);

    /// <summary>A shape that stands upright, neither stretched nor warped.</summary>
    /// <param name="kind">As for <see cref="Random"/>.</param>
    /// <param name="x">Centre, in pixels.</param>
    /// <param name="y">Centre, in pixels.</param>
    /// <param name="radius">Size, in pixels.</param>
    public static Shape Upright(int kind, float x, float y, float radius)
    {
        var shape = new Shape(kind, x, y, radius);
        shape.Vary(0.3f);
        return shape;
    }

    /// <summary>Pixels that the shape may cover: 1.1 for the corners, 1.25 for the stretch, and the warp.</summary>
    public readonly (int X0, int X1, int Y0, int Y1) Bounds()
    {
        var reach = 1.55f * _radius + 1;
        const int last = SyntheticDataset.Side - 1;
        return (
            Math.Clamp((int)(_x - reach), 0, last),
            Math.Clamp((int)(_x + reach) + 1, 0, last),
            Math.Clamp((int)(_y - reach), 0, last),
            Math.Clamp((int)(_y + reach) + 1, 0, last)
        );
    }

    public readonly float Distance(float pixelX, float pixelY)
    {
        float dx = (pixelX - _x) / _radius,
            dy = (pixelY - _y) / _radius;
        float x = (_cos * dx + _sin * dy) * _stretch,
            y = (_cos * dy - _sin * dx) / _stretch;
        (x, y) = (x + _warp * Texture.Triangle(0.6f * y + _warpPhase), y + _warp * Texture.Triangle(0.6f * x - _warpPhase));
        var length = MathF.Sqrt(x * x + y * y);
        var distance = _kind switch
        {
            0 => length - 0.9f,
            5 => Math.Abs(length - 0.72f) - (0.12f + 0.16f * _inner),
            6 => Math.Max(length - 0.95f, 0.80f - Length(x - 0.4f - 0.2f * _inner, y)),
            _ => Polygon(x / (1 - _rounding), y / (1 - _rounding)) * (1 - _rounding) - 0.5f * _rounding,
        };
        return distance * _radius;
    }

    private static float Length(float x, float y) => MathF.Sqrt(x * x + y * y);

    // Corners at equal angles: the direction is turned by a constant angle each time, outer and inner radius alternate.
    private int Regular(int count, float cos, float sin, float outer, float inner)
    {
        float x = 1,
            y = 0;
        for (var i = 0; i < count; i++)
        {
            var r = i % 2 == 0 ? outer : inner;
            (_cornerX[i], _cornerY[i]) = (r * x, r * y);
            (x, y) = (cos * x - sin * y, sin * x + cos * y);
        }
        return count;
    }

    private int Cross(float arm)
    {
        ReadOnlySpan<float> xs = [1, 1, arm, arm, -arm, -arm, -1, -1, -arm, -arm, arm, arm];
        ReadOnlySpan<float> ys = [-arm, arm, arm, 1, 1, arm, arm, -arm, -arm, -1, -1, -arm];
        for (var i = 0; i < MaxCorners; i++)
            (_cornerX[i], _cornerY[i]) = (xs[i], ys[i]);
        return MaxCorners;
    }

    // Least distance to an edge; the sign flips with each edge that a ray to the right crosses.
    private readonly float Polygon(float x, float y)
    {
        var least = float.MaxValue;
        var inside = false;
        for (int i = 0, j = _corners - 1; i < _corners; j = i++)
        {
            float ex = _cornerX[j] - _cornerX[i],
                ey = _cornerY[j] - _cornerY[i],
                wx = x - _cornerX[i],
                wy = y - _cornerY[i];
            var t = Math.Clamp((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1);
            float qx = wx - ex * t,
                qy = wy - ey * t;
            least = Math.Min(least, qx * qx + qy * qy);
            if ((_cornerY[i] > y) != (_cornerY[j] > y) && wx < ex * wy / ey)
                inside = !inside;
        }
        var distance = MathF.Sqrt(least);
        return inside ? -distance : distance;
    }
}

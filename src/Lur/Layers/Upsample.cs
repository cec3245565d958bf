namespace Lur.Layers;

/// <summary>Nearest up-sampling to a size: x [N, H, W, C] -> y [N, H', W', C], y[i, j] = x[floor(i H / H'), floor(j W / W')]. Formulas:
/// <c>kernels/operators/resample.cu</c>.</summary>
public sealed class Upsample : LinearMap
{
    private readonly int _height,
        _width;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">Name for plans.</param>
    /// <param name="height">H', pixels.</param>
    /// <param name="width">W', pixels.</param>
    public Upsample(string name, int height, int width)
        : base(name) => (_height, _width) = (height, width);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        var x = inputs[0];
        return x.Rank == 4 && x[1] <= _height && x[2] <= _width
            ? new Shape(x[0], _height, _width, x[3])
            : throw new ArgumentException($"'{Name}' makes images of {_height} x {_width}; its input is {x}.");
    }

    /// <inheritdoc/>
    protected override void Apply(NetworkPass pass, Value y, Value x)
    {
        var (i, o) = (x.Shape, y.Shape);
        pass.Launch.Resample.NearestForward(pass.Device.Rows(o.Rows, o[3]), y, x, i[0], i[1], i[2], o[1], o[2], o[3]);
    }

    /// <inheritdoc/>
    protected override void ApplyTranspose(NetworkPass pass, Value dx, Value dy, bool accumulate)
    {
        var (i, o) = (dx.Shape, dy.Shape);
        var shape = pass.Device.Rows(i.Rows, i[3], o.Count);
        pass.Launch.Resample.NearestBackward(shape, dx, dy, i[0], i[1], i[2], o[1], o[2], i[3], accumulate ? 1 : 0);
    }
}

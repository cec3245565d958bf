namespace Lur.Layers;

/// <summary>Mean over square windows of the elements inside the input: padding is not counted (torch's count_include_pad false).
/// x [N, H, W, C] -> y [N, H', W', C], H' = (H + 2 pad - size) / stride + 1. Formulas:
/// <c>kernels/operators/pool.cu</c>.</summary>
public sealed class AveragePool : LinearMap
{
    private readonly PoolWindow _window;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">Name for plans.</param>
    /// <param name="size">Side of a window, pixels.</param>
    /// <param name="stride">Distance of windows.</param>
    /// <param name="pad">Border on all sides, at most half the size.</param>
    public AveragePool(string name, int size, int stride, int pad)
        : base(name) => _window = new PoolWindow(size, stride, pad);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => _window.Output(Name, inputs[0]);

    /// <inheritdoc/>
    protected override void Apply(NetworkPass pass, Value y, Value x) =>
        pass.Launch.Pool.AveragePoolForward(pass.Device.Rows(y.Shape.Rows, y.Shape.Innermost), y, x, _window.Geometry(x.Shape, y.Shape));

    /// <inheritdoc/>
    protected override void ApplyTranspose(NetworkPass pass, Value dx, Value dy, bool accumulate) =>
        pass.Launch.Pool.AveragePoolBackward(
            pass.Device.Rows(dx.Shape.Rows, dx.Shape.Innermost),
            dx,
            dy,
            _window.Geometry(dx.Shape, dy.Shape),
            accumulate ? 1 : 0
        );
}

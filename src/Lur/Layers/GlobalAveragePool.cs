namespace Lur.Layers;

/// <summary>Mean over all positions: x [N, H, W, C] -> y [N, C].
/// Formulas: <c>kernels/operators/pool.cu</c>.</summary>
public sealed class GlobalAveragePool(string name) : LinearMap(name)
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => new(inputs[0][0], inputs[0].Innermost);

    /// <inheritdoc/>
    protected override void Apply(NetworkPass pass, Value y, Value x)
    {
        var (kernels, n, c) = (pass.Launch.Pool, x.Shape[0], x.Shape.Innermost);
        var positions = x.Shape.Rows / n;
        var shape = pass.Device.ColumnSums(x.Shape.Rows, c, n);
        kernels.MeanPoolForward(shape, y, x, n, positions, c);
    }

    /// <inheritdoc/>
    protected override void ApplyTranspose(NetworkPass pass, Value dx, Value dy, bool accumulate)
    {
        var (kernels, n, c) = (pass.Launch.Pool, dx.Shape[0], dx.Shape.Innermost);
        var positions = dx.Shape.Rows / n;
        var shape = pass.Device.Rows(dx.Shape.Rows, c);
        kernels.MeanPoolBackward(shape, dx, dy, n, positions, c, accumulate ? 1 : 0);
    }
}

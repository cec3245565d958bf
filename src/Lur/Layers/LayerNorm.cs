using Lur.Device;
using Lur.Tensors;

namespace Lur.Layers;

/// <summary>Layer normalisation: y = gamma xh + beta, xh of mean 0 and variance 1 in every row. x and y [..., C], whatever the mode of
/// the pass (Ba, Kiros and Hinton 2016). Formulas of all passes: <c>kernels/operators/layer_norm.cu</c>.</summary>
public sealed class LayerNorm : Layer
{
    private const int RowsPerChunk = 64;
    private readonly int _width;
    private readonly double _epsilon;
    private ParameterSlot _gamma = null!,
        _beta = null!;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">torch module name.</param>
    /// <param name="width">C.</param>
    /// <param name="epsilon">Added to the variance.</param>
    public LayerNorm(string name, int width, double epsilon = 1e-5)
        : base(name) => (_width, _epsilon) = (width, epsilon);

    private sealed record Cache(Value X, Value Y, Value Mean, Value Rstd)
    {
        public (Value P, Value Q)? Tangent { get; set; }
        public int Rows => X.Shape.Rows;
        public int Chunks => (Rows + RowsPerChunk - 1) / RowsPerChunk;
    }

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers)
    {
        var shape = new Shape(_width);
        _gamma = parameters.Add(Name + ".weight", ParameterKind.NormalizationScale, shape, Initializer.One);
        _beta = parameters.Add(Name + ".bias", ParameterKind.NormalizationShift, shape, Initializer.Zero);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The rows have another width.</exception>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>
        inputs[0].Innermost == _width
            ? inputs[0]
            : throw new ArgumentException($"'{Name}' takes rows of {_width}; its input has {inputs[0].Innermost}.");

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var (y, rows) = (pass.Activation($"{Name}/y", OutputShape([x.Shape])), new Shape(x.Shape.Rows));
        var cache = new Cache(x, y, pass.Cache($"{Name}/mean", rows), pass.Cache($"{Name}/rstd", rows));
        pass.Remember(node.Index, cache);
        var (gamma, beta) = (pass.WeightOf(_gamma), pass.WeightOf(_beta));
        pass.Launch.LayerNorm.LayerNormForward(
            Blocks(pass, cache),
            y,
            cache.Mean,
            cache.Rstd,
            x,
            gamma,
            beta,
            cache.Rows,
            _width,
            _epsilon
        );
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var cache = pass.Recall<Cache>(node.Index);
        var (x, dy) = (cache.X, pass.GradientOf(cache.Y));
        if (IsTrained)
        {
            var (partials, chunks, shape) = (Partials(pass, cache, "sums"), cache.Chunks, Sums(pass, cache));
            pass.Launch.LayerNorm.LayerNormSums(shape, partials, dy, x, cache.Mean, cache.Rstd, cache.Rows, _width, chunks);
            Finish(pass, cache, pass.Gradients!, partials);
        }

        if (!Network.NeedsInputGradient(pass, node))
            return;
        var dx = pass.GradientOf(x, out var accumulate);
        pass.Launch.LayerNorm.LayerNormBackward(
            Blocks(pass, cache),
            dx,
            dy,
            x,
            cache.Mean,
            cache.Rstd,
            pass.WeightOf(_gamma),
            cache.Rows,
            _width,
            accumulate ? 1 : 0
        );
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var cache = pass.Recall<Cache>(node.Index);
        Value Row(string what) => pass.Cache($"{Name}/{what}", new Shape(cache.Rows));
        cache.Tangent = (Row("p"), Row("q"));
        pass.Launch.LayerNorm.LayerNormForwardTangent(
            Blocks(pass, cache),
            pass.TangentOf(cache.Y),
            cache.Tangent.Value.P,
            cache.Tangent.Value.Q,
            Network.InputTangent(pass, node),
            cache.X,
            cache.Mean,
            cache.Rstd,
            pass.WeightOf(_gamma),
            pass.WeightTangentOf(_gamma),
            pass.WeightTangentOf(_beta),
            cache.Rows,
            _width
        );
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var cache = pass.Recall<Cache>(node.Index);
        var (x, tx, (p, q)) = (cache.X, Network.InputTangent(pass, node), cache.Tangent!.Value);
        var (dy, tdy, kernels) = (pass.GradientOf(cache.Y), pass.TangentGradientOf(cache.Y), pass.Launch.LayerNorm);
        var (mean, rstd, rows, chunks) = (cache.Mean, cache.Rstd, cache.Rows, cache.Chunks);
        if (IsTrained)
        {
            var partials = Partials(pass, cache, "product-sums");
            kernels.LayerNormTangentSums(Sums(pass, cache), partials, dy, tdy, tx, x, mean, rstd, p, q, rows, _width, chunks);
            Finish(pass, cache, pass.GradientTangents!, partials);
        }

        if (!node.HasInputTangent())
            return;
        var tdx = pass.TangentGradientOf(x, out var accumulate);
        kernels.LayerNormBackwardTangent(
            Blocks(pass, cache),
            tdx,
            dy,
            tdy,
            tx,
            x,
            mean,
            rstd,
            p,
            q,
            pass.WeightOf(_gamma),
            pass.WeightTangentOf(_gamma),
            rows,
            _width,
            accumulate ? 1 : 0
        );
    }

    private bool IsTrained => !(_gamma.IsFrozen && _beta.IsFrozen);

    private LaunchShape Blocks(NetworkPass pass, Cache cache) => pass.Device.Blocks(cache.Rows, _width);

    private LaunchShape Sums(NetworkPass pass, Cache cache) => pass.Device.ColumnSums(cache.Rows, _width, cache.Chunks);

    // dbeta and dgamma by chunk, [2, chunks, C].
    private Value Partials(NetworkPass pass, Cache cache, string what) =>
        pass.Program.Real($"{pass.Name}/{Name}/{what}/partials", ValueRole.Workspace, new Shape(2 * cache.Chunks, _width));

    private void Finish(NetworkPass pass, Cache cache, FlatVector to, Value partials) =>
        pass.Launch.GroupNorm.GroupNormWeights(
            pass.Device.Blocks(_width),
            pass.PlaceOf(_gamma, to),
            pass.PlaceOf(_beta, to),
            partials,
            _width,
            cache.Chunks
        );
}

using Lur.Device;
using Lur.Tensors;

namespace Lur.Layers;

/// <summary>Group normalisation with an optional SiLU behind it: y = f(gamma xh + beta). x and y [N, ..., C]; the statistics are those of
/// a sample and a group of neighbouring channels, whatever the mode of the pass (Wu and He 2018). Formulas of all passes:
/// <c>kernels/operators/group_norm.cu</c>.</summary>
public sealed class GroupNorm : Layer
{
    private readonly int _channels,
        _groups;
    private readonly double _epsilon;
    private readonly bool _silu;
    private ParameterSlot _gamma = null!,
        _beta = null!;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">torch module name.</param>
    /// <param name="channels">C.</param>
    /// <param name="groups">Groups; divides C.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="silu">True to put a SiLU behind it.</param>
    /// <exception cref="ArgumentException">The groups do not divide the channels.</exception>
    public GroupNorm(string name, int channels, int groups, double epsilon = 1e-5, bool silu = false)
        : base(name)
    {
        if (groups < 1 || channels % groups != 0)
            throw new ArgumentException($"'{name}': {groups} groups do not divide {channels} channels.", nameof(groups));
        (_channels, _groups, _epsilon, _silu) = (channels, groups, epsilon, silu);
    }

    private sealed record Cache(Value X, Value Y, Value Mean, Value Rstd, GroupNormSums Sums)
    {
        public Value? TangentMeans { get; set; }
        public int Samples => X.Shape[0];
        public int Inner => X.Shape.Rows / X.Shape[0];
    }

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers)
    {
        var shape = new Shape(_channels);
        _gamma = parameters.Add(Name + ".weight", ParameterKind.NormalizationScale, shape, Initializer.One);
        _beta = parameters.Add(Name + ".bias", ParameterKind.NormalizationShift, shape, Initializer.Zero);
    }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>
        inputs[0].Innermost == _channels
            ? inputs[0]
            : throw new ArgumentException($"'{Name}' takes {_channels} channels; its input has {inputs[0].Innermost}.");

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var (samples, inner, c) = (x.Shape[0], x.Shape.Rows / x.Shape[0], _channels);
        Value Spread(string what) => pass.Cache($"{Name}/{what}", new Shape(samples, c));
        var (gamma, beta) = (pass.WeightOf(_gamma), pass.WeightOf(_beta));
        var (mean, rstd) = (Spread("mean"), Spread("rstd"));
        var sums = new GroupNormSums(pass, Name, x, mean, rstd, gamma, beta, _groups);
        var cache = new Cache(x, pass.Activation($"{Name}/y", x.Shape), mean, rstd, sums);
        pass.Remember(node.Index, cache);
        sums.Statistics(_epsilon);
        var kernels = pass.Launch.GroupNorm;
        kernels.GroupNormForward(Rows(pass, cache), cache.Y, x, cache.Mean, cache.Rstd, gamma, beta, samples, inner, c, _silu ? 1 : 0);
        return cache.Y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var cache = pass.Recall<Cache>(node.Index);
        var (x, dy) = (cache.X, pass.GradientOf(cache.Y));
        var (kernels, gamma, beta) = (pass.Launch.GroupNorm, pass.WeightOf(_gamma), pass.WeightOf(_beta));
        var needed = Network.NeedsInputGradient(pass, node);
        var means = cache.Sums.Gradient(dy, _silu, needed, Weights(pass, pass.Gradients!));
        if (!needed)
            return;
        var dx = pass.GradientOf(x, out var accumulate);
        kernels.GroupNormBackward(
            Rows(pass, cache),
            dx,
            dy,
            x,
            cache.Mean,
            cache.Rstd,
            gamma,
            beta,
            means!,
            cache.Samples,
            cache.Inner,
            _channels,
            _silu ? 1 : 0,
            accumulate ? 1 : 0
        );
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var cache = pass.Recall<Cache>(node.Index);
        var (x, tx, ty) = (cache.X, Network.InputTangent(pass, node), pass.TangentOf(cache.Y));
        cache.TangentMeans = cache.Sums.Means(tx);
        pass.Launch.GroupNorm.GroupNormForwardTangent(
            Rows(pass, cache),
            ty,
            tx,
            x,
            cache.Mean,
            cache.Rstd,
            pass.WeightOf(_gamma),
            pass.WeightOf(_beta),
            pass.WeightTangentOf(_gamma),
            pass.WeightTangentOf(_beta),
            cache.TangentMeans,
            cache.Samples,
            cache.Inner,
            _channels,
            _silu ? 1 : 0
        );
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var cache = pass.Recall<Cache>(node.Index);
        var (x, tx, pq) = (cache.X, Network.InputTangent(pass, node), cache.TangentMeans!);
        var (dy, tdy) = (pass.GradientOf(cache.Y), pass.TangentGradientOf(cache.Y));
        var (kernels, gamma, beta) = (pass.Launch.GroupNorm, pass.WeightOf(_gamma), pass.WeightOf(_beta));
        var (tgamma, tbeta) = (pass.WeightTangentOf(_gamma), pass.WeightTangentOf(_beta));
        var (samples, inner, c, silu) = (cache.Samples, cache.Inner, _channels, _silu ? 1 : 0);
        var (mean, rstd, needed) = (cache.Mean, cache.Rstd, node.HasInputTangent());
        var tangents = new GroupNormSums.Tangents(tgamma, tbeta, tx, pq);
        var means = cache.Sums.Tangent(dy, tdy, tangents, _silu, needed, Weights(pass, pass.GradientTangents!));
        if (!needed)
            return;
        var (tdx, rows) = (pass.TangentGradientOf(x, out var accumulate), Rows(pass, cache));
        var add = accumulate ? 1 : 0;
        kernels.GroupNormBackwardTangent(
            rows,
            tdx,
            dy,
            tdy,
            tx,
            x,
            mean,
            rstd,
            gamma,
            beta,
            tgamma,
            tbeta,
            pq,
            means!,
            samples,
            inner,
            c,
            silu,
            add
        );
    }

    // Where the gradients of the weights go in a vector; nowhere when none of the two is trained.
    private (Operand<Real> Gamma, Operand<Real> Beta) Weights(NetworkPass pass, FlatVector to) =>
        _gamma.IsFrozen && _beta.IsFrozen ? default : (pass.PlaceOf(_gamma, to), pass.PlaceOf(_beta, to));

    private LaunchShape Rows(NetworkPass pass, Cache cache) => pass.Device.Rows(cache.X.Shape.Rows, _channels);
}

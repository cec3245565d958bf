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

    private sealed record Cache(Value X, Value Y, Value Mean, Value Rstd, int Chunks)
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
        var cache = new Cache(x, pass.Activation($"{Name}/y", x.Shape), Spread("mean"), Spread("rstd"), SampleChunks.Of(inner));
        pass.Remember(node.Index, cache);
        var all = samples * cache.Chunks;
        var (offsets, squares) = (Partials(pass, "chunk-offsets", all), Partials(pass, "chunk-squares", all));
        pass.Launch.BatchNorm.BatchNormStatistics(
            pass.Device.ColumnSums(samples * inner, c, all),
            offsets,
            squares,
            x,
            samples * inner,
            c,
            all
        );
        var (kernels, groups) = (pass.Launch.GroupNorm, pass.Device.Blocks(samples * _groups, inner * c / _groups));
        kernels.GroupNormStatisticsFinish(
            groups,
            cache.Mean,
            cache.Rstd,
            offsets,
            squares,
            x,
            samples,
            inner,
            c,
            _groups,
            cache.Chunks,
            _epsilon
        );
        var (gamma, beta) = (pass.WeightOf(_gamma), pass.WeightOf(_beta));
        kernels.GroupNormForward(Rows(pass, cache), cache.Y, x, cache.Mean, cache.Rstd, gamma, beta, samples, inner, c, _silu ? 1 : 0);
        return cache.Y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var cache = pass.Recall<Cache>(node.Index);
        var (x, dy) = (cache.X, pass.GradientOf(cache.Y));
        var (kernels, gamma, beta) = (pass.Launch.GroupNorm, pass.WeightOf(_gamma), pass.WeightOf(_beta));
        var all = cache.Samples * cache.Chunks;
        var partials = Sums(pass, cache, "sums", dy, _silu);
        WeightSums(pass, pass.Gradients!, partials, all);
        if (!Network.NeedsInputGradient(pass, node))
            return;
        var means = Means(pass, cache, "means", partials, gamma);
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
            means,
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
        cache.TangentMeans = Means(pass, cache, "tangent-means", Sums(pass, cache, "tangent-sums", tx, silu: false), default);
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
        var (samples, inner, c, chunks, silu) = (cache.Samples, cache.Inner, _channels, cache.Chunks, _silu ? 1 : 0);
        var (mean, rstd, all) = (cache.Mean, cache.Rstd, samples * chunks);
        var partials = TangentSums(pass, cache, dy, tdy, tx);
        var last = ((Operand<Real>)partials).At(2L * all * c, pass.Program.Precision.Size());
        WeightSums(pass, pass.GradientTangents!, last, all);
        if (!node.HasInputTangent())
            return;
        var means = pass.Cache($"{Name}/product-means", new Shape(4, samples, c));
        var groups = pass.Device.Blocks(samples * _groups, chunks * c / _groups);
        kernels.GroupNormTangentMeans(groups, means, partials, gamma, tgamma, samples, inner, c, _groups, chunks);
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
            means,
            samples,
            inner,
            c,
            silu,
            add
        );
    }

    // dbeta and dgamma from their sums by chunk.
    private void WeightSums(NetworkPass pass, FlatVector to, Operand<Real> partials, int chunks)
    {
        if (_gamma.IsFrozen && _beta.IsFrozen)
            return;
        var (dgamma, dbeta) = (pass.PlaceOf(_gamma, to), pass.PlaceOf(_beta, to));
        pass.Launch.GroupNorm.GroupNormWeights(pass.Device.Blocks(_channels), dgamma, dbeta, partials, _channels, chunks);
    }

    // Sums of d, d xh, td, td xh + d txh by chunk and channel, [4, chunks, C].
    private Value TangentSums(NetworkPass pass, Cache cache, Value dy, Value tdy, Value tx)
    {
        var (samples, inner, c, all) = (cache.Samples, cache.Inner, _channels, cache.Samples * cache.Chunks);
        var partials = Partials(pass, "product-sums", 4 * all);
        pass.Launch.GroupNorm.GroupNormTangentSums(
            pass.Device.ColumnSums(samples * inner, c, all),
            partials,
            dy,
            tdy,
            tx,
            cache.X,
            cache.Mean,
            cache.Rstd,
            pass.WeightOf(_gamma),
            pass.WeightOf(_beta),
            pass.WeightTangentOf(_gamma),
            pass.WeightTangentOf(_beta),
            cache.TangentMeans!,
            samples,
            inner,
            c,
            cache.Chunks,
            _silu ? 1 : 0
        );
        return partials;
    }

    // Sums of d and d xh by chunk and channel, [2, chunks, C].
    private Value Sums(NetworkPass pass, Cache cache, string what, Value d, bool silu)
    {
        var (samples, inner, c, all) = (cache.Samples, cache.Inner, _channels, cache.Samples * cache.Chunks);
        var partials = Partials(pass, what, 2 * all);
        pass.Launch.GroupNorm.GroupNormSums(
            pass.Device.ColumnSums(samples * inner, c, all),
            partials,
            d,
            cache.X,
            cache.Mean,
            cache.Rstd,
            pass.WeightOf(_gamma),
            pass.WeightOf(_beta),
            samples,
            inner,
            c,
            cache.Chunks,
            silu ? 1 : 0
        );
        return partials;
    }

    // Their means over the groups, spread over the channels, [2, N, C].
    private Value Means(NetworkPass pass, Cache cache, string what, Value partials, Operand<Real> gamma)
    {
        var means = pass.Cache($"{Name}/{what}", new Shape(2, cache.Samples, _channels));
        var groups = pass.Device.Blocks(cache.Samples * _groups, cache.Chunks * _channels / _groups);
        pass.Launch.GroupNorm.GroupNormMeans(groups, means, partials, gamma, cache.Samples, cache.Inner, _channels, _groups, cache.Chunks);
        return means;
    }

    private LaunchShape Rows(NetworkPass pass, Cache cache) => pass.Device.Rows(cache.X.Shape.Rows, _channels);

    private Value Partials(NetworkPass pass, string what, int count) =>
        pass.Program.Real($"{pass.Name}/{Name}/{what}/partials", ValueRole.Workspace, new Shape(count, _channels));
}

using Lur.Device;
using Lur.Tensors;

namespace Lur.Layers;

/// <summary>Batch normalisation over N, H, W with an optional residual input and an optional ReLU behind it:
/// y = act(gamma xh + beta [+ residual]). Running statistics with momentum 0.1 and unbiased variance, as torch.
/// Formulas of all passes: <c>kernels/operators/batch_norm.cu</c>.</summary>
/// <remarks>Inputs: x, and the residual when the node has two inputs; both [N, H, W, C].</remarks>
public sealed class BatchNorm : Layer
{
    private readonly int _channels;
    private readonly bool _relu;
    private readonly double _epsilon;
    private ParameterSlot _gamma = null!,
        _beta = null!,
        _runningMean = null!,
        _runningVariance = null!;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">torch module name.</param>
    /// <param name="channels">C.</param>
    /// <param name="relu">True to put a ReLU behind it.</param>
    /// <param name="epsilon">eps, added to the variance.</param>
    public BatchNorm(string name, int channels, bool relu, double epsilon = 1e-5)
        : base(name) => (_channels, _relu, _epsilon) = (channels, relu, epsilon);

    // Mean and Rstd are addresses read at run time: planned values in train mode, the running statistics in frozen mode.
    private sealed record Cache(Value X, Value? Residual, Value Y, Value? Mean, Value Rstd, BatchNormSums Sums)
    {
        public Value? TangentMeans { get; set; }
    }

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers)
    {
        var shape = new Shape(_channels);
        _gamma = parameters.Add(Name + ".weight", ParameterKind.NormalizationScale, shape, Initializer.One);
        _beta = parameters.Add(Name + ".bias", ParameterKind.NormalizationShift, shape, Initializer.Zero);
        _runningMean = buffers.Add(Name + ".running_mean", ParameterKind.RunningMean, shape, Initializer.Zero);
        _runningVariance = buffers.Add(Name + ".running_var", ParameterKind.RunningVariance, shape, Initializer.One);
    }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        if (inputs[0].Innermost != _channels)
            throw new ArgumentException($"'{Name}' takes {_channels} channels; its input has {inputs[0].Innermost}.");
        if (inputs.Length > 1 && inputs[1] != inputs[0])
            throw new ArgumentException($"'{Name}': the residual is {inputs[1]}, the input {inputs[0]}.");
        return inputs[0];
    }

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var residual = node.Inputs.Count > 1 ? Network.Input(pass, node, 1) : null;
        var y = pass.Activation($"{Name}/y", x.Shape);
        var rstd = pass.Cache($"{Name}/rstd", new Shape(_channels));
        var frozen = pass.Mode == NormalizationMode.Frozen;
        var mean = frozen ? null : pass.Cache($"{Name}/mean", new Shape(_channels));
        var meanOf = MeanOf(pass, mean);
        var sums = new BatchNormSums(pass, Name, x, meanOf, rstd);
        pass.Remember(node.Index, new Cache(x, residual, y, mean, rstd, sums));
        if (frozen)
            EmitFrozenStatistics(pass, rstd);
        else if (pass.Mode == NormalizationMode.TrainAndUpdate)
            sums.Statistics(pass.Buffers.At(_runningMean), pass.Buffers.At(_runningVariance), _epsilon);
        else
            sums.Statistics(default, default, _epsilon);

        var (kernels, rows, c) = (pass.Launch.BatchNorm, x.Shape.Rows, _channels);
        var (gamma, beta, relu) = (pass.WeightOf(_gamma), pass.WeightOf(_beta), _relu ? 1 : 0);
        var shape = pass.Device.Rows(rows, c);
        kernels.BatchNormForward(shape, y, x, residual, meanOf, rstd, gamma, beta, rows, c, relu);
        return y;
    }

    private void EmitFrozenStatistics(NetworkPass pass, Value rstd)
    {
        var (kernels, variance, c, shape) = (
            pass.Launch.BatchNorm,
            pass.Buffers.At(_runningVariance),
            _channels,
            pass.Device.Elements(_channels)
        );
        kernels.BatchNormFrozenRstd(shape, rstd, variance, c, _epsilon);
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (x, residual, y, mean, rstd, sums) = pass.Recall<Cache>(node.Index);
        var dy = pass.GradientOf(y);
        var means = sums.Gradient(dy, _relu ? y : null, To(pass.Gradients, _gamma), To(pass.Gradients, _beta), "sums");
        var (kernels, rows, c, gamma) = (pass.Launch.BatchNorm, x.Shape.Rows, _channels, pass.WeightOf(_gamma));
        var accumulate = false;
        var dresidual = residual is null || !Network.NeedsInputGradient(pass, node, 1) ? null : pass.GradientOf(residual, out accumulate);
        var (dx, total) = Target(pass, pass.GradientOf(x, out var add), add);
        var shape = pass.Device.Rows(rows, c);
        var meanOf = MeanOf(pass, mean);
        var used = pass.Mode == NormalizationMode.Frozen ? null : means;
        kernels.BatchNormBackward(shape, dx, dresidual, dy, _relu ? y : null, x, meanOf, rstd, gamma, used, rows, c, accumulate ? 1 : 0);
        AddIn(pass, dx, total);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var cache = pass.Recall<Cache>(node.Index);
        var (x, residual, y, mean, rstd, sums) = cache;
        var tx = Network.InputTangent(pass, node);
        var tresidual = residual is null || !node.HasInputTangent(1) ? null : pass.TangentOf(residual);
        var ty = pass.TangentOf(y);
        var means = pass.Mode == NormalizationMode.Frozen ? null : sums.Gradient(tx, null, default, default, "tangent-means");
        cache.TangentMeans = means;
        var (kernels, rows, c, gamma) = (pass.Launch.BatchNorm, x.Shape.Rows, _channels, pass.WeightOf(_gamma));
        var (tgamma, tbeta) = (pass.WeightTangentOf(_gamma), pass.WeightTangentOf(_beta));
        var shape = pass.Device.Rows(rows, c);
        var meanOf = MeanOf(pass, mean);
        kernels.BatchNormForwardTangent(shape, ty, tx, tresidual, _relu ? y : null, x, meanOf, rstd, gamma, tgamma, tbeta, means, rows, c);
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var cache = pass.Recall<Cache>(node.Index);
        var (x, residual, y, mean, rstd, sums) = cache;
        var (dy, tdy, tx) = (pass.GradientOf(y), pass.TangentGradientOf(y), Network.InputTangent(pass, node));
        var (tdgamma, tdbeta) = (To(pass.GradientTangents, _gamma), To(pass.GradientTangents, _beta));
        var (tmeans, mask) = (cache.TangentMeans, _relu ? y : null);
        var means = sums.Tangent(tdy, dy, mask, tx, tmeans, tdgamma, tdbeta);
        var accumulate = false;
        var tdresidual = residual is null || !node.HasInputTangent(1) ? null : pass.TangentGradientOf(residual, out accumulate);
        var (tdx, total) = Target(pass, pass.TangentGradientOf(x, out var add), add);
        var (kernels, rows, c) = (pass.Launch.BatchNorm, x.Shape.Rows, _channels);
        var (gamma, tgamma) = (pass.WeightOf(_gamma), pass.WeightTangentOf(_gamma));
        var shape = pass.Device.Rows(rows, c);
        var meanOf = MeanOf(pass, mean);
        var used = pass.Mode == NormalizationMode.Frozen ? null : means;
        kernels.BatchNormBackwardTangent(
            shape,
            tdx,
            default,
            tdresidual,
            default,
            tdy,
            dy,
            _relu ? y : null,
            tx,
            x,
            meanOf,
            rstd,
            gamma,
            tgamma,
            tmeans,
            used,
            rows,
            c,
            accumulate ? 1 : 0
        );
        AddIn(pass, tdx, total);
    }

    private static Operand<Real> To(FlatVector? gradients, ParameterSlot slot) => slot.IsFrozen ? default : gradients!.At(slot);

    private Operand<Real> MeanOf(NetworkPass pass, Value? mean) => mean is not null ? mean : pass.Buffers.At(_runningMean);

    // The kernels write dx. An input with several readers holds what the others gave it: then they write beside it, and that is
    // added. Residual networks have no such input, and an addition in the kernel would cost them time.
    private (Value Target, Value? Total) Target(NetworkPass pass, Value total, bool accumulate) =>
        accumulate ? (pass.Program.Real($"{total.Name}/{Name}", ValueRole.Workspace, total.Shape), total) : (total, null);

    private static void AddIn(NetworkPass pass, Value part, Value? total)
    {
        if (total is not null)
            pass.Launch.Vector.VectorAxpy(pass.Device.Elements(total.Shape.Count), total, part, total.Shape.Count, 1);
    }
}

using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>The kernels of batch_norm.cu put together as a layer does, with arrays of double in and out.</summary>
internal sealed partial class BatchNormBench
{
    public const double Eps = 1e-5;
    private readonly KernelScope _bench;
    private readonly BatchNormInputs _inputs;
    private readonly int _rows,
        _channels,
        _chunks;
    private readonly bool _relu,
        _frozen,
        _atOnce;
    private readonly GuardedArray<int> _done;
    private readonly GuardedBuffer _x,
        _y,
        _mean,
        _rstd,
        _gamma;

    /// <summary>Runs the forward pass. running: mean and variance, read in frozen mode and updated in train mode; atOnce: sums in one
    /// launch, as on a GPU.</summary>
    public BatchNormBench(
        KernelScope bench,
        BatchNormInputs inputs,
        int chunks,
        bool relu,
        (double[] Mean, double[] Var)? frozen = null,
        (GuardedBuffer Mean, GuardedBuffer Var)? running = null,
        bool atOnce = false
    )
    {
        (_bench, _inputs, _chunks, _relu, _frozen, _atOnce) = (bench, inputs, chunks, relu, frozen is not null, atOnce);
        _done = bench.Array(new int[(inputs.Gamma.Length + 63) / 64]);
        (_channels, _rows) = (inputs.Gamma.Length, inputs.X.Length / inputs.Gamma.Length);
        (_x, _gamma, _y) = (bench.Vector(inputs.X), bench.Vector(inputs.Gamma), bench.Vector(inputs.X.Length));
        (_mean, _rstd) = (frozen is { } f ? bench.Vector(f.Mean) : bench.Vector(_channels), bench.Vector(_channels));
        if (frozen is not null)
            Kernel.BatchNormFrozenRstd(
                bench.Device.Elements(_channels),
                _rstd.Pointer,
                bench.Vector(frozen.Value.Var).Pointer,
                _channels,
                Eps
            );
        else
            Statistics(running);
        Kernel.BatchNormForward(
            Rows,
            _y.Pointer,
            _x.Pointer,
            Optional(inputs.Residual),
            _mean.Pointer,
            _rstd.Pointer,
            _gamma.Pointer,
            bench.Vector(inputs.Beta).Pointer,
            _rows,
            _channels,
            relu ? 1 : 0
        );
    }

    public double[] Y => _y.Get();

    public double[] Mean => _mean.Get();

    public double[] Rstd => _rstd.Get();

    /// <summary>The forward output where it masks a gradient.</summary>
    public double[]? MaskingOutput => _relu ? Y : null;

    private BatchNormKernels Kernel => _bench.Kernels.BatchNorm;

    private LaunchShape Rows => _bench.Device.Rows(_rows, _channels);

    private LaunchShape Chunks => _bench.Device.Rows(_chunks, _channels);

    private LaunchShape Totals => ColumnTotals.Shape(_bench.Device, _channels, _chunks);

    private LaunchShape Channels => _bench.Device.Blocks(_channels);

    private DevicePointer<Real> Mask => _relu ? _y.Pointer : default;

    /// <summary>The gradient of the inputs. accumulated: what dresidual, dgamma and dbeta hold before, null = written.</summary>
    public BatchNormInputs Backward(double[] dy, BatchNormInputs? accumulated = null, bool inPlace = false)
    {
        var dyBuffer = _bench.Vector(dy);
        var (means, partial) = (_bench.Vector(2 * _channels), _bench.Vector(2 * _chunks * _channels));
        var dx = inPlace ? dyBuffer : _bench.Vector(dy.Length);
        var (dgamma, dbeta, dresidual) = Outputs(accumulated);
        var accumulate = accumulated is null ? 0 : 1;
        Sums(means, dgamma.Pointer, dbeta.Pointer, partial, dyBuffer, Mask, accumulate);
        Kernel.BatchNormBackward(
            Rows,
            dx.Pointer,
            dresidual?.Pointer ?? default,
            dyBuffer.Pointer,
            Mask,
            _x.Pointer,
            _mean.Pointer,
            _rstd.Pointer,
            _gamma.Pointer,
            _frozen ? default : means.Pointer,
            _rows,
            _channels,
            accumulate
        );
        return new BatchNormInputs(dx.Get(), dgamma.Get(), dbeta.Get(), dresidual?.Get());
    }

    /// <summary>The tangent of the output.</summary>
    public double[] ForwardTangent(BatchNormInputs t)
    {
        var ty = _bench.Vector(t.X.Length);
        var tx = _bench.Vector(t.X);
        Kernel.BatchNormForwardTangent(
            Rows,
            ty.Pointer,
            tx.Pointer,
            Optional(t.Residual),
            Mask,
            _x.Pointer,
            _mean.Pointer,
            _rstd.Pointer,
            _gamma.Pointer,
            _bench.Vector(t.Gamma).Pointer,
            _bench.Vector(t.Beta).Pointer,
            TangentMeans(tx),
            _rows,
            _channels
        );
        return ty.Get();
    }

    /// <summary>
    /// The tangent of the gradient; with pair, also the gradient itself from the same pass (of x and of the residual: those
    /// of gamma and beta are the backward pass's business).
    /// </summary>
    public (BatchNormInputs Tangent, double[]? Dx, double[]? Dresidual) BackwardTangent(
        double[] dy,
        double[] tdy,
        BatchNormInputs t,
        bool pair,
        BatchNormInputs? accumulated = null
    )
    {
        var (dyBuffer, tdyBuffer, tx) = (_bench.Vector(dy), _bench.Vector(tdy), _bench.Vector(t.X));
        var tmeans = TangentMeans(tx);
        var (means, partial) = (_bench.Vector(4 * _channels), _bench.Vector(4 * _chunks * _channels));
        var (tdgamma, tdbeta, tdresidual) = Outputs(accumulated);
        var dresidual = pair && tdresidual is not null ? _bench.Vector(accumulated?.Residual ?? new double[dy.Length]) : null;
        var (tdx, dx) = (_bench.Vector(dy.Length), pair ? _bench.Vector(dy.Length) : null);
        var accumulate = accumulated is null ? 0 : 1;
        TangentSums(means, tdgamma, tdbeta, partial, (tdyBuffer, dyBuffer, tx), tmeans, accumulate);
        Kernel.BatchNormBackwardTangent(
            Rows,
            tdx.Pointer,
            dx?.Pointer ?? default,
            tdresidual?.Pointer ?? default,
            dresidual?.Pointer ?? default,
            tdyBuffer.Pointer,
            dyBuffer.Pointer,
            Mask,
            tx.Pointer,
            _x.Pointer,
            _mean.Pointer,
            _rstd.Pointer,
            _gamma.Pointer,
            _bench.Vector(t.Gamma).Pointer,
            tmeans,
            _frozen ? default : means.Pointer,
            _rows,
            _channels,
            accumulate
        );
        return (new BatchNormInputs(tdx.Get(), tdgamma.Get(), tdbeta.Get(), tdresidual?.Get()), dx?.Get(), dresidual?.Get());
    }

    private DevicePointer<Real> TangentMeans(GuardedBuffer tx)
    {
        if (_frozen)
            return default;
        var (tmeans, partial) = (_bench.Vector(2 * _channels), _bench.Vector(2 * _chunks * _channels));
        Sums(tmeans, default, default, partial, tx, default, 0);
        return tmeans.Pointer;
    }

    private (GuardedBuffer Dgamma, GuardedBuffer Dbeta, GuardedBuffer? Dresidual) Outputs(BatchNormInputs? accumulated) =>
        (
            accumulated is null ? _bench.Vector(_channels) : _bench.Vector(accumulated.Gamma),
            accumulated is null ? _bench.Vector(_channels) : _bench.Vector(accumulated.Beta),
            _inputs.Residual is null ? null
            : accumulated is null ? _bench.Vector(_inputs.X.Length)
            : _bench.Vector(accumulated.Residual!)
        );

    private DevicePointer<Real> Optional(double[]? values) => values is null ? default : _bench.Vector(values).Pointer;
}

using Lur.Device;

namespace Lur.Tensors;

/// <summary>Sums over flat vectors that the host reads at once, for work outside a captured step. In a fixed order: the same
/// bits every time.</summary>
public sealed class VectorReductions : IDisposable
{
    private const int PartialCount = 512;
    private readonly FlatVector _scratch;
    private readonly double[] _read = new double[1];

    /// <summary>Allocates the partial sums.</summary>
    public VectorReductions(ComputeDevice device)
    {
        var layout = new ParameterLayout();
        layout.Add("sums", ParameterKind.Matrix, new Shape(1, PartialCount + 1));
        _scratch = new FlatVector(device, Precision.Float64, layout, "sums");
    }

    /// <summary>&lt;x, y&gt;.</summary>
    public double Dot(FlatVector x, FlatVector y) =>
        Finish(x, (kernels, shape, partials) => kernels.VectorDot(shape, partials, x.Pointer, y.Pointer, x.Count, PartialCount));

    /// <summary>Number of elements that are not finite.</summary>
    public long NonFinite(FlatVector x) =>
        (long)Finish(x, (kernels, shape, partials) => kernels.VectorCountNonfinite(shape, partials, x.Pointer, x.Count, PartialCount));

    /// <summary>Entries that <c>fisher_dampen</c> changes.</summary>
    internal long Dampen(FlatVector theta, FlatVector forget, FlatVector all, double alpha, double lambda)
    {
        var fisher = theta.Device.Kernels(theta.Precision).Fisher;
        return (long)Finish(
            theta,
            (_, shape, partials) =>
                fisher.FisherDampen(
                    shape,
                    theta.Pointer,
                    partials,
                    forget.Pointer.As<double>(),
                    all.Pointer.As<double>(),
                    theta.Count,
                    PartialCount,
                    alpha,
                    lambda
                )
        );
    }

    /// <inheritdoc/>
    public void Dispose() => _scratch.Dispose();

    private double Finish(FlatVector of, Action<VectorKernels, LaunchShape, DevicePointer<double>> partialSums)
    {
        var (device, partials) = (of.Device, _scratch.Pointer.As<double>());
        var (kernels, result) = (device.Kernels(of.Precision).Vector, partials.At(PartialCount, sizeof(double)));
        partialSums(kernels, device.Blocks(PartialCount), partials);
        kernels.VectorFinishSum(device.Blocks(1), result, partials, PartialCount, 1);
        device.Download(_read.AsSpan(), result);
        return _read[0];
    }
}

using Lur.Tensors;

namespace Lur.Optimizers;

/// <summary>Clipping of a gradient by its global norm, on the device (torch.nn.utils.clip_grad_norm_).</summary>
/// <remarks>A norm that is not finite leaves the gradient as it is; it lies where the guard looks, and the step is skipped.</remarks>
public static class GradientClipping
{
    /// <summary>Numbers that <see cref="Emit"/> writes: the norm before, and the factor, at most 1.</summary>
    public const int Results = 2;

    /// <summary>Records the clipping.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="gradient">[n]; scaled in place where its norm is above <paramref name="largestNorm"/>.</param>
    /// <param name="largestNorm">Largest Euclidean norm, above 0.</param>
    /// <param name="results">double [2]: norm, factor; among what the guard of the step looks at.</param>
    public static void Emit(Program program, FlatVector gradient, double largestNorm, Operand<double> results)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(largestNorm);
        const int count = Optimizer.PartialCount;
        var (launch, device, n) = (program.Launch, program.Device, gradient.Count);
        var partials = program.Raw($"{gradient.Name}/norm-partials", ValueRole.Workspace, new Shape(count), sizeof(double));
        var square = program.Raw($"{gradient.Name}/square", ValueRole.Workspace, new Shape(1), sizeof(double));
        launch.Vector.VectorSquareSum(device.Blocks(count), partials, gradient, n, count);
        launch.Vector.VectorFinishSum(device.Blocks(1), square, partials, count, 1);
        launch.Clip.ClipCoefficient(device.Elements(1), results, square, largestNorm);
        launch.Clip.ClipApply(device.Elements(n), gradient, results.At(1, sizeof(double)), n);
    }
}

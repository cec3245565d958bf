using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Solves F x = v for F = damping I + (1/N) sum_n g_n g_n^T, exactly, by the Sherman-Morrison-Woodbury identity:
/// x = (v - (1/N) G^T c) / damping with (damping I + G G^T / N) c = G v, G the N gradients as rows.</summary>
/// <remarks>The system is N by N and solved on the host in double (Cholesky); N gradients are kept on the device. Singh and
/// Alistarh, NeurIPS 2020 (WoodFisher) reach the same x by N rank-one updates.</remarks>
public static class WoodburyInverse
{
    /// <summary>Replaces v by F^-1 v.</summary>
    /// <param name="gradients">g_1 .. g_N.</param>
    /// <param name="v">Right side, replaced by the solution.</param>
    /// <param name="damping">Above 0.</param>
    /// <param name="progress">Called with the number of gradients multiplied with those before, or null.</param>
    /// <param name="cancellation">Stops between gradients; v is as it was.</param>
    /// <exception cref="UserErrorException">The system is not positive definite: a gradient is not finite.</exception>
    public static void Apply(
        IReadOnlyList<FlatVector> gradients,
        FlatVector v,
        double damping,
        Action<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        if (!(damping > 0))
            throw new ArgumentOutOfRangeException(nameof(damping), damping, "The damping is above 0.");
        var n = gradients.Count;
        var (device, kernels) = (v.Device, v.Device.Kernels(v.Precision).Vector);
        using var reductions = new VectorReductions(device);
        var (a, c) = (new double[n, n], new double[n]);
        for (var i = 0; i < n; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            c[i] = reductions.Dot(gradients[i], v);
            for (var j = 0; j <= i; j++)
                a[i, j] = (reductions.Dot(gradients[i], gradients[j]) / n) + (i == j ? damping : 0);
            progress?.Invoke(i + 1);
        }

        SolveInPlace(a, c);
        var shape = device.Elements(v.Count);
        for (var i = 0; i < n; i++)
            kernels.VectorAxpy(shape, v.Pointer, gradients[i].Pointer, v.Count, -c[i] / n);
        kernels.VectorScale(shape, v.Pointer, v.Pointer, v.Count, 1 / damping);
    }

    /// <summary>Solves A x = b for a symmetric positive definite A given by its lower triangle, which is overwritten by its
    /// Cholesky factor.</summary>
    private static void SolveInPlace(double[,] a, double[] b)
    {
        var n = b.Length;
        for (var j = 0; j < n; j++)
        {
            for (var k = 0; k < j; k++)
                a[j, j] -= a[j, k] * a[j, k];
            if (!(a[j, j] > 0) || double.IsInfinity(a[j, j]))
            {
                throw new UserErrorException(
                    "The gradients of the retain data are not finite, so no inverse can be applied: check the model and the data."
                );
            }

            a[j, j] = Math.Sqrt(a[j, j]);
            for (var i = j + 1; i < n; i++)
            {
                var sum = a[i, j];
                for (var k = 0; k < j; k++)
                    sum -= a[i, k] * a[j, k];
                a[i, j] = sum / a[j, j];
            }
        }

        for (var i = 0; i < n; i++)
        {
            for (var k = 0; k < i; k++)
                b[i] -= a[i, k] * b[k];
            b[i] /= a[i, i];
        }

        for (var i = n - 1; i >= 0; i--)
        {
            for (var k = i + 1; k < n; k++)
                b[i] -= a[k, i] * b[k];
            b[i] /= a[i, i];
        }
    }
}

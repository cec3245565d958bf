using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>Inputs of batch normalisation; Residual null = none. With T in front of a name in tests, their tangents.</summary>
internal sealed record BatchNormInputs(double[] X, double[] Gamma, double[] Beta, double[]? Residual)
{
    public static BatchNormInputs Random(TestRandom random, int rows, int channels, bool residual, double gamma = 1) =>
        new(
            random.NormalArray(rows * channels, 0.7, 1.3),
            random.NormalArray(channels, gamma, 0.3),
            random.NormalArray(channels),
            residual ? random.NormalArray(rows * channels) : null
        );

    public BatchNormInputs Rounded(KernelScope bench) =>
        new(
            bench.Precision.Round(X),
            bench.Precision.Round(Gamma),
            bench.Precision.Round(Beta),
            Residual is null ? null : bench.Precision.Round(Residual)
        );

    public BatchNormInputs Along(double h, BatchNormInputs t) =>
        new(
            Vectors.Along(X, h, t.X),
            Vectors.Along(Gamma, h, t.Gamma),
            Vectors.Along(Beta, h, t.Beta),
            Residual is null ? null : Vectors.Along(Residual, h, t.Residual!)
        );

    /// <summary>All in one vector, as a difference quotient wants them.</summary>
    public double[] Flat => [.. X, .. Gamma, .. Beta, .. Residual ?? []];
}

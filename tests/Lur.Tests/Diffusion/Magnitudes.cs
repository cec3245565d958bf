using Lur.Tasks.Diffusion;

namespace Lur.Tests.Diffusion;

/// <summary>Sizes of what a sampler's step adds up, without signs: what its rounding errors are in proportion to.</summary>
internal static class Magnitudes
{
    /// <summary>Bounds of the errors of a step.</summary>
    /// <param name="row">Numbers of the step.</param>
    /// <param name="x">x.</param>
    /// <param name="m">The network's output, or a bound of it.</param>
    /// <param name="z">Fresh noise.</param>
    /// <param name="before">The x0 before; null for none.</param>
    /// <param name="unit">Share of the sum that is allowed.</param>
    public static double[] Of(SamplerRow row, double[] x, double[] m, double[] z, double[]? before, double unit)
    {
        var (form, allowed) = (row.Form, new double[x.Length]);
        for (var i = 0; i < x.Length; i++)
        {
            var x0 = Math.Abs(form.SampleOfX * x[i]) + Math.Abs(form.SampleOfOutput * m[i]);
            var e = Math.Abs(form.NoiseOfX * x[i]) + Math.Abs(form.NoiseOfOutput * m[i]);
            allowed[i] =
                unit
                * (
                    Math.Abs(row.X * x[i])
                    + Math.Abs(row.Sample * x0)
                    + Math.Abs(row.Noise * e)
                    + Math.Abs(row.Random * z[i])
                    + Math.Abs(row.Previous * (before?[i] ?? 0))
                );
        }

        return allowed;
    }
}

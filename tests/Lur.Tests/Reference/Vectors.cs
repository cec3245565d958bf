using Lur.Tests.Device;

namespace Lur.Tests.Reference;

/// <summary>Small linear algebra for the checks of derivatives.</summary>
internal static class Vectors
{
    /// <summary>x + h t.</summary>
    public static double[] Along(double[] x, double h, double[] t) => [.. x.Zip(t, (a, b) => a + h * b)];

    /// <summary>
    /// Errors.AssertClose for results that may cancel: the tolerance is relative to at least <paramref name="scale"/>, the
    /// size of the terms that they are made of.
    /// </summary>
    public static void AssertClose(double[] actual, double[] expected, double relative, double scale, string what) =>
        Errors.AssertClose([.. actual, scale], [.. expected, scale], relative, what);

    /// <summary>Asserts that two inner products are equal, relative to the norms of the vectors of the first.</summary>
    public static void AssertSameProduct(double[] a, double[] b, double[] c, double[] d, double relative, string what) =>
        AssertClose([Dot(a, b)], [Dot(c, d)], relative, Norm(a) * Norm(b), what);

    public static double Dot(double[] a, double[] b) => a.Zip(b, (p, q) => p * q).Sum();

    /// <summary>Euclidean norm.</summary>
    public static double Norm(double[] a) => Math.Sqrt(Dot(a, a));

    /// <summary>
    /// Derivative of a vector function along the line that its argument parametrises, at 0. Fourth-order central
    /// differences at h = 2e-4 in double: truncation h^4 = 2e-15, rounding 1e-16 / h = 6e-13, both relative to the function
    /// and its fifth derivative, which are of order 1 to 100 in these tests. Hence the tolerance of 1e-9 where it is used.
    /// </summary>
    public static double[] Derivative(Func<double, double[]> f)
    {
        const double h = 2e-4;
        var (a, b, c, d) = (f(-2 * h), f(-h), f(h), f(2 * h));
        return [.. a.Select((_, i) => (a[i] - 8 * b[i] + 8 * c[i] - d[i]) / (12 * h))];
    }
}

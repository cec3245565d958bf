using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>Guarded buffers and kernels of one device and precision, for the length of one comparison.</summary>
internal sealed class KernelBench(TestDevice test, Precision precision) : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    public static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    public ComputeDevice Device => test.Device;

    public KernelSet Kernels { get; } = test.Device.Kernels(precision);

    public Precision Precision => precision;

    /// <summary>For messages: device, block and precision.</summary>
    public string Name => $"{test.Name} {test.Device.PreferredBlock}/{test.Device.WorkGrain} {precision}";

    /// <summary>Half the distance from 1 to the next number: the largest relative error of one rounding.</summary>
    public double UnitRoundoff => precision == Precision.Float32 ? 5.9604644775390625e-8 : 1.1102230246251565e-16;

    /// <summary>The values as the kernel sees them, so that the reference starts from the same numbers.</summary>
    public double[] Rounded(double[] values) => precision == Precision.Float32 ? Array.ConvertAll(values, v => (double)(float)v) : values;

    /// <summary>A buffer with values.</summary>
    public GuardedBuffer In(double[] values) => Own(new GuardedBuffer(test, precision, values));

    /// <summary>A buffer of NaN.</summary>
    public GuardedBuffer Out(int count) => Own(new GuardedBuffer(test, precision, count));

    /// <summary>A buffer of other elements.</summary>
    public GuardedArray<T> ArrayOf<T>(params T[] values)
        where T : unmanaged
    {
        var array = Own(new GuardedArray<T>(test, values.Length));
        array.Upload(values);
        return array;
    }

    public void Dispose() => _owned.ForEach(o => o.Dispose());

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}

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
        AssertClose([Dot(a, b)], [Dot(c, d)], relative, Math.Sqrt(Dot(a, a) * Dot(b, b)), what);

    public static double Dot(double[] a, double[] b) => a.Zip(b, (p, q) => p * q).Sum();

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

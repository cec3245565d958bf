namespace Lur.Tests.Device;

/// <summary>Comparison of vectors.</summary>
public static class Errors
{
    /// <summary>
    /// Asserts |actual - expected| &lt;= relative x max|expected| (relative x 1 when expected is all zero) for every
    /// element, after checking that nothing is NaN that should not be. Prints the share of the tolerance that was used,
    /// so that a tolerance that is far too wide is seen.
    /// </summary>
    public static void AssertClose(double[] actual, double[] expected, double relative, string what)
    {
        Assert.That(actual, Has.Length.EqualTo(expected.Length), $"{what}: length");
        double scale = 0;
        for (var i = 0; i < actual.Length; i++)
        {
            // NaN compares false with everything and would slip through a maximum.
            if (double.IsNaN(actual[i]) != double.IsNaN(expected[i]))
                Assert.Fail($"{what}: element {i} of {actual.Length} is {actual[i]:R}, expected {expected[i]:R}");
            if (double.IsFinite(expected[i]))
                scale = Math.Max(scale, Math.Abs(expected[i]));
        }
        if (scale == 0)
            scale = 1;
        var (worst, where) = (0.0, -1);
        for (var i = 0; i < actual.Length; i++)
        {
            var error = actual[i].Equals(expected[i]) ? 0 : Math.Abs(actual[i] - expected[i]);
            if (error > worst)
                (worst, where) = (error, i);
        }
        var used = worst == 0 ? 0 : worst / (relative * scale);
        if (!(used <= 1))
        {
            Assert.Fail(
                $"{what}: element {where} of {actual.Length} is {actual[where]:R}, expected {expected[where]:R}; "
                    + $"error {worst / scale:E2} of the largest value {scale:E2}, allowed {relative:E2}"
            );
        }
        TestContext.Out.WriteLine($"{what}: {100 * used:F1} % of the tolerance {relative:E1}");
    }

    /// <summary>Asserts |actual - expected| &lt;= allowed, element by element. Prints the largest share that was used.</summary>
    public static void AssertWithin(double[] actual, double[] expected, double[] allowed, string what)
    {
        Assert.That(actual, Has.Length.EqualTo(expected.Length), $"{what}: length");
        var used = 0.0;
        for (var i = 0; i < actual.Length; i++)
        {
            var error = actual[i].Equals(expected[i]) ? 0 : Math.Abs(actual[i] - expected[i]);
            if (!(error <= allowed[i]))
                Assert.Fail(
                    $"{what}: element {i} of {actual.Length} is {actual[i]:R}, expected {expected[i]:R}; error {error:E2}, "
                        + $"allowed {allowed[i]:E2}"
                );
            used = error == 0 ? used : Math.Max(used, error / allowed[i]);
        }

        TestContext.Out.WriteLine($"{what}: {100 * used:F1} % of the tolerance");
    }

    /// <summary>Asserts equality of all bits; NaN equals NaN.</summary>
    public static void AssertSame(double[] actual, double[] expected, string what)
    {
        Assert.That(actual, Has.Length.EqualTo(expected.Length), $"{what}: length");
        for (var i = 0; i < actual.Length; i++)
        {
            if (BitConverter.DoubleToInt64Bits(actual[i]) != BitConverter.DoubleToInt64Bits(expected[i]))
                Assert.Fail($"{what}: element {i} of {actual.Length} is {actual[i]:R}, expected exactly {expected[i]:R}");
        }
    }
}

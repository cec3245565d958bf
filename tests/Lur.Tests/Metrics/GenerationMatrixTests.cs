using Lur.Metrics.Generation;
using Lur.Tests.Device;
using Lur.Tests.Golden;

namespace Lur.Tests.Metrics;

/// <summary>Eigenvalues, square roots and the trace that the Fréchet distance needs.</summary>
public class GenerationMatrixTests
{
    private static readonly string[] s_cases = GenerationStatisticsTests.Cases;

    [TestCaseSource(nameof(s_cases))]
    public void ScipyHasTheSameEigenvaluesAndRoot(string name)
    {
        var fixture = Fixture.Open("generation");
        var (covariance, d) = (fixture.Doubles($"{name}/covariance"), fixture.Shape($"{name}/x")[1]);
        // Both are right to a few n 2^-53 of the largest.
        Errors.AssertClose(SymmetricMatrix.Eigen(covariance, d).Values, fixture.Doubles($"{name}/eigenvalues"), 1e-13, "eigenvalues");
        var root = SymmetricMatrix.SquareRoot(covariance, d);
        Errors.AssertClose(Naive(root, root, d), covariance, 1e-13, "R R");
        if (!name.Contains("singular", StringComparison.Ordinal))
            // A root moves by 2^-53 |S| / (2 l^(1/2)): the smallest eigenvalue of the cases is 1e-11 of the largest.
            Errors.AssertClose(root, fixture.Doubles($"{name}/root"), 1e-10, "R");
    }

    // A block of rows has 16, a panel of columns 32; above 100 000 products the cores share.
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(17)]
    [TestCase(33)]
    [TestCase(67)]
    [TestCase(131)]
    public void EigenvectorsAreOrthogonalAndGiveTheMatrixBack(int n)
    {
        var random = TestRandom.ForCurrentTest();
        var a = Symmetric(random.NormalArray(n * n), n);
        var (values, vectors) = SymmetricMatrix.Eigen(a, n);
        Assert.That(values, Is.Ordered);
        var transposed = Transpose(vectors, n);
        // Rounding grows as n^(1/2) to n times 2^-53: 131 2^-53 = 1.5e-14.
        Errors.AssertClose(Naive(vectors, transposed, n), Identity(n), 5e-14, "V V^T");
        var scaled = (double[])transposed.Clone();
        for (var i = 0; i < scaled.Length; i++)
            scaled[i] *= values[i % n];
        Errors.AssertClose(Naive(scaled, vectors, n), a, 5e-14, "V^T L V");
        Assert.That(values.Sum(), Is.EqualTo(Enumerable.Range(0, n).Sum(i => a[i * (n + 1)])).Within(1e-13 * n * n));
    }

    [Test]
    public void KnownSpectraAreFound()
    {
        // Second differences: 2 - 2 cos(pi k / (n + 1)).
        const int n = 50;
        var a = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            a[i * (n + 1)] = 2;
            if (i > 0)
                (a[(i * n) + i - 1], a[((i - 1) * n) + i]) = (-1, -1);
        }

        double[] known = [.. Enumerable.Range(1, n).Select(k => 2 - (2 * Math.Cos(Math.PI * k / (n + 1))))];
        Errors.AssertClose(SymmetricMatrix.Eigen(a, n).Values, known, 1e-14, "second differences");
        // All ones: n once, 0 else.
        Array.Fill(a, 1);
        Errors.AssertClose(SymmetricMatrix.Eigen(a, n).Values, [.. new double[n - 1], n], 1e-14, "ones");
        Assert.That(SymmetricMatrix.Eigen(new double[9], 3).Values, Is.EqualTo(new double[3]));
        Assert.That(SymmetricMatrix.Eigen([3, 0, 0, -1], 2).Values, Is.EqualTo(new[] { -1.0, 3 }));
    }

    [TestCase(1e-300)]
    [TestCase(1e300)]
    public void ScaleCostsNothing(double scale)
    {
        var a = Symmetric(TestRandom.ForCurrentTest().NormalArray(49), 7);
        var values = SymmetricMatrix.Eigen(a, 7).Values;
        var scaled = SymmetricMatrix.Eigen(Array.ConvertAll(a, v => v * scale), 7).Values;
        Errors.AssertClose(Array.ConvertAll(scaled, v => v / scale), values, 1e-13, "eigenvalues");
    }

    [Test]
    public void DiagonalMatricesHaveDiagonalRoots()
    {
        var root = SymmetricMatrix.SquareRoot([4, 0, 0, 0, 0, 0, 0, 0, 9], 3);
        Errors.AssertClose(root, [2, 0, 0, 0, 0, 0, 0, 0, 3], 1e-15, "root");
        double[] a = [4, 0, 0, 0, 25, 0, 0, 0, 0],
            b = [9, 0, 0, 0, 16, 0, 0, 0, 7];
        Assert.That(SymmetricMatrix.TraceOfRoot(a, b, 3), Is.EqualTo(6 + 20).Within(1e-13));
        Assert.That(SymmetricMatrix.TraceOfRoot(a, new double[9], 3), Is.Zero);
        Assert.That(SymmetricMatrix.SquareRoot(new double[4], 2), Is.EqualTo(new double[4]));
    }

    [TestCaseSource(nameof(s_cases))]
    public void TheTraceIsScipys(string name)
    {
        var fixture = Fixture.Open("generation");
        var d = fixture.Shape($"{name}/x")[1];
        var x = FeatureStatistics.Of<double>(fixture.Doubles($"{name}/x"), d).Covariance;
        var y = FeatureStatistics.Of<double>(fixture.Doubles($"{name}/y"), d).Covariance;
        var expected = fixture.Doubles($"{name}/distance")[2];
        // Of the singular cases, sqrtm is 2e-8 off; the fixture has the singular values of the centred features.
        Errors.AssertClose([SymmetricMatrix.TraceOfRoot(x, y, d)], [expected], 1e-12, "trace");
        Errors.AssertClose([SymmetricMatrix.TraceOfRoot(y, x, d)], [expected], 1e-12, "trace, exchanged");
        // As written: the eigenvalues of S1^(1/2) S2 S1^(1/2). The root of a rounded 0 is 1e-8, and there are up to 64.
        var root = SymmetricMatrix.SquareRoot(x, d);
        var product = Naive(Naive(root, y, d), root, d);
        var plain = SymmetricMatrix.Eigen(product, d).Values.Sum(v => Math.Sqrt(Math.Max(v, 0)));
        Errors.AssertClose([plain], [expected], 1e-6, "trace by its definition");
    }

    // Widths around a panel of columns (64), tall and square.
    [TestCase(1, 1)]
    [TestCase(5, 1)]
    [TestCase(2, 2)]
    [TestCase(37, 31)]
    [TestCase(97, 67)]
    [TestCase(130, 130)]
    public void SingularValuesAddUp(int rows, int columns)
    {
        // A = Q D W^T with orthonormal columns from eigenvectors, D known.
        var random = TestRandom.ForCurrentTest();
        var left = SymmetricMatrix.Eigen(Symmetric(random.NormalArray(rows * rows), rows), rows).Vectors;
        var right = SymmetricMatrix.Eigen(Symmetric(random.NormalArray(columns * columns), columns), columns).Vectors;
        // A fifth are 0.
        double[] values = [.. Enumerable.Range(0, columns).Select(k => k % 5 == 4 ? 0 : random.Uniform(0, 3))];
        var a = new double[rows * columns];
        for (var k = 0; k < columns; k++)
        for (var i = 0; i < rows; i++)
        for (var j = 0; j < columns; j++)
            a[(i * columns) + j] += left[(k * rows) + i] * values[k] * right[(k * columns) + j];
        Errors.AssertClose([SingularValues.Sum(a, rows, columns)], [values.Sum()], 1e-13, "sum");
    }

    [Test]
    public void WhatIsNoCovarianceIsRefused()
    {
        Assert.Multiple(() =>
        {
            Assert.That(
                () => SymmetricMatrix.SquareRoot([1, 0, 0, -0.5], 2),
                Throws.InstanceOf<UserErrorException>().With.Message.Contains("no covariance: it has the eigenvalue -0.5")
            );
            Assert.That(() => SymmetricMatrix.SquareRoot([-1], 1), Throws.InstanceOf<UserErrorException>());
            // Below rounding it is 0.
            Errors.AssertClose(SymmetricMatrix.SquareRoot([1, 0, 0, -1e-9], 2), [1, 0, 0, 0], 1e-15, "clamped");
            Assert.That(() => SymmetricMatrix.Eigen([1, 2, 3], 2), Throws.ArgumentException);
            Assert.That(() => SymmetricMatrix.Eigen([1, double.NaN, double.NaN, 1], 2), Throws.ArgumentException);
        });
    }

    internal static double[] Naive(double[] a, double[] b, int n)
    {
        var c = new double[n * n];
        for (var i = 0; i < n; i++)
        for (var j = 0; j < n; j++)
        for (var k = 0; k < n; k++)
            c[(i * n) + j] += a[(i * n) + k] * b[(k * n) + j];
        return c;
    }

    private static double[] Symmetric(double[] a, int n) => [.. a.Select((v, i) => v + a[(i % n * n) + (i / n)])];

    private static double[] Transpose(double[] a, int n) => [.. a.Select((_, i) => a[(i % n * n) + (i / n)])];

    private static double[] Identity(int n) => [.. Enumerable.Range(0, n * n).Select(i => i % (n + 1) == 0 ? 1.0 : 0)];
}

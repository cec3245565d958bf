using Lur.Device;

namespace Lur.Tests.Device;

/// <summary>Row-major products against a naive sum in double.</summary>
public class GemmTests
{
    private static readonly (int M, int N, int K)[] Sizes = [(1, 1, 1), (3, 1, 7), (1, 5, 2), (17, 13, 11), (64, 33, 129)];

    [Test]
    public void AllTranspositionsAgreeWithANaiveSum(
        [ValueSource(nameof(Sizes))] (int M, int N, int K) size,
        [Values] bool transA,
        [Values] bool transB,
        [Values] Precision precision
    )
    {
        var random = TestRandom.ForCurrentTest();
        var (m, n, k) = size;
        // Rows longer than needed: what lies between them must not be touched.
        var (lda, ldb, ldc) = ((transA ? m : k) + 3, (transB ? k : n) + 1, n + 2);
        foreach (var test in TestDevices.All)
        {
            using var a = new GuardedBuffer(test, precision, random.NormalArray((transA ? k : m) * lda));
            using var b = new GuardedBuffer(test, precision, random.NormalArray((transB ? n : k) * ldb));
            using var c = new GuardedBuffer(test, precision, random.NormalArray(m * ldc));
            var (alpha, beta) = (0.75, -0.5);
            double[] av = a.Get(),
                bv = b.Get(),
                expected = c.Get();
            for (var i = 0; i < m; i++)
            {
                for (var j = 0; j < n; j++)
                {
                    var sum = 0.0;
                    for (var p = 0; p < k; p++)
                        sum += (transA ? av[(p * lda) + i] : av[(i * lda) + p]) * (transB ? bv[(j * ldb) + p] : bv[(p * ldb) + j]);
                    expected[(i * ldc) + j] = (alpha * sum) + (beta * expected[(i * ldc) + j]);
                }
            }
            test.Device.Gemm.Run(precision, transA, transB, m, n, k, alpha, a.Pointer, lda, b.Pointer, ldb, beta, c.Pointer, ldc);
            Errors.AssertClose(c.Get(), expected, Tolerance(k, precision), $"gemm on {test}");
        }
    }

    [Test]
    public void ABatchRepeatsAMatrixWithStrideZero([Values] Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        const int m = 5,
            n = 7,
            k = 3,
            batch = 4;
        foreach (var test in TestDevices.All)
        {
            using var a = new GuardedBuffer(test, precision, random.NormalArray(m * k));
            using var b = new GuardedBuffer(test, precision, random.NormalArray(batch * k * n));
            using var c = new GuardedBuffer(test, precision, batch * m * n);
            double[] av = a.Get(),
                bv = b.Get(),
                expected = new double[batch * m * n];
            for (var i = 0; i < expected.Length; i++)
            {
                var (s, row, column) = (i / (m * n), i / n % m, i % n);
                for (var p = 0; p < k; p++)
                    expected[i] += av[(row * k) + p] * bv[(s * k * n) + (p * n) + column];
            }
            // beta = 0 must not read C, which is NaN.
            test.Device.Gemm.RunBatched(
                precision,
                false,
                false,
                m,
                n,
                k,
                1,
                a.Pointer,
                k,
                b.Pointer,
                n,
                0,
                c.Pointer,
                n,
                0,
                k * n,
                m * n,
                batch
            );
            Errors.AssertClose(c.Get(), expected, Tolerance(k, precision), $"batched gemm on {test}");
        }
    }

    [Test]
    public void ProductsAreCapturedAndAllocateNothing()
    {
        foreach (var test in TestDevices.All)
        {
            using var a = new GuardedBuffer(test, Precision.Float32, [1, 2, 3, 4]);
            using var c = new GuardedBuffer(test, Precision.Float32, 4);
            void Run() => test.Device.Gemm.Run(Precision.Float32, false, false, 2, 2, 2, 1, a.Pointer, 2, a.Pointer, 2, 0, c.Pointer, 2);
            Run();
            Run();
            var (bytes, launches) = (GC.GetAllocatedBytesForCurrentThread(), test.Device.LaunchCount);
            Run();
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - bytes, Is.Zero);
            Assert.That(test.Device.LaunchCount - launches, Is.EqualTo(1));
            using var graph = test.Device.Capture(Run);
            a.Set([0, 1, 1, 0]);
            graph.Launch();
            Errors.AssertSame(c.Get(), [1, 0, 0, 1], $"captured gemm on {test}");
        }
    }

    [Test]
    public void AWrongLeadingDimensionIsNamed()
    {
        using var x = new GuardedBuffer(TestDevices.All.First(), Precision.Float32, 16);
        var e = Assert.Throws<CudaBlasException>(() =>
            TestDevices.Default.Gemm.Run(Precision.Float32, false, false, 4, 4, 4, 1, x.Pointer, 2, x.Pointer, 4, 0, x.Pointer, 4)
        )!;
        Assert.That(e.Message, Does.Contain("lda: 2").And.Contain("k: 4").And.Contain("InvalidValue"));
    }

    // A sum of k products of normal numbers in any order: error at most (k + 2) u times the sum of magnitudes, which is
    // below k times 12 (largest |product| seen at these sizes) while the largest result is of the order 1 to sqrt(k).
    // Random signs make it sqrt(k) in practice; 4 (k + 2) u leaves room for the first bound at small k.
    private static double Tolerance(int k, Precision precision) => 4 * (k + 2) * (precision == Precision.Float32 ? 6e-8 : 1.2e-16);
}

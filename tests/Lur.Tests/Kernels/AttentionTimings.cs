using System.Diagnostics;
using System.Globalization;
using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>
/// Time of the four passes of attention at the sizes of small diffusion models, by bytes of a matrix of scratch: the numbers behind
/// the choice. Run with: dotnet test -c Release --filter FullyQualifiedName~AttentionTimings
/// </summary>
[Explicit("Takes a minute and needs a quiet machine.")]
public class AttentionTimings
{
    [TestCase(128, 64, 64, 64, 1)]
    [TestCase(64, 64, 64, 256, 4)]
    [TestCase(32, 256, 256, 128, 1)]
    [TestCase(32, 256, 256, 128, 8)]
    [TestCase(32, 256, 16, 128, 4)]
    [TestCase(1, 256, 256, 256, 4)]
    public void Passes(int n, int l, int m, int c, int heads)
    {
        var test = TestDevices.All.First();
        var shape = new AttentionShape(n, l, m, c, heads);
        TestContext.Out.WriteLine($"{test.Device.Properties.Name}; milliseconds (GFLOP/s) of o, d, to, td; softmax alone");
        foreach (var kilobytes in new[] { 0, 256, 1024, 4096 })
        {
            using var scope = new KernelScope(test, Precision.Float32);
            var (op, passes) = Prepare(scope, shape, kilobytes << 10);
            var products = new[] { 1, 2.5, 2.5, 6 };
            var columns = passes.Select(
                (pass, i) =>
                {
                    var t = Time(test.Device, pass);
                    var rate = i < 4 ? 2 * products[i] * shape.MultiplyAdds / t * 1e-9 : 0;
                    return string.Format(CultureInfo.InvariantCulture, "{0,7:F2} ({1,4:F0})", t * 1e3, rate);
                }
            );
            var sizes = $"{n} x {l} x {m}, {heads} of {shape.HeadWidth}, {kilobytes, 4} KiB, {op.MatrixElements, 7} elements";
            TestContext.Out.WriteLine($"{sizes}: {string.Join(" ", columns)}");
        }
        Assert.That(shape.MultiplyAdds, Is.Positive);
    }

    private static (AttentionOperator Op, Action[] Passes) Prepare(KernelScope scope, AttentionShape s, long matrixBytes)
    {
        var (launch, random) = (LaunchSet.Immediate(scope.Device, scope.Precision), TestRandom.ForCurrentTest());
        var op = new AttentionOperator(launch, s, matrixBytes: matrixBytes);
        Operand<Real> Of(long count) => scope.Vector(random.NormalArray(count)).Pointer;
        Operand<Real> Rows(int rows) => Of((long)s.N * rows * s.C);
        AttentionOperands Inputs() => new(Rows(s.L), Rows(s.M), Rows(s.M));
        AttentionTarget To(int rows) => new(Rows(rows), false);
        var (x, t, y, dy, tdy, lse) = (Inputs(), Inputs(), Rows(s.L), Rows(s.L), Rows(s.L), Of(s.LogSums));
        var (dk, dv, dq) = (To(s.M), To(s.M), To(s.L));
        Operand<Real>[] scratch = [.. Enumerable.Range(0, 4).Select(_ => Of(op.MatrixElements))];
        var (p, tp, ds, tds) = (scratch[0], scratch[1], scratch[2], scratch[3]);
        var rows = op.MatrixElements / s.M;
        return (
            op,
            [
                () => op.Forward(y, lse, x, p),
                () => op.Backward(dk, dv, dq, dy, x, lse, p, ds),
                () => op.ForwardTangent(y, x, t, lse, p, tp),
                () => op.BackwardTangent(dk, dv, dq, (dy, tdy), x, t, lse, (p, tp, ds, tds)),
                () =>
                {
                    for (var i = 0; i < s.LogSums; i += rows)
                        launch.Attention.AttentionSoftmax(scope.Device.Blocks(rows, s.M), p, lse, rows, s.M);
                },
            ]
        );
    }

    // Best of at least five runs and a quarter of a second.
    private static double Time(ComputeDevice device, Action pass)
    {
        pass();
        device.Synchronize();
        var (best, watch) = (double.MaxValue, Stopwatch.StartNew());
        for (var i = 0; i < 5 || watch.Elapsed.TotalSeconds < 0.25; i++)
        {
            var start = Stopwatch.GetTimestamp();
            pass();
            device.Synchronize();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}

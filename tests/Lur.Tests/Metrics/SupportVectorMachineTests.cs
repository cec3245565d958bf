using Lur.Metrics;
using Lur.Tests.Device;
using Lur.Tests.Golden;
using Lur.Tests.Reference;

namespace Lur.Tests.Metrics;

/// <summary>Acceptance test T9, and the solver against brute force.</summary>
public class SupportVectorMachineTests
{
    private static readonly string[] Cases =
    [
        "line",
        "line_stiff",
        "line_duplicates",
        "line_saturated",
        "five",
        "five_soft",
        "five_duplicates",
    ];

    [TestCaseSource(nameof(Cases))]
    public void AgreesWithScikitLearn(string name)
    {
        var fixture = Fixture.Open("svm");
        var (x, y, queries) = (fixture.Doubles(name + "/x"), Labels(fixture, name), fixture.Doubles(name + "/queries"));
        var (options, dimension) = (fixture.Doubles(name + "/options"), fixture.Shape(name + "/x")[1]);

        // Not within the tolerance of the solver but the same near-optimal machine: libsvm's labels next to the boundary too.
        var machine = SupportVectorMachine.Fit(x, dimension, y, new SupportVectorOptions(options[0], options[1]));
        var (actual, reference) = (machine.Decide(queries), fixture.Doubles(name + "/decision_default"));
        var tight = SupportVectorMachine.Fit(x, dimension, y, new SupportVectorOptions(options[0], options[1], options[2]));
        var expected = fixture.Doubles(name + "/decision");
        TestContext.Out.WriteLine(
            $"{name}: default {Largest(actual, reference):E1}, tight from the exact solution "
                + $"{Largest(tight.Decide(queries), expected):E1}, "
                + $"scikit-learn's default from it {Largest(reference, expected):E1}, {machine.Iterations} iterations, "
                + $"{machine.SupportVectors} vectors"
        );
        Assert.That(machine.Converged);
        Assert.That(queries.Length / dimension, Is.EqualTo(actual.Length));
        // Sums of a few hundred terms of size C.
        Assert.That(actual, Is.EqualTo(reference).Within(1e-12 * options[0] * machine.SupportVectors));

        // Kernel values in float leave the best solution up to 1e-4 from the one in double.
        Assert.That(tight.Converged);
        Assert.That(tight.Decide(queries), Is.EqualTo(expected).Within(2e-4));
        Assert.That(tight.DualObjective, Is.EqualTo(fixture.Doubles(name + "/objective")[0]).Within(1e-4).Percent);
    }

    [Test]
    public void AgreesWithBruteForce([Range(1, 12)] int number)
    {
        var random = TestRandom.ForCurrentTest();
        var (n, dimension) = (4 + (number % 3), 1 + (number % 2));
        var options = new SupportVectorOptions(new[] { 0.3, 3, 50 }[number % 3], 0.7, 1e-9);
        // A coarse grid, so that equal points with equal and with different labels occur.
        var x = Enumerable.Range(0, n * dimension).Select(_ => random.Below(4) / 2.0).ToArray();
        var y = Enumerable.Range(0, n).Select(i => i == 0 || (i > 1 && random.Below(2) == 0)).ToArray();
        var expected = SupportVectorReference.Solve(x, dimension, y, options.C, options.Gamma);
        var machine = SupportVectorMachine.Fit(x, dimension, y, options);
        // The kernel in float is 3e-8 off, in up to 36 terms of C^2.
        Assert.That(machine.DualObjective, Is.EqualTo(expected.Objective).Within(1e-6 * Math.Max(1, options.C * options.C)));
        var queries = random.UniformArray(20 * dimension, -1, 3);
        // Where no multiplier is free, any bias of an interval is optimal and the two may differ by a constant.
        var (actual, reference) = (machine.Decide(queries), expected.Decide(queries));
        var shift = expected.HasFree ? 0 : actual[0] - reference[0];
        Assert.That(actual.Select(v => v - shift), Is.EqualTo(reference).Within(1e-4));
    }

    [Test]
    public void TheCacheChangesNothing()
    {
        var (x, y) = Overlapping(400);
        var options = new SupportVectorOptions(3, 1);
        var machine = SupportVectorMachine.Fit(x, 1, y, options);
        var uncached = SupportVectorMachine.Fit(x, 1, y, options with { CacheBytes = 0 });
        Errors.AssertSame(uncached.Decide(x), machine.Decide(x), "no cache");
        Assert.That(machine.Iterations, Is.GreaterThan(400), "points were shrunk on the way");
    }

    [Test]
    public void OrderAndCopiesChangeNothingAtATightTolerance()
    {
        var (x, y) = Overlapping(60);
        double[] Decide(double[] points, bool[] labels, double cost) =>
            SupportVectorMachine.Fit(points, 1, labels, new SupportVectorOptions(cost, 1, 1e-9)).Decide(x);
        var expected = Decide(x, y, 3);
        Assert.That(Decide([.. x.Reverse()], [.. y.Reverse()], 3), Is.EqualTo(expected).Within(1e-4), "order");
        Assert.That(Decide([.. x, .. x, .. x], [.. y, .. y, .. y], 1), Is.EqualTo(expected).Within(1e-4), "copies are a larger box");
        Assert.That(Decide(x, Array.ConvertAll(y, v => !v), 3), Is.EqualTo(expected.Select(v => -v)).Within(1e-4), "the other class");
    }

    [Test]
    public void ThousandsOfDistinctPointsConverge()
    {
        var random = TestRandom.ForCurrentTest();
        var count = 3000;
        var y = Enumerable.Range(0, count).Select(i => i % 2 == 0).ToArray();
        var x = Array.ConvertAll(y, positive => (double)(float)(1 / (1 + Math.Exp(-random.Normal(positive ? 3 : 2, 2)))));
        var machine = SupportVectorMachine.Fit(x, 1, y, new SupportVectorOptions(3, 1));
        Assert.That(machine.Converged);
        // Weak duality: -W(a) <= optimum <= 1/2 |w|^2 + C sum of hinge losses, with equality only at the solution. With
        // -W = sum a - 1/2 |w|^2, the gap is |w|^2 + C hinge - sum a, and it needs nothing but decision values: for it,
        // |w|^2 = 2 (W + sum a).
        var hinge = machine.Decide(x).Select((d, i) => Math.Max(0, 1 - (y[i] ? d : -d))).Sum();
        var primal = machine.DualObjective + machine.MultiplierSum + (3 * hinge);
        Assert.That(primal, Is.EqualTo(-machine.DualObjective).Within(0.1).Percent);
    }

    [Test]
    public void DegenerateInputsAreDefined()
    {
        var options = new SupportVectorOptions(3, 1);
        double[] same = [0.5, 0.5, 0.5, 0.5, 0.5];
        Assert.Multiple(() =>
        {
            Assert.That(SupportVectorMachine.Fit([1, 2], 1, [true, true], options).Decide([7]), Is.EqualTo(new[] { 1.0 }));
            Assert.That(SupportVectorMachine.Fit([1, 2], 1, [false, false], options).Decide([7]), Is.EqualTo(new[] { -1.0 }));
            Assert.That(
                SupportVectorMachine.Fit(same.AsSpan(1), 1, [true, false, true, false], options).Decide([0.5]),
                Is.EqualTo(new[] { 0.0 })
            );
            Assert.That(
                SupportVectorMachine.Fit(same, 1, [true, false, true, false, true], options).Decide([0.5]),
                Is.EqualTo(new[] { 1.0 })
            );
            Assert.That(() => SupportVectorMachine.Fit([1, double.NaN], 1, [true, false], options), Throws.ArgumentException);
            Assert.That(() => SupportVectorMachine.Fit([1, 2, 3], 2, [true, false], options), Throws.ArgumentException);
            Assert.That(() => SupportVectorMachine.Fit([], 1, [], options), Throws.ArgumentException);
            Assert.That(() => SupportVectorMachine.Fit([1], 1, [true], options with { Gamma = 0 }), Throws.ArgumentException);
        });
    }

    private static (double[] X, bool[] Y) Overlapping(int count)
    {
        var random = TestRandom.ForCurrentTest();
        var x = random.NormalArray(count);
        return (x, Array.ConvertAll(x, v => random.Normal() + v > 0));
    }

    private static bool[] Labels(Fixture fixture, string name) => Array.ConvertAll(fixture.Doubles(name + "/y"), v => v > 0);

    private static double Largest(double[] a, double[] b) => a.Zip(b, (p, q) => Math.Abs(p - q)).Max();
}

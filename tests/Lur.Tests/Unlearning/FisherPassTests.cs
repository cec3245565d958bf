using Lur.Tasks.Classification;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>Squared gradients and what follows from them, against single samples evaluated one by one.</summary>
public class FisherPassTests
{
    private static readonly int[] s_samples = [0, 3, 4, 11, 20, 21, 30];

    // Two ways through the same double-precision kernels: bytes normalised on the device or on the host, batches of other
    // sizes. Rounding only.
    private const double Tolerance = 1e-10;

    private static double[] Mean(IEnumerable<double[]> rows)
    {
        var all = rows.ToArray();
        return [.. Enumerable.Range(0, all[0].Length).Select(i => all.Average(r => r[i]))];
    }

    private static double[] Square(double[] x) => [.. x.Select(v => v * v)];

    [Test]
    public void TheDiagonalIsTheMeanOfSquaredGradientsOfSingleSamples()
    {
        using var bench = new MethodBench();
        using var pass = new FisherPass(bench.Model, bench.Data);
        using var diagonal = pass.Diagonal(s_samples);
        Errors.AssertClose(diagonal.ToArray(), Mean(s_samples.Select(i => Square(bench.Sample(i).Gradient))), Tolerance, "diagonal");
    }

    [Test]
    public void LabelsOfTheModelAreWeightedByProbability()
    {
        using var bench = new MethodBench();
        using var pass = new FisherPass(bench.Model, bench.Data);
        using var diagonal = pass.Diagonal(s_samples, FisherLabels.Model);
        var expected = Mean(
            s_samples.Select(i =>
            {
                var p = bench.Sample(i).Probabilities;
                var perLabel = Enumerable.Range(0, p.Length).Select(y => Square(bench.Sample(i, y).Gradient)).ToArray();
                return perLabel[0].Select((_, j) => p.Select((w, y) => w * perLabel[y][j]).Sum()).ToArray();
            })
        );
        Errors.AssertClose(diagonal.ToArray(), expected, Tolerance, "diagonal");
    }

    [Test]
    public void LargerBatchesSquareTheirMeanGradient()
    {
        using var bench = new MethodBench();
        using var pass = new FisherPass(bench.Model, bench.Data, batch: 3);
        using var diagonal = pass.Diagonal(s_samples);
        var expected = Mean(s_samples.Chunk(3).Select(batch => Square(Mean(batch.Select(i => bench.Sample(i).Gradient)))));
        Errors.AssertClose(diagonal.ToArray(), expected, Tolerance, "mean of squared means, the last of one sample");
        using var single = new FisherPass(bench.Model, bench.Data);
        using var exact = single.Diagonal(s_samples);
        Assert.That(diagonal.ToArray().Sum(), Is.LessThan(0.8 * exact.ToArray().Sum()), "and that is another thing");
    }

    [Test]
    public void TheSumDoesNotDependOnTheBatch([Values(1, 4, 16)] int batch)
    {
        using var bench = new MethodBench();
        using var pass = new FisherPass(bench.Model, bench.Data, batch);
        using var sum = pass.Sum(s_samples);
        Errors.AssertClose(
            sum.ToArray(),
            [.. Mean(s_samples.Select(i => bench.Sample(i).Gradient)).Select(x => x * s_samples.Length)],
            Tolerance,
            "sum"
        );
    }

    [Test]
    public void GradientsThatAreNotFiniteAreRefused()
    {
        using var bench = new MethodBench();
        bench.Original[0] = double.NaN;
        bench.Model.Parameters.Set(bench.Original);
        using var pass = new FisherPass(bench.Model, bench.Data);
        Assert.That(() => pass.Diagonal(s_samples), Throws.TypeOf<UserErrorException>().With.Message.Contains("not finite"));
    }

    [Test]
    public void DampeningFollowsTheFormula()
    {
        using var bench = new MethodBench();
        var forget = Mean(bench.Set.Forget.Select(i => Square(bench.Sample(i).Gradient)));
        var all = Mean(bench.Set.Forget.Concat(bench.Set.Retain).Select(i => Square(bench.Sample(i).Gradient)));
        const double alpha = 1.5,
            lambda = 0.8;
        double[] expected =
        [
            .. bench.Original.Select((t, i) => forget[i] > alpha * all[i] ? Math.Min(lambda * all[i] / forget[i], 1) * t : t),
        ];
        var report = bench.Run("ssd", ("alpha", "1.5"), ("lambda", "0.8"));
        Errors.AssertClose(bench.Model.Parameters.ToArray(), expected, Tolerance, "theta");
        var changed = expected.Where((t, i) => t != bench.Original[i]).Count();
        Assert.That(changed, Is.GreaterThan(0).And.LessThan(expected.Length));
        Assert.That(report[0].Facts.Single(f => f.Name == "dampened").Value, Is.EqualTo(changed).Within(bench.Original.Count(t => t == 0)));
    }

    [TestCase("9.9", 0)]
    [TestCase("10", 1)]
    public void FromTheInverseShareOnNothingIsSelectedAndSaidSo(string alpha, int notes)
    {
        using var bench = new MethodBench(); // class 3: 6 of 60
        using var method = MethodScope.Create(new UnlearningTask(bench.Model, bench.Data, bench.Set, 7), "ssd", "alpha", alpha);
        Assert.That(method.Notes, Has.Count.EqualTo(notes));
        var dampened = method.Preparations.Single().Run().Facts.Single(f => f.Name == "dampened").Value;
        // Where no other sample has a gradient, 10 I_D and I_Df are one number with two roundings.
        if (notes > 0)
            Assert.That(dampened, Is.LessThan(0.05 * bench.Original.Length));
        else
            Assert.That(dampened, Is.GreaterThan(0));
    }

    [Test]
    public void NoiseGrowsWithAlphaAndEndsAtTheCap()
    {
        double[] Moved(string alpha)
        {
            using var bench = new MethodBench();
            bench.Run("fisher", ("alpha", alpha));
            return [.. bench.Model.Parameters.ToArray().Zip(bench.Original, (a, b) => Math.Abs(a - b)).Order()];
        }

        var (none, some, more) = (Moved("0"), Moved("1e-17"), Moved("1e-15"));
        Assert.That(none, Is.All.Zero);
        // The median: weights behind dead units have no information and are at the cap whatever alpha is.
        Assert.That(some[some.Length / 2], Is.GreaterThan(0));
        Assert.That(more[more.Length / 2], Is.GreaterThan(2 * some[some.Length / 2]));
        // 6.7 deviations are as far as the generator goes; the classifier's deviation is ten times the cap.
        Assert.That(Moved("1e9")[^1], Is.GreaterThan(0.01).And.LessThan(0.067));
    }

    [Test]
    public void TheAveragedFormDrawsForgottenOutputsAroundZero()
    {
        using var bench = new MethodBench();
        bench.Run("fisher", ("form", "fisher-new"), ("alpha", "1e-12"), ("fisher-samples", "4"));
        var (after, fc) = (bench.Model.Parameters.ToArray(), bench.Model.Parameters.Layout["fc.weight"]);
        for (var i = fc.Offset; i < fc.End; i++)
        {
            var output = (i - fc.Offset) / fc.FanIn;
            if (output == 3)
                Assert.That(after[i], Is.Not.Zero.And.InRange(-0.22, 0.22), "deviation sqrt(1e-3), up to 6.7 of them");
            else
                Assert.That(after[i], Is.EqualTo(bench.Original[i]).Within(1e-3));
        }
    }
}

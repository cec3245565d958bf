using System.Globalization;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>Steps and noise of the simple methods against gradients of single samples, in float64.</summary>
public class MethodFormulaTests
{
    private const double Rate = 0.01;

    // Batches against single samples through the same double-precision kernels: rounding only.
    private const double Tolerance = 1e-10;

    /// <summary>Options of one step on a whole set, without momentum, with running statistics.</summary>
    private static (string, string)[] Whole(int[] set, params (string, string)[] more) =>
        [
            ("batch", set.Length.ToString(CultureInfo.InvariantCulture)),
            ("lr", "0.01"),
            ("momentum", "0"),
            ("bn", "frozen"),
            ("no-augment", "true"),
            .. more,
        ];

    private static double[] MeanGradient(MethodBench bench, int[] set)
    {
        var sum = new double[bench.Original.Length];
        foreach (var i in set)
        {
            var g = bench.Sample(i).Gradient;
            for (var k = 0; k < sum.Length; k++)
                sum[k] += g[k] / set.Length;
        }

        return sum;
    }

    [TestCase("ft", false, -1)]
    [TestCase("ga", true, 1)]
    public void AStepGoesDownTheRetainLossOrUpTheForgetLoss(string method, bool onForget, int sign)
    {
        using var bench = new MethodBench();
        var set = onForget ? bench.Set.Forget : bench.Set.Retain;
        var g = MeanGradient(bench, set);
        bench.Run(method, Whole(set, ("epochs", "1"), ("weight-decay", "0.05")));
        double[] expected = [.. bench.Original.Select((t, i) => t + (Rate * ((sign * g[i]) - (0.05 * t))))];
        Errors.AssertClose(bench.Model.Parameters.ToArray(), expected, Tolerance, "theta");
    }

    [Test]
    public void ThePenaltyOfTheSparseMethodShrinksAndFades()
    {
        using var bench = new MethodBench();
        var set = bench.Set.Retain;
        // Where a weight is 0 the penalty pulls to neither side.
        double[] theta = [.. bench.Original.Select((t, i) => i % 3 == 0 ? 0 : t)];
        bench.Model.Parameters.Set(theta);
        // Three epochs of one step: the penalty is a, a / 2, and, in the plain epoch, 0.
        foreach (var epoch in Enumerable.Range(0, 3))
        {
            using var at = new MethodBench();
            at.Model.Parameters.Set(theta);
            var g = MeanGradient(at, set);
            theta = [.. theta.Select((t, i) => t - (Rate * (g[i] + (0.2 * Math.Max(0, 1 - (epoch / 2.0)) * Math.Sign(t)))))];
        }

        bench.Run("l1-sparse", Whole(set, ("epochs", "3"), ("plain-epochs", "1"), ("weight-decay", "0"), ("l1", "0.2")));
        Errors.AssertClose(bench.Model.Parameters.ToArray(), theta, Tolerance, "theta");
    }

    [Test]
    public void ThePlainFisherNoiseIsThePublishedDeviationTimesANormal()
    {
        using var bench = new MethodBench();
        const double alpha = 1e-12;
        var fisher = MeanSquare(bench, i => [(1, bench.Sample(i).Gradient)]);
        var layout = bench.Model.Parameters.Layout;
        double[] deviations =
        [
            .. layout.Slots.SelectMany(s =>
                Enumerable
                    .Range(s.Offset, s.Count)
                    .Select(i =>
                        Math.Min(Math.Sqrt(alpha / fisher[i]), 1e-3) * (s.Name.StartsWith("fc", StringComparison.Ordinal) ? 10 : 1)
                    )
            ),
        ];
        Assert.That(fisher.Count(f => alpha / f < 1e-6), Is.GreaterThan(deviations.Length / 2), "most are below the cap");
        AssertNoise(bench, bench.Run("fisher", ("alpha", "1e-12")), bench.Original, deviations);
    }

    [Test]
    public void TheAveragedFisherNoiseIsThePublishedDeviationTimesANormal()
    {
        using var bench = new MethodBench();
        const double alpha = 1e-9;
        var fisher = MeanSquare(
            bench,
            i =>
            {
                var p = bench.Sample(i).Probabilities;
                return p.Select((w, y) => (w, bench.Sample(i, y).Gradient));
            }
        );
        var (deviations, start) = (new double[fisher.Length], bench.Original.ToArray());
        foreach (var slot in bench.Model.Parameters.Layout.Slots)
        {
            var classifier = slot.Name.StartsWith("fc", StringComparison.Ordinal);
            var length = slot.Shape.Rank > 1 ? slot.Shape.Innermost : 1;
            for (var row = slot.Offset; row < slot.End; row += length)
            {
                var mean = fisher[row..(row + length)].Average(f => Math.Min(1 / (f + 1e-8), classifier ? 1e2 : 1e3));
                var variance = alpha * mean * (classifier || slot.Shape.Rank == 1 ? 10 : 1);
                // The whole class 3 is forgotten.
                if (classifier && (row - slot.Offset) / length == 3)
                {
                    variance = 1e-3;
                    Array.Clear(start, row, length);
                }

                Array.Fill(deviations, Math.Sqrt(variance), row, length);
            }
        }

        AssertNoise(bench, bench.Run("fisher", ("form", "fisher-new"), ("alpha", "1e-9")), start, deviations);
    }

    private static double[] MeanSquare(MethodBench bench, Func<int, IEnumerable<(double Weight, double[] Gradient)>> gradients)
    {
        var sum = new double[bench.Original.Length];
        foreach (var i in bench.Set.Retain)
        foreach (var (weight, g) in gradients(i))
            for (var k = 0; k < sum.Length; k++)
                sum[k] += weight * g[k] * g[k] / bench.Set.Retain.Length;
        return sum;
    }

    /// <summary>Every weight is start + deviation z, z the normal numbers of the run's seed; the reported deviation is their
    /// root mean square.</summary>
    private static void AssertNoise(MethodBench bench, IReadOnlyList<PreparationReport> reports, double[] start, double[] deviations)
    {
        var words = new RandomStream(7, "fisher/noise");
        // Box and Muller: the radius from the first word of a pair, the angle from the second.
        double Normal(int i)
        {
            var (first, angle) = ((ulong)i & ~1ul, 2 * Math.PI * (words.WordAt((ulong)i | 1) >> 8) / (1 << 24));
            return Math.Sqrt(-2 * Math.Log((words.WordAt(first) + 0.5) / (1L << 32))) * (i % 2 == 0 ? Math.Cos(angle) : Math.Sin(angle));
        }

        double[] noise = [.. deviations.Select((d, i) => d * Normal(i))];
        // The sum rounds to half a unit of the weight, and the deviation is as good as its Fisher value.
        double[] allowed = [.. noise.Zip(start, (z, t) => (1e-9 * Math.Abs(z)) + (3e-16 * (Math.Abs(t) + Math.Abs(z))))];
        Errors.AssertWithin([.. bench.Model.Parameters.ToArray().Zip(start, (a, b) => a - b)], noise, allowed, "noise");
        var expected = Math.Sqrt(deviations.Average(d => d * d));
        Assert.That(reports[0].Facts.Single(f => f.Name == "deviation").Value, Is.EqualTo(expected).Within(1e-8 * expected));
    }
}

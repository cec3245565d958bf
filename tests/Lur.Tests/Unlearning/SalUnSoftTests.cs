using Lur.Device;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>SalUn-soft against random labelling followed by a soft threshold on the host.</summary>
public class SalUnSoftTests
{
    private static readonly string[] s_loop = ["batch", "16", "epochs", "2", "lr", "0.02"];

    [Test]
    public void AStepIsAnUpdateThenASoftThreshold([Values("batch", "concat")] string relabel, [Values(0.3, 1.0)] double ratio)
    {
        using MethodScope soft = new(Precision.Float64),
            plain = new(Precision.Float64);
        using (var rl = plain.Create("rl", [.. s_loop, "relabel", relabel]))
            rl.RunStep();
        using var method = soft.Create(
            "salun-soft",
            [.. s_loop, "relabel", relabel, "mask-ratio", ratio.ToString(System.Globalization.CultureInfo.InvariantCulture)]
        );
        var (anchor, theta) = (soft.Start, plain.Model.Parameters.ToArray());
        var rank = (int)(ratio * ((double)(method.Steps - 1) / method.Steps * anchor.Length));
        var tau = theta.Zip(anchor, (t, a) => Math.Abs(t - a)).Order().ElementAt(rank - 1);
        double[] expected = [.. theta.Zip(anchor, (t, a) => a + (Math.Sign(t - a) * Math.Max(Math.Abs(t - a) - tau, 0)))];
        method.RunStep();
        var actual = soft.Model.Parameters.ToArray();
        Errors.AssertSame(actual, expected, "parameters");
        Assert.That(actual.Zip(anchor).Count(p => p.First == p.Second), Is.GreaterThanOrEqualTo(rank).And.LessThan(anchor.Length));
    }

    [Test]
    public void WithoutARankItIsRandomLabellingBitForBit()
    {
        using MethodScope soft = new(),
            plain = new();
        soft.Run("salun-soft", [.. s_loop, "relabel", "batch", "mask-ratio", "0"]);
        plain.Run("rl", s_loop);
        Errors.AssertSame(soft.Model.Parameters.ToArray(), plain.Model.Parameters.ToArray(), "parameters");
    }

    // 2 epochs of 5 steps over 100 weights.
    [TestCase(0, 45, 45)]
    [TestCase(4, 25, 45)]
    [TestCase(5, 20, 20)]
    [TestCase(9, 0, 20)]
    public void TheRankFallsOverTheRun(long index, long batch, long concat) =>
        Assert.That(
            (SalUnSoft.RankOf(index, 5, 10, 0.5, 100, RelabelMode.Batch), SalUnSoft.RankOf(index, 5, 10, 0.5, 100, RelabelMode.Concat)),
            Is.EqualTo((batch, concat))
        );
}

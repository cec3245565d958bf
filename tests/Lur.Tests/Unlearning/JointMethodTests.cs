using Lur.Device;
using Lur.Steps;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>T6 of the acceptance tests, on whole runs: what methods turn into when their weights are 0.</summary>
public class JointMethodTests
{
    private static readonly string[] s_loop = ["batch", "16", "epochs", "2", "lr", "0.01", "weight-decay", "0.001"];

    private static void AssertSameModels(MethodScope actual, MethodScope expected)
    {
        Errors.AssertSame(actual.Model.Parameters.ToArray(), expected.Model.Parameters.ToArray(), "parameters");
        Errors.AssertSame(actual.Model.Buffers.ToArray(), expected.Model.Buffers.ToArray(), "running statistics");
        Assert.That(actual.Model.BatchesTracked, Is.EqualTo(expected.Model.BatchesTracked));
        Assert.That(actual.Model.Parameters.ToArray(), Is.Not.EqualTo(actual.Start), "the run moved the weights");
    }

    [TestCase(Precision.Float32, "retain-cycle", "retain")]
    [TestCase(Precision.Float64, "retain-tail", "both")]
    [TestCase(Precision.Float32, "min", "frozen")]
    public void LurWithoutLookAheadAndTrimIsNegGradPlusBitForBit(Precision precision, string epoch, string bn)
    {
        using MethodScope lur = new(precision),
            neggrad = new(precision);
        string[] shared = [.. s_loop, "lambda", "0.3", "epoch-mode", epoch, "bn", bn];
        var a = lur.Run("lur", [.. shared, "alpha", "0", "trim", "0"]);
        var b = neggrad.Run("neggrad", shared);
        AssertSameModels(lur, neggrad);
        Assert.That(
            b.Select(t => (t.RetainLoss, t.ForgetLoss, t.ForgetAccuracy, t.Skipped)),
            Is.EqualTo(a.Select(t => (t.RetainLoss, t.ForgetLoss, t.ForgetAccuracy, t.Skipped)))
        );
        for (var i = 0; i < a.Count; i++)
        {
            if (double.IsNaN(b[i].Cosine))
                continue; // a plain retain step
            // The same sums in loops of another shape, which a compiler may add up in another order.
            double[] Measured(StepTelemetry t) => [t.RetainGradientNorm, t.ForgetGradientNorm, t.Cosine, t.ParameterNorm];
            foreach (var (x, y) in Measured(b[i]).Zip(Measured(a[i])))
                Assert.That(x, Is.EqualTo(y).Within(1e-5 * Math.Max(1, Math.Abs(y))), $"norms of step {i + 1}");
        }
    }

    [Test]
    public void NegGradPlusWithoutForgetWeightIsFineTuningBitForBit()
    {
        using MethodScope neggrad = new(),
            ft = new();
        neggrad.Run("neggrad", [.. s_loop, "lambda", "0"]);
        ft.Run("ft", s_loop);
        AssertSameModels(neggrad, ft);
    }

    [Test]
    public void ANonFiniteBatchSkipsTheStep()
    {
        using var scope = new MethodScope();
        var weights = (double[])scope.Start.Clone();
        weights[scope.Model.Parameters.Layout["fc.weight"].Offset] = double.PositiveInfinity;
        scope.Model.Parameters.Set(weights);
        Assert.That(scope.Run("neggrad", "batch", "16", "epochs", "1").All(t => t.Skipped));
        Errors.AssertSame(scope.Model.Parameters.ToArray(), weights, "parameters");
    }

    [TestCase("neggrad")]
    [TestCase("rl", "relabel", "concat", "label-draw", "any")]
    [TestCase("salun")]
    [TestCase("salun-soft")]
    [TestCase("scissorhands", "memory", "2", "compat", "true")]
    public void SameSeedSameBits(string method, params string[] options)
    {
        using MethodScope a = new(),
            b = new();
        Assert.That(a.Run(method, [.. s_loop, .. options]), Is.EqualTo(b.Run(method, [.. s_loop, .. options])), "telemetry");
        AssertSameModels(a, b);
    }
}

using Lur.Device;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Kernels;
using Lur.Tests.Networks;
using Lur.Unlearning;

namespace Lur.Tests.CInterface;

/// <summary>The vector arithmetic of LUR on vectors of somebody else, against the formulas in double, against itself in segments, and
/// against the step of a model.</summary>
public class VectorStepTests
{
    // One element, primes, more than a block; in pieces whose borders fall on no multiple of anything.
    private static readonly long[][] s_shapes =
    [
        [1],
        [7],
        [5003],
        [64, 1, 997],
        [3, 3, 3, 2500],
    ];

    [Test]
    public void AStepIsWhatTheFormulasSay([Values] VectorProduct product, [Values] bool nesterov)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.All)
        foreach (var precision in KernelScope.Precisions)
        foreach (
            var counts in test.ChecksMemory
                ?
                [
                    [3, 1],
                ]
                : s_shapes
        )
        {
            // Half a second a launch of 512 blocks there, and what it checks does not depend on these.
            if (test.ChecksMemory && (nesterov || precision == Precision.Float64))
                continue;
            using var run = new Vectors(test.Device, precision, counts, random);
            var options = Options(precision) with { Product = product, Nesterov = nesterov };
            using var step = new VectorStep(test.Device, counts, options);
            var (theta, momentum, g, v) = (run["theta"], run["momentum"], run["g"], run["v"]);
            var gradient = random.UniformArray(theta.Length, 0.5, 2); // of a quadratic: H = diag
            run.Step(step, gradient);
            var h = Array.ConvertAll(Enumerable.Range(0, v.Length).ToArray(), i => gradient[i] * v[i]);
            var expected = Naive(options, theta, momentum, g, v, product == VectorProduct.None ? new double[v.Length] : h);

            // Values are near 1; a few roundings each. A finite difference loses half of the digits: its error is 2^-24 |theta| / eps
            // times lr alpha lambda = 1.5e-4 in the weights, eps = r / |v|, |v| up to 71.
            var unit = precision.Unit();
            var loss = product == VectorProduct.FiniteDifference ? 1.5e-4 * 8 * Math.Sqrt(v.Length) / options.Radius : 0;
            Assert.That(run["theta"], Is.EqualTo(expected.Theta).Within((16 + loss) * unit), $"{test} {precision} theta");
            Assert.That(run["momentum"], Is.EqualTo(expected.Momentum).Within((64 + (100 * loss)) * unit), $"{test} {precision} momentum");
            AssertReport(step, options, (theta, g, v, h), unit);
        }
    }

    [Test]
    public void SegmentsMakeNoDifferenceToTheUpdate([Values] bool masked)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var precision in KernelScope.Precisions)
        {
            var device = TestDevices.Default;
            using var flat = new Vectors(device, precision, [1064], random);
            using var pieces = new Vectors(device, precision, [64, 1, 999], flat);
            var gradient = random.UniformArray(1064, 0.5, 2);
            var options = Options(precision) with { Product = VectorProduct.Given };
            foreach (var run in new[] { flat, pieces })
            {
                using var step = new VectorStep(device, run.Counts, options);
                for (var i = 0; i < 3; i++)
                    run.Step(step, gradient, masked);
            }

            Errors.AssertSame(pieces["theta"], flat["theta"], "theta");
            Errors.AssertSame(pieces["momentum"], flat["momentum"], "momentum");
            Errors.AssertSame(pieces["ahead"], flat["ahead"], "ahead");
        }
    }

    [Test]
    public void WithoutAlphaOrAProductAStepIsOfFirstOrderBitForBit()
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var precision in KernelScope.Precisions)
        {
            var device = TestDevices.Default;
            using var first = new Vectors(device, precision, [1013], random);
            using var other = new Vectors(device, precision, [1013], first);
            var gradient = random.UniformArray(1013, 0.5, 2);
            // alpha = 0 against no product at all.
            var flat = Options(precision) with
            {
                Alpha = 0,
            };
            Run(first, flat with { Product = VectorProduct.None });
            Run(other, flat with { Product = VectorProduct.Given });
            Errors.AssertSame(other["theta"], first["theta"], "alpha = 0");
            // A step that may be given one, and is not.
            Run(first, Options(precision) with { Product = VectorProduct.None });
            Run(other, Options(precision) with { Product = VectorProduct.Given }, withProduct: false);
            Errors.AssertSame(other["theta"], first["theta"], "h left out");

            void Run(Vectors vectors, VectorStepOptions options, bool withProduct = true)
            {
                using var step = new VectorStep(device, vectors.Counts, options);
                vectors.Step(step, gradient, withProduct: withProduct);
            }
        }
    }

    [Test]
    public void TheGradientAloneAndThenSgdIsTheUpdateBitForBit()
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var precision in KernelScope.Precisions)
        {
            var device = TestDevices.Default;
            using var whole = new Vectors(device, precision, [40, 977], random);
            using var parts = new Vectors(device, precision, [40, 977], whole);
            var gradient = random.UniformArray(1017, 0.5, 2);
            // Rate 1, no momentum and no decay: theta - G.
            var options = Options(precision) with
            {
                Product = VectorProduct.Given,
                LearningRate = 1,
                Momentum = 0,
                WeightDecay = 0,
            };
            using (var step = new VectorStep(device, whole.Counts, options))
                whole.Step(step, gradient);
            using (var step = new VectorStep(device, parts.Counts, options))
            {
                step.LookAhead(parts.At("theta"), parts.At("g"), parts.At("ahead"));
                parts.Set("h", parts["v"].Select((x, i) => gradient[i] * x));
                step.Gradient(parts.At("theta"), parts.At("g"), parts.At("v"), parts.At("h"), parts.At("g"));
                var theta = parts["theta"];
                parts.Set("theta", parts["g"].Select((x, i) => theta[i] - x));
            }

            Errors.AssertSame(parts["theta"], whole["theta"], $"{precision}");
        }
    }

    [Test]
    public void ACapShortensTheLookAhead()
    {
        var random = TestRandom.ForCurrentTest();
        var device = TestDevices.Default;
        using var run = new Vectors(device, Precision.Float64, [100, 3], random);
        var options = Options(Precision.Float64) with { Alpha = 100, LookAheadCap = 0.25 };
        using var step = new VectorStep(device, run.Counts, options);
        run.Step(step, random.UniformArray(103));
        var report = step.Read();
        Assert.That(report.LookAheadNorm / report.ParameterNorm, Is.EqualTo(0.25).Within(1e-12));
    }

    [Test]
    public void TheStepOfAModelHasTheSameBits()
    {
        var random = TestRandom.ForCurrentTest();
        var options = new LurOptions
        {
            BatchSize = 6,
            ForgetBatchSize = 4,
            Alpha = 0.05,
            Lambda = 0.3,
            LearningRate = 0.02,
            WeightDecay = 1e-3,
            RetainWeight = 0.9,
            LookAheadCap = 0,
        };
        var device = TestDevices.Default;
        using var model = TestNetworks.Create(device, Precision.Float32, "resnet[1,1]:w6:stem3", 8, 7, 3, 4, random);
        using var momentum = new FlatVector(device, Precision.Float32, model.Parameters.Layout, "momentum");
        using var reference = new LurStep(
            model,
            momentum,
            options,
            withForget: true,
            input: (program, name, batch) => new TensorBatch(program, name, batch, model.Network),
            inspect: true
        );
        foreach (var (batch, rows) in new[] { (reference.Retain, 6), (reference.Forget!, 4) })
            ((TensorBatch)batch).Set(random.NormalArray(rows * 8 * 7 * 3), TestNetworks.Labels(rows, 4, random));
        var n = model.Parameters.Count;
        using var run = new Vectors(device, Precision.Float32, [n], random);
        run.Set("theta", model.Parameters.ToArray());
        run.Set("momentum", momentum.ToArray());
        var report = reference.Run();

        foreach (
            var (name, vector) in new[] { ("g", reference.RetainGradient), ("v", reference.ForgetGradient!), ("h", reference.Product!) }
        )
            run.Set(name, vector.ToArray());
        var own = Options(Precision.Float32) with
        {
            Alpha = options.Alpha,
            ForgetWeight = options.Lambda,
            RetainWeight = options.RetainWeight,
            LearningRate = options.LearningRate,
            Momentum = options.Momentum,
            WeightDecay = options.WeightDecay,
            Nesterov = options.Nesterov,
            Product = VectorProduct.Given,
        };
        using var step = new VectorStep(device, [n], own);
        step.LookAhead(run.At("theta"), run.At("g"), run.At("ahead"));
        step.Update(run.At("theta"), run.At("momentum"), run.At("g"), run.At("v"), run.At("h"), []);
        Errors.AssertSame(run["theta"], model.Parameters.ToArray(), "theta");
        Errors.AssertSame(run["momentum"], momentum.ToArray(), "momentum");
        var mine = step.Read();
        Assert.That(mine.RetainGradientNorm, Is.EqualTo(report.RetainGradientNorm));
        Assert.That(mine.Cosine, Is.EqualTo(report.Cosine).Within(1e-12));
        Assert.That(mine.SecondOrderShare, Is.EqualTo(report.SecondOrderShare).Within(1e-12));
    }

    private static VectorStepOptions Options(Precision precision) =>
        new()
        {
            Precision = precision,
            Alpha = 0.05,
            ForgetWeight = 0.3,
            RetainWeight = 0.9,
            LearningRate = 0.01,
            Momentum = 0.9,
            WeightDecay = 1e-3,
        };

    private static (double[] Theta, double[] Momentum) Naive(
        VectorStepOptions o,
        double[] theta,
        double[] momentum,
        double[] g,
        double[] v,
        double[] h
    )
    {
        var (t, m) = ((double[])theta.Clone(), (double[])momentum.Clone());
        for (var i = 0; i < t.Length; i++)
        {
            var d = (o.RetainWeight * g[i]) + (o.ForgetWeight * (v[i] - (o.Alpha * h[i]))) + (o.WeightDecay * t[i]);
            m[i] = (o.Momentum * m[i]) + d;
            t[i] -= o.LearningRate * (o.Nesterov ? d + (o.Momentum * m[i]) : m[i]);
        }

        return (t, m);
    }

    private static void AssertReport(
        VectorStep step,
        VectorStepOptions o,
        (double[] Theta, double[] G, double[] V, double[] H) x,
        double unit
    )
    {
        double Dot(double[] a, double[] b) => a.Zip(b, (p, q) => p * q).Sum();
        double Norm(double[] a) => Math.Sqrt(Dot(a, a));
        var report = step.Read();
        // Partial sums of at most 79 products in the precision, and here one sum of them all in double.
        var relative = (100 * unit) + (x.G.Length * Math.Pow(2, -53));
        var within = 100 * relative;
        Assert.That(report.Skipped, Is.False);
        Assert.That(report.RetainGradientNorm, Is.EqualTo(Norm(x.G)).Within(within).Percent);
        Assert.That(report.ForgetGradientNorm, Is.EqualTo(Norm(x.V)).Within(within).Percent);
        Assert.That(report.ParameterNorm, Is.EqualTo(Norm(x.Theta)).Within(within).Percent);
        Assert.That(report.LookAheadNorm, Is.EqualTo(o.Alpha * Norm(x.G)).Within(within).Percent);
        Assert.That(report.Cosine, Is.EqualTo(Dot(x.G, x.V) / (Norm(x.G) * Norm(x.V))).Within(4 * relative));
        if (o.Product == VectorProduct.Given)
            Assert.That(report.SecondOrderShare, Is.EqualTo(o.Alpha * Norm(x.H) / Norm(x.V)).Within(within).Percent);
    }
}

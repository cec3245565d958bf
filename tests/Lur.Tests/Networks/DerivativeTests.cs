using Lur.Device;
using Lur.Layers;
using Lur.Losses;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Networks;

/// <summary>Derivatives of whole networks, through the real kernels: adjoint identity, finite differences of first and second
/// order in float64, symmetry of the Hessian.</summary>
/// <remarks>ReLU and max-pool have kinks. A central difference with step h along v sees one only where an activation lies
/// within h |t| of zero; with h = 1e-6 and some 1e4 activations of order 1 that is one chance in a hundred per case, and the
/// seeds below (derived from the test's name) are such that none does.</remarks>
[TestFixtureSource(typeof(TestNetworks), nameof(TestNetworks.Cases))]
public class DerivativeTests(string architecture, int height, int width, int channels, int batch, int classes)
{
    private sealed record Point(double Loss, double[] Gradient, double[] Product, double LogitsDot);

    private static Point Evaluate(Model model, double[] theta, double[] images, int[] labels, NormalizationMode mode, double[] direction)
    {
        model.Parameters.Set(theta);
        using var program = new Program(model.Device, model.Precision);
        var input = new TensorBatch(program, "batch", labels.Length, model.Network);
        using var gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
        using var v = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "v");
        using var product = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "H v");
        v.Set(direction);
        var evaluation = new GradientEvaluation(
            program,
            "batch",
            model,
            model.Parameters,
            input,
            ClassificationTask.CrossEntropy(LossSpec.CrossEntropy),
            mode,
            gradient
        );
        evaluation.HessianVectorProduct(v, product);
        var dz = Program.Keep(evaluation.Pass.GradientOf(evaluation.Output));
        var tz = Program.Keep(evaluation.Pass.TangentOf(evaluation.Output));
        Program.Keep(evaluation.Loss.RowLoss);
        program.Plan();
        input.Set(images, labels);
        program.Run();
        return new Point(
            Read(model, evaluation.Loss.RowLoss).Average(),
            gradient.ToArray(),
            product.ToArray(),
            Vectors.Dot(Read(model, dz), Read(model, tz))
        );
    }

    private static double[] Read(Model model, Value value)
    {
        if (model.Precision == Precision.Float64)
        {
            var wide = new double[value.Shape.Count];
            model.Device.Download(wide.AsSpan(), value.Pointer);
            return wide;
        }

        var narrow = new float[value.Shape.Count];
        model.Device.Download(narrow.AsSpan(), value.Pointer);
        return Array.ConvertAll(narrow, x => (double)x);
    }

    private (Model Model, double[] Theta, double[] Images, int[] Labels, TestRandom Random) Setup(ComputeDevice device, Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        var model = TestNetworks.Create(device, precision, architecture, height, width, channels, classes, random);
        var images = random.NormalArray((long)batch * height * width * channels);
        return (model, model.Parameters.ToArray(), images, TestNetworks.Labels(batch, classes, random), random);
    }

    [Test]
    public void AdjointIdentity(
        [Values(NormalizationMode.Train, NormalizationMode.Frozen)] NormalizationMode mode,
        [Values] Precision precision
    )
    {
        var (model, theta, images, labels, random) = Setup(TestDevices.Default, precision);
        using var owned = model;
        var v = random.NormalArray(theta.Length);
        var p = Evaluate(model, theta, images, labels, mode, v);
        // <dz, J v> = <J^T dz, v>. Both sides round along about twenty layers and sum over all parameters: 1e4 roundings of
        // the machine's epsilon relative to the sum of the magnitudes.
        var magnitude = p.Gradient.Zip(v, (a, b) => Math.Abs(a * b)).Sum();
        var relative = Math.Abs(p.LogitsDot - Vectors.Dot(p.Gradient, v)) / Math.Max(magnitude, 1e-300);
        var tolerance = precision == Precision.Float64 ? 1e-12 : 1e-4;
        TestContext.Out.WriteLine($"adjoint identity: error {relative:E2}, allowed {tolerance:E0}");
        Assert.That(relative, Is.LessThanOrEqualTo(tolerance));
    }

    [Test]
    public void FiniteDifferences([Values(NormalizationMode.Train, NormalizationMode.Frozen)] NormalizationMode mode)
    {
        var (model, theta, images, labels, random) = Setup(TestDevices.Default, Precision.Float64);
        using var owned = model;
        var v = random.NormalArray(theta.Length, 0, 1 / Math.Sqrt(theta.Length));
        // Central difference: truncation h^2, rounding 1e-16 / h of the loss: both below 1e-9 at h = 1e-5 and 1e-6.
        const double h = 1e-6;
        Point At(double t) => Evaluate(model, [.. theta.Select((x, i) => x + (t * v[i]))], images, labels, mode, v);
        var (centre, plus, minus) = (At(0), At(h), At(-h));
        var first = (plus.Loss - minus.Loss) / (2 * h);
        var scale = Vectors.Norm(centre.Gradient) * Vectors.Norm(v);
        var firstError = scale == 0 ? Math.Abs(first) : Math.Abs(first - Vectors.Dot(centre.Gradient, v)) / scale;
        var second = plus.Gradient.Zip(minus.Gradient, (a, b) => (a - b) / (2 * h)).ToArray();
        var secondError = Vectors.Norm([.. second.Zip(centre.Product, (a, b) => a - b)]) / Math.Max(Vectors.Norm(centre.Product), 1e-6);
        TestContext.Out.WriteLine(
            $"gradient: error {firstError:E2}, allowed 1e-7; Hessian-vector product: error {secondError:E2}, allowed 1e-6"
        );
        Assert.Multiple(() =>
        {
            Assert.That(firstError, Is.LessThanOrEqualTo(1e-7), "gradient");
            Assert.That(secondError, Is.LessThanOrEqualTo(1e-6), "Hessian-vector product");
        });
    }

    [Test]
    public void ImagesHaveAGradientOnRequest([Values(NormalizationMode.Train, NormalizationMode.Frozen)] NormalizationMode mode)
    {
        var (model, _, images, labels, random) = Setup(TestDevices.Default, Precision.Float64);
        using var owned = model;
        model.ResetRunningStatistics(); // random ones silence the narrow networks, which then have no gradient
        using var program = new Program(model.Device, model.Precision);
        var input = new TensorBatch(program, "batch", batch, model.Network);
        using var gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
        var evaluation = new GradientEvaluation(
            program,
            "batch",
            model,
            model.Parameters,
            input,
            ClassificationTask.CrossEntropy(LossSpec.CrossEntropy),
            mode,
            gradient,
            inputGradient: true
        );
        var dx = Program.Keep(evaluation.Pass.GradientOf(input.Input));
        Program.Keep(evaluation.Loss.RowLoss);
        program.Plan();
        double Loss(double h, double[] t)
        {
            input.Set([.. images.Zip(t, (x, d) => x + (h * d))], labels);
            program.Run();
            return Read(model, evaluation.Loss.RowLoss).Average();
        }

        var direction = random.NormalArray(images.Length, 0, 1 / Math.Sqrt(images.Length));
        const double h = 1e-6;
        var expected = (Loss(h, direction) - Loss(-h, direction)) / (2 * h);
        _ = Loss(0, direction);
        var d = Read(model, dx);
        // Truncation h^2 and rounding 1e-16 / h, as for the weights.
        var error = Math.Abs(expected - Vectors.Dot(d, direction)) / Math.Max(Vectors.Norm(d) * Vectors.Norm(direction), 1e-3);
        TestContext.Out.WriteLine($"gradient of the images: error {error:E2}, allowed 1e-7");
        Assert.That(error, Is.LessThanOrEqualTo(1e-7));
        if (classes > 1)
            Assert.That(Vectors.Norm(d), Is.GreaterThan(0));
    }

    [Test]
    public void HessianIsSymmetric([Values(NormalizationMode.Train, NormalizationMode.Frozen)] NormalizationMode mode)
    {
        var (model, theta, images, labels, random) = Setup(TestDevices.Default, Precision.Float64);
        using var owned = model;
        double[] u = random.NormalArray(theta.Length),
            v = random.NormalArray(theta.Length);
        var hv = Evaluate(model, theta, images, labels, mode, v).Product;
        var hu = Evaluate(model, theta, images, labels, mode, u).Product;
        var scale = Math.Max(Vectors.Norm(u) * Vectors.Norm(hv), 1e-300);
        var relative = Math.Abs(Vectors.Dot(u, hv) - Vectors.Dot(v, hu)) / scale;
        TestContext.Out.WriteLine($"symmetry: error {relative:E2}, allowed 1e-10");
        Assert.That(relative, Is.LessThanOrEqualTo(1e-10));
    }
}

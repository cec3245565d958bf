using System.Globalization;
using Lur.Device;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;
using Lur.Unlearning;

namespace Lur.Bench;

/// <summary>What must hold before LUR is timed.</summary>
internal static class StepChecks
{
    /// <summary>Largest relative difference, in norm, of the finite-difference H v from the exact one. A wrong product is off by
    /// its own size.</summary>
    private const double Tolerance = 1e-3;

    /// <summary>Radii of the difference, in float64: so small that hardly a ReLU of the millions changes side within it. One that
    /// does is seen as a jump over the radius, so the next smaller one is tried; a wrong product is off at all of them.</summary>
    private static readonly double[] s_radii = [1e-10, 1e-11, 1e-12];

    private static readonly Dictionary<string, double> s_done = [];

    /// <summary>Compares the two second-order terms on one batch and one set of weights of the model that is timed.</summary>
    /// <returns>The relative difference.</returns>
    /// <exception cref="InvalidOperationException">They differ.</exception>
    public static double SecondOrderTermsAgree(string model, int batch)
    {
        var key = $"{model} {batch}";
        if (s_done.TryGetValue(key, out var known))
            return known;
        var (exact, relative) = (Product(model, batch, HessianVectorProduct.Exact, s_radii[0]), double.PositiveInfinity);
        var norm = exact.Sum(a => a * a);
        for (var i = 0; i < s_radii.Length && !(relative < Tolerance); i++)
        {
            var difference = Product(model, batch, HessianVectorProduct.FiniteDifference, s_radii[i]);
            relative = Math.Min(relative, Math.Sqrt(exact.Zip(difference, (a, b) => (a - b) * (a - b)).Sum() / norm));
        }

        Console.WriteLine(
            FormattableString.Invariant($"// {key}: finite-difference H v differs from the exact one by {relative:E1} of its norm")
        );
        if (!(relative < Tolerance))
            throw new InvalidOperationException(
                FormattableString.Invariant(
                    $"{key}: the exact and the finite-difference H v differ by {relative} of their norm, more than {Tolerance}."
                )
            );
        return s_done[key] = relative;
    }

    /// <summary>The same for a UNet, whose network is smooth: what a step of plain descent moves the weights by beyond the first-order
    /// step, with the exact and with the finite-difference term.</summary>
    /// <exception cref="InvalidOperationException">They differ.</exception>
    public static void UNetProductsAgree(string model)
    {
        const int Rows = 2;
        double[] Moved(string hvp)
        {
            (string, string)[] options =
            [
                .. new[] { ("optimizer", "sgd"), ("momentum", "0"), ("clip", "0"), ("alpha", "0.1"), ("lambda", "1"), ("lr", "1") },
                ("steps", "1"),
                ("hvp", hvp),
                ("fd-radius", "1e-4"),
                ("batch", Rows.ToString(CultureInfo.InvariantCulture)),
            ];
            var variant = new StepVariant("check", "check", "lur", []);
            using var method = new TimedMethod(model, Rows, variant, (4 * Rows, 4 * Rows), options, Precision.Float64);
            method.Run();
            return method.Weights();
        }

        var first = Moved("none");
        double[] exact = [.. Moved("exact").Zip(first, (a, b) => a - b)],
            difference = [.. Moved("fd").Zip(first, (a, b) => a - b)];
        var relative = Math.Sqrt(exact.Zip(difference, (a, b) => (a - b) * (a - b)).Sum() / exact.Sum(a => a * a));
        Console.WriteLine(
            FormattableString.Invariant($"// {model}: finite-difference H v differs from the exact one by {relative:E1} of its norm")
        );
        if (!(relative < Tolerance))
            throw new InvalidOperationException(
                FormattableString.Invariant($"{model}: the exact and the finite-difference H v differ by {relative}, above {Tolerance}.")
            );
    }

    private static double[] Product(string architecture, int batch, HessianVectorProduct hvp, double radius)
    {
        using var device = ComputeDevice.Open();
        using var images = new BenchImages(4 * batch);
        var spec = ModelFamilies.Parse(architecture, new ImageSize(32, 32, 3), 10);
        using var model = new Model(
            device,
            Precision.Float64,
            spec,
            images.ClassNames,
            new InputNormalization([0.5, 0.5, 0.5], [0.25, 0.25, 0.25])
        );
        model.Initialize(1);
        using var momentum = new FlatVector(device, Precision.Float64, model.Parameters.Layout, "momentum");
        using var step = new LurStep(
            model,
            momentum,
            new LurOptions
            {
                BatchSize = batch,
                Hvp = hvp,
                FiniteDifferenceRadius = radius,
                LearningRate = 1e-4,
                Augment = false,
                Seed = 1,
            },
            withForget: true,
            inspect: true
        );
        // Both products must be of the same images: without augmentation nothing is drawn.
        for (var i = 0; i < batch; i++)
        {
            ((BatchStage)step.Retain).SetRow(i, images, i);
            ((BatchStage)step.Forget!).SetRow(i, images, (2 * batch) + i);
        }

        step.Run();
        return step.Product!.ToArray();
    }
}

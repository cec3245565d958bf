using Lur.Device;
using Lur.Layers;
using Lur.Losses;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Diffusion;
using Lur.Tensors;

namespace Lur.Verification;

/// <summary>Compares this engine with the numbers of a <see cref="DiffusionFixture"/>.</summary>
public static class DiffusionCheck
{
    // Rounding of 1e5 operations in series and sums; in float ten times what a float run of the reference program is off by.
    private static readonly (double Output, double Gradient, double Product, double Lur) s_double = (1e-10, 1e-9, 1e-9, 1e-8),
        s_float = (2e-5, 1e-5, 6e-5, 2e-5);

    /// <summary>Runs every comparison the fixture has numbers for.</summary>
    /// <param name="fixture">The fixture.</param>
    /// <param name="device">Device to run on.</param>
    /// <param name="precision">Element type.</param>
    public static IReadOnlyList<CheckLine> Run(DiffusionFixture fixture, ComputeDevice device, Precision precision)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        var lines = new List<CheckLine>();
        Evaluate(fixture, device, precision, lines);
        foreach (var kind in new[] { "neg", "reassign", "esd" })
            if (fixture.Has($"lur_{kind}.forget_loss"))
                Lur(fixture, device, precision, kind, lines);
        return lines;
    }

    private static (double Output, double Gradient, double Product, double Lur) Tolerances(Precision precision) =>
        precision == Precision.Float64 ? s_double : s_float;

    private static void Evaluate(DiffusionFixture fixture, ComputeDevice device, Precision precision, List<CheckLine> lines)
    {
        var allowed = Tolerances(precision);
        void Add(string name, double[] actual, double[] expected, double tolerance) =>
            lines.Add(new CheckLine(name, FixtureCheck.Error(actual, expected), tolerance));
        using var model = fixture.CreateModel(device, precision);
        using var program = new Program(device, precision);
        var batch = new NoisyTensors(program, "retain", fixture.Rows("retain"), fixture.Spec);
        FlatVector Vector(string name) => new(device, precision, model.Parameters.Layout, name);
        using var gradient = Vector("gradient");
        using var v = Vector("v");
        using var product = Vector("H v");
        var evaluation = new GradientEvaluation(
            program,
            "retain",
            model,
            model.Parameters,
            batch,
            site => new MeanSquaredError(site.Program, site.Name, site.Output, ((INoisyBatch)site.Batch).Target),
            NormalizationMode.Frozen,
            gradient,
            inputGradient: true
        );
        var (output, images) = (Program.Keep(evaluation.Output), Program.Keep(evaluation.Pass.GradientOf(batch.Noisy)));
        Program.Keep(evaluation.Loss.RowLoss);
        v.Set(fixture.ReadVector("dir"));
        evaluation.HessianVectorProduct(v, product);
        var tangent = Program.Keep(evaluation.Pass.TangentOf(evaluation.Output));
        fixture.Fill(batch, "retain");
        program.Run();
        Add("output", HostCopy.Of(program, output), fixture.ReadImages("retain.output"), allowed.Output);
        var loss = HostCopy.Of(program, evaluation.Loss.RowLoss).Average();
        Add("loss", [loss], fixture.Read("retain.loss"), allowed.Output);
        var tangents = HostCopy.Of(program, tangent);
        Add("tangent of the output", tangents, fixture.ReadImages("retain.output_tangent"), allowed.Gradient);
        var pixels = HostCopy.Of(program, images);
        Add("gradient of the images", pixels, fixture.ReadImages("retain.grad_sample"), allowed.Gradient);
        Add("gradient", gradient.ToArray(), fixture.ReadVector("grad"), allowed.Gradient);
        Add("Hessian-vector product", product.ToArray(), fixture.ReadVector("hvp"), allowed.Product);
    }

    private static void Lur(DiffusionFixture fixture, ComputeDevice device, Precision precision, string kind, List<CheckLine> lines)
    {
        using var model = fixture.CreateModel(device, precision);
        using var momentum = new FlatVector(device, precision, model.Parameters.Layout, "momentum");
        using var step = new Step(
            model,
            Sgd.On(momentum, new SgdOptions(1, 0, 0, Nesterov: false)),
            new StepOptions { Inspect = true, Captured = false }
        )
        {
            FixedRate = true,
        };
        var numbers = step.Parameters;
        (numbers.RetainWeight, numbers.ForgetWeight, numbers.Alpha) = (
            fixture.Number("retain_weight"),
            fixture.Number("lambda"),
            fixture.Number("alpha")
        );
        var retain = new NoisyTensors(step.Program, "retain", fixture.Rows("retain"), fixture.Spec);
        var forget = new NoisyTensors(step.Program, "forget", fixture.Rows("forget"), fixture.Spec);
        LossFactory Squared(double coefficient) =>
            site => new MeanSquaredError(site.Program, site.Name, site.Output, ((INoisyBatch)site.Batch).Target, coefficient);
        var g = step.Gradient(model.Parameters, new LossTerm("retain", TermRole.Retain, retain, NormalizationMode.Frozen, Squared(1)));
        var v = step.Gradient(
            step.LookAhead(g),
            new LossTerm("forget", TermRole.Forget, forget, NormalizationMode.Frozen, Squared(kind == "neg" ? -1 : 1))
        );
        var h = step.Product(g, v, HessianVectorProduct.Exact)!;
        step.Update(step.Bilevel(g, v, h));
        fixture.Fill(retain, "retain");
        fixture.Fill(forget, "forget", kind == "neg" ? "target" : $"{kind}_target");
        var telemetry = step.Run(0, 1);
        var (allowed, vs, hs) = (Tolerances(precision).Lur, v.Vector.ToArray(), h.ToArray());
        double[] total =
        [
            .. g.Vector.ToArray().Select((x, i) => (numbers.RetainWeight * x) + (numbers.ForgetWeight * (vs[i] - (numbers.Alpha * hs[i])))),
        ];
        lines.Add(
            new CheckLine(
                $"forget loss, {kind}",
                FixtureCheck.Error([telemetry.ForgetLoss], fixture.Read($"lur_{kind}.forget_loss")),
                allowed
            )
        );
        lines.Add(new CheckLine($"LUR gradient, {kind}", FixtureCheck.Error(total, fixture.ReadVector($"lur_{kind}")), allowed));
    }
}

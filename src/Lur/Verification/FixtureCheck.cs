using Lur.Device;
using Lur.Layers;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;
using Lur.Unlearning;

namespace Lur.Verification;

/// <summary>One compared quantity.</summary>
/// <param name="Name">What was compared.</param>
/// <param name="Error">Largest absolute difference over the largest absolute expected value.</param>
/// <param name="Tolerance">Largest error that passes.</param>
public sealed record CheckLine(string Name, double Error, double Tolerance)
{
    /// <summary>True if the error is a number within the tolerance.</summary>
    public bool Passed => Error <= Tolerance;
}

/// <summary>Compares this engine with the numbers of a <see cref="GradientFixture"/>.</summary>
public static class FixtureCheck
{
    /// <summary>Tolerance in double: both sides round each operation to 1e-16, over about 1e5 operations in series and sums.</summary>
    public const double DoubleTolerance = 1e-9;

    /// <summary>Tolerance in float; the fixture's closest kink keeps the ReLU masks of both sides equal.</summary>
    public const double FloatTolerance = 1e-4;

    /// <summary>Runs every comparison the fixture has numbers for.</summary>
    /// <param name="fixture">The fixture.</param>
    /// <param name="device">Device to run on.</param>
    /// <param name="precision">Element type.</param>
    public static IReadOnlyList<CheckLine> Run(GradientFixture fixture, ComputeDevice device, Precision precision)
    {
        var lines = new List<CheckLine>();
        var tolerance = precision == Precision.Float64 ? DoubleTolerance : FloatTolerance;
        void Add(string name, double[] actual, double[] expected) => lines.Add(new CheckLine(name, Error(actual, expected), tolerance));
        CheckGradient(fixture, device, precision, Add);
        if (fixture.HasVector("lur/gradient"))
            CheckLurGradient(fixture, device, precision, Add);
        if (fixture.Steps > 0)
            CheckSteps(fixture, device, precision, Add);
        return lines;
    }

    /// <summary>Largest absolute difference over the largest absolute expected value; NaN if either has one.</summary>
    public static double Error(double[] actual, double[] expected)
    {
        if (actual.Length != expected.Length)
            return double.NaN;
        double worst = 0,
            scale = 0;
        for (var i = 0; i < actual.Length; i++)
        {
            var difference = Math.Abs(actual[i] - expected[i]);
            if (double.IsNaN(difference))
                return double.NaN;
            worst = Math.Max(worst, difference);
            scale = Math.Max(scale, Math.Abs(expected[i]));
        }

        return worst == 0 ? 0 : worst / Math.Max(scale, double.Epsilon);
    }

    private static void CheckGradient(
        GradientFixture fixture,
        ComputeDevice device,
        Precision precision,
        Action<string, double[], double[]> add
    )
    {
        using var model = fixture.CreateModel(device, precision);
        var batch = fixture.ReadBatch("retain");
        using var program = new Program(device, precision);
        var input = new TensorBatch(program, "retain", batch.Labels.Length, model.Network);
        using var gradient = new FlatVector(device, precision, model.Parameters.Layout, "gradient");
        using var v = new FlatVector(device, precision, model.Parameters.Layout, "v");
        using var hv = new FlatVector(device, precision, model.Parameters.Layout, "H v");
        var evaluation = new GradientEvaluation(
            program,
            "retain",
            model,
            model.Parameters,
            input,
            LearningTask.Of(model).Loss,
            fixture.Frozen ? NormalizationMode.Frozen : NormalizationMode.TrainAndUpdate,
            gradient
        );
        var logits = Program.Keep(evaluation.Output);
        Program.Keep(evaluation.Loss.RowLoss);
        var product = fixture.HasVector("hv");
        if (product)
        {
            v.Set(fixture.ReadVector("v", v.Layout));
            evaluation.HessianVectorProduct(v, hv);
        }

        input.Set(batch.Images, batch.Labels);
        program.Run();
        add("retain logits", HostCopy.Of(program, logits), fixture.Read("retain/logits"));
        add("retain loss", [HostCopy.Of(program, evaluation.Loss.RowLoss).Average()], fixture.Read("retain/loss"));
        add("gradient", gradient.ToArray(), fixture.ReadVector("gradient", gradient.Layout));
        if (fixture.Has($"statistics/{model.Buffers.Layout.Slots[0].Name}"))
        {
            add("running statistics", model.Buffers.ToArray(), fixture.ReadVector("statistics", model.Buffers.Layout));
        }

        if (product)
            add("Hessian-vector product", hv.ToArray(), fixture.ReadVector("hv", hv.Layout));
    }

    private static void CheckLurGradient(
        GradientFixture fixture,
        ComputeDevice device,
        Precision precision,
        Action<string, double[], double[]> add
    )
    {
        using var model = fixture.CreateModel(device, precision);
        using var momentum = new FlatVector(device, precision, model.Parameters.Layout, "momentum");
        var (retain, forget) = (fixture.ReadBatch("retain"), fixture.ReadBatch("forget"));
        var options = fixture.Options() with { BatchSize = retain.Labels.Length, ForgetBatchSize = forget.Labels.Length };
        using var step = new LurStep(
            model,
            momentum,
            options,
            withForget: true,
            capture: false,
            inspect: true,
            input: (p, name, n) => new TensorBatch(p, name, n, model.Network)
        );
        ((TensorBatch)step.Retain).Set(retain.Images, retain.Labels);
        // Without a weight the forget batch has no effect, and the step leaves it out: there is nothing of it to compare.
        (step.Forget as TensorBatch)?.Set(forget.Images, forget.Labels);
        var telemetry = step.Run();
        if (fixture.Has("lur/losses"))
            Losses(step, "LUR losses", [telemetry], fixture.Read("lur/losses"), add);
        if (fixture.HasVector("lur/v") && step.ForgetGradient is { } v)
            add("forget gradient at theta'", v.ToArray(), fixture.ReadVector("lur/v", model.Parameters.Layout));
        add("LUR gradient", step.TotalGradient(), fixture.ReadVector("lur/gradient", model.Parameters.Layout));
    }

    private static void CheckSteps(
        GradientFixture fixture,
        ComputeDevice device,
        Precision precision,
        Action<string, double[], double[]> add
    )
    {
        using var model = fixture.CreateModel(device, precision);
        using var momentum = new FlatVector(device, precision, model.Parameters.Layout, "momentum");
        var options = fixture.Options() with
        {
            BatchSize = fixture.ReadBatch("steps/retain", 0).Labels.Length,
            ForgetBatchSize = fixture.ReadBatch("steps/forget", 0).Labels.Length,
        };
        using var step = new LurStep(
            model,
            momentum,
            options,
            withForget: true,
            input: (p, name, n) => new TensorBatch(p, name, n, model.Network)
        );
        var losses = new List<StepTelemetry>();
        for (var i = 0; i < fixture.Steps; i++)
        {
            var (retain, forget) = (fixture.ReadBatch("steps/retain", i), fixture.ReadBatch("steps/forget", i));
            ((TensorBatch)step.Retain).Set(retain.Images, retain.Labels);
            (step.Forget as TensorBatch)?.Set(forget.Images, forget.Labels);
            losses.Add(step.Run());
        }

        Losses(step, $"losses of {fixture.Steps} steps", losses, fixture.Read("steps/losses"), add);
        add(
            $"parameters after {fixture.Steps} steps",
            model.Parameters.ToArray(),
            fixture.ReadVector("steps/parameters", model.Parameters.Layout)
        );
        if (fixture.HasVector("steps/momentum"))
            add($"momentum after {fixture.Steps} steps", momentum.ToArray(), fixture.ReadVector("steps/momentum", model.Parameters.Layout));
        if (fixture.Has($"steps/statistics/{model.Buffers.Layout.Slots[0].Name}"))
        {
            add(
                $"running statistics after {fixture.Steps} steps",
                model.Buffers.ToArray(),
                fixture.ReadVector("steps/statistics", model.Buffers.Layout)
            );
        }
    }

    /// <summary>Retain and forget loss of each step; the retain loss alone where the step has no forget batch.</summary>
    private static void Losses(
        LurStep step,
        string name,
        IReadOnlyList<StepTelemetry> steps,
        double[] expected,
        Action<string, double[], double[]> add
    )
    {
        if (step.WithForget)
            add(name, [.. steps.SelectMany(t => new double[] { t.RetainLoss, t.ForgetLoss })], expected);
        else
            add($"{name}, retain", [.. steps.Select(t => (double)t.RetainLoss)], [.. expected.Where((_, i) => i % 2 == 0)]);
    }
}

using Lur.Device;
using Lur.Layers;
using Lur.Losses;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Tests.Reference;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>T3 of the acceptance tests on whole gradients, the memories, and ScissorHands' loop.</summary>
public class ScissorHandsTests
{
    private static readonly string[] s_loop = ["batch", "16", "epochs", "2", "lr", "0.01"];

    [TestCase(Precision.Float64, 1, true)]
    [TestCase(Precision.Float32, 1, true)]
    [TestCase(Precision.Float64, 3, true)]
    [TestCase(Precision.Float32, 2, false)]
    [TestCase(Precision.Float64, 1, false)]
    public void TheProjectionIsThatOfGemOnTheLateLayersAlone(Precision precision, int t, bool violated)
    {
        using var scope = new MethodScope(precision);
        var (model, random) = (scope.Model, TestRandom.ForCurrentTest());
        // Two runs of tensors with a gap, so that early layers lie before and between.
        ParameterSlot[] late =
        [
            .. model.Parameters.Layout.Slots.Where(s =>
                s.Name.StartsWith("layer1", StringComparison.Ordinal) || s.Name.StartsWith("fc", StringComparison.Ordinal)
            ),
        ];
        int[] seen = [.. late.SelectMany(s => Enumerable.Range(s.Offset, s.Count))];
        var n = model.Parameters.Count;
        double[] Draw() =>
            precision == Precision.Float32 ? [.. random.NormalArray(n).Select(x => (double)(float)x)] : random.NormalArray(n);
        double[] Late(double[] x) => [.. seen.Select(i => x[i])];
        var memories = Enumerable.Range(0, t).Select(_ => Draw()).ToArray();
        var g = Draw();
        // The last memory decides: g with noise is on g's side, and its opposite is not. Others are made to agree with g.
        memories[^1] = [.. g.Zip(memories[^1], (x, noise) => violated ? -x + noise : x + noise)];
        if (precision == Precision.Float32)
            memories[^1] = [.. memories[^1].Select(x => (double)(float)x)];
        for (var i = 0; i < t - 1; i++)
            if (Late(memories[i]).Zip(Late(g), (a, b) => a * b).Sum() < 0)
                memories[i] = [.. memories[i].Select(x => -x)];

        using var projection = new MemoryProjection(model, late, t, 0.5);
        using var gradient = new FlatVector(model.Device, precision, model.Parameters.Layout, "g");
        gradient.Set(g);
        projection.Remember((i, memory) => memory.Set(memories[i]));
        using var p = new Program(model.Device, precision) { Captured = true };
        var telemetry = Program.Keep(p.Raw("telemetry", ValueRole.Output, new Shape(3), sizeof(double)));
        projection.Emit(p, gradient, telemetry.At<double>(1));
        p.Run();
        var actual = gradient.ToArray();
        var expected = (double[])g.Clone();
        var projected = BoxProblem.Project(Late(g), [.. memories.Select(Late)], 0.5, MemoryProjection.Ridge);
        for (var k = 0; k < seen.Length; k++)
            expected[seen[k]] = projected[k];
        // Products of some thousand terms in the model's precision, times a memory: 1e-5 of the largest in float.
        Errors.AssertClose(Late(actual), Late(expected), precision == Precision.Float32 ? 1e-5 : 1e-12, "late layers");
        int[] early = [.. Enumerable.Range(0, n).Except(seen)];
        Errors.AssertSame([.. early.Select(i => actual[i])], [.. early.Select(i => g[i])], "early layers");
        if (!violated)
            Errors.AssertSame(actual, g, "a gradient that violates nothing");
        else
            Assert.That(Late(actual), Is.Not.EqualTo(Late(g)));

        var total = new double[3];
        model.Device.Download(total.AsSpan(), telemetry.Typed<double>());
        Assert.That(total[1] > 0, Is.EqualTo(violated), "the sum of the multipliers tells whether it fired");
        gradient.Set(g);
        projection.Enabled = false;
        p.Run();
        Errors.AssertSame(gradient.ToArray(), g, "switched off");
    }

    [Test]
    public void MemoriesAreGradientsInEvaluationMode([Values] bool accumulate)
    {
        using var scope = new MethodScope(Precision.Float64);
        var (model, repair) = (
            scope.Model,
            new RepairOptions
            {
                LearningRate = 1,
                Epochs = 1,
                BatchSize = 16,
                Seed = scope.Task.Seed,
            }
        );
        var statistics = model.Buffers.ToArray();
        using var projection = new MemoryProjection(model, model.Parameters.Layout.Slots, 3, 0.5);
        using var order = MemoryGradients.FeedOf(scope.Task, repair);
        using var memories = new MemoryGradients(model, order, repair, accumulate);
        memories.Refresh(projection);
        Errors.AssertSame(model.Buffers.ToArray(), statistics, "running statistics");
        using var feed = new BatchFeed(
            scope.Task.Data,
            scope.Task.Set.Forget,
            16,
            RandomStream.StreamOf("order/memory", (long)scope.Task.Seed)
        );
        using var p = new Program(model.Device, model.Precision);
        var stage = new ClassificationBatch(p, "memory", 16, model, augment: true, scope.Task.Seed);
        using var gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
        _ = new GradientEvaluation(
            p,
            "reference",
            model,
            model.Parameters,
            stage,
            ClassificationTask.CrossEntropy(LossSpec.CrossEntropy),
            NormalizationMode.Frozen,
            gradient
        );
        var sum = new double[model.Parameters.Count];
        for (var i = 0; i < 3; i++)
        {
            feed.Fill(stage);
            p.Run();
            var g = gradient.ToArray();
            for (var k = 0; k < sum.Length; k++)
                sum[k] = (accumulate ? sum[k] : 0) - g[k];
            Errors.AssertClose(projection.Memories[i].ToArray(), sum, 1e-13, $"memory {i}");
        }
    }

    [Test]
    public void WithoutTrimAndProjectionItIsNegGradPlusBitForBit()
    {
        using MethodScope shs = new(),
            neggrad = new();
        shs.Run("scissorhands", [.. s_loop, "trim", "0", "project-every", "0"]);
        neggrad.Run("neggrad", [.. s_loop, "epoch-mode", "retain-tail"]);
        Errors.AssertSame(shs.Model.Parameters.ToArray(), neggrad.Model.Parameters.ToArray(), "parameters");
        Errors.AssertSame(shs.Model.Buffers.ToArray(), neggrad.Model.Buffers.ToArray(), "running statistics");
    }

    [Test]
    public void TheProjectionFiresInTheStepsItIsAskedFor()
    {
        using MethodScope every = new(),
            second = new();
        // The retain gradient outweighs a forget weight of 0: what helps the retain set helps to remember, at first.
        string[] options = [.. s_loop, "trim", "0", "lambda", "0"];
        double Projected(MethodScope scope, params string[] more)
        {
            using var method = scope.Create("scissorhands", [.. options, .. more]);
            MethodScope.Run(method);
            return method.Measurements.Single().Value;
        }

        var (all, half) = (Projected(every, "project-every", "1"), Projected(second, "project-every", "2"));
        TestContext.Out.WriteLine($"projected {all} and {half} of 6 steps");
        Assert.That(all, Is.GreaterThan(0).And.LessThanOrEqualTo(6));
        Assert.That(half, Is.LessThanOrEqualTo(4), "steps 0 and 2 of each epoch have forget data");
        Assert.That(every.Model.Parameters.ToArray(), Is.Not.EqualTo(second.Model.Parameters.ToArray()));
    }

    [Test]
    public void LateLayersIncludeTheirNormalization()
    {
        using var scope = new MethodScope();
        var layout = scope.Model.Parameters.Layout;
        var options = new TrimOptions { Layers = ["layer2", "fc"] };
        var late = Trim.LateTensors(scope.Model, options);
        Assert.That(
            late,
            Is.EqualTo(
                layout.Slots.Where(s =>
                    s.Name.StartsWith("layer2", StringComparison.Ordinal) || s.Name.StartsWith("fc", StringComparison.Ordinal)
                )
            )
        );
        Assert.That(Trim.EligibleTensors(scope.Model, options), Is.EqualTo(late.Where(s => !s.IsNormalization)));
    }
}

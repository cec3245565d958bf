using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>The gradient of LUR's objective for diffusion models against differences of the objective itself, with dropout and dropped
/// conditions: the loss, its gradient and the Hessian-vector product see the same draws.</summary>
public class DiffusionLurTests
{
    private const int Batch = 5;
    private const double Alpha = 0.2,
        Lambda = 0.7,
        RetainWeight = 0.9;

    /// <summary>Loss and gradient of a term at any weights, with the batch that the method's first step has.</summary>
    private sealed class Term : IDisposable
    {
        private readonly Program _program;
        private readonly BatchStage _stage;
        private readonly Value _totals;

        public Term(DiffusionScope scope, string name, DiffusionTask task, LossFactory loss, int[] samples, ulong counter)
        {
            var model = scope.Model;
            _program = new Program(model.Device, model.Precision);
            _stage = task.Batch(_program, name, samples.Length, augment: true, scope.Task.Seed, fed: false);
            _totals = Program.Keep(_program.Raw("totals", ValueRole.Output, new Shape(3), sizeof(double)));
            _program.Clear(_totals);
            Weights = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "weights");
            Gradient = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "gradient");
            new GradientEvaluation(_program, name, model, Weights, _stage, loss, NormalizationMode.Frozen, Gradient).Loss.Accumulate(
                _totals.At<double>(0)
            );
            for (var i = 0; i < samples.Length; i++)
                _stage.SetRow(i, scope.Task.Data, samples[i]);
            _stage.Counter = counter;
        }

        private FlatVector Weights { get; }

        private FlatVector Gradient { get; }

        public (double Loss, double[] Gradient) At(double[] theta)
        {
            Weights.Set(theta);
            _program.Run();
            var totals = new double[3];
            Weights.Device.Download(totals.AsSpan(), _totals.Typed<double>());
            return (totals[0] / totals[2], Gradient.ToArray());
        }

        public void Dispose()
        {
            _program.Dispose();
            Weights.Dispose();
            Gradient.Dispose();
        }
    }

    [Test]
    public void TheGradientIsThatOfTheObjective([Values] DiffusionForgetLoss kind, [Values(0, 0.3)] double dropout)
    {
        var text = $"unet:c4:m1,2:r1:g2:attn4:k3{(dropout > 0 ? ":drop0.3" : "")}";
        using var scope = new DiffusionScope(Precision.Float64, text);
        Assert.That(((UNetSpec)scope.Model.Spec).Dropout, Is.EqualTo(dropout));
        var options = new DiffusionLurOptions
        {
            Alpha = Alpha,
            Lambda = Lambda,
            RetainWeight = RetainWeight,
            ForgetLoss = kind,
            BatchSize = Batch,
            Steps = 1,
            LearningRate = 1e-9,
            LargestNorm = 0, // with clipping, G takes the place of g
        };
        using var method = new DiffusionLur(scope.Task, options, inspect: true);
        method.RunStep();
        // The samples of the first batch, and what is drawn for them.
        int[] First(string name, int[] indices)
        {
            using var feed = new MethodFeed(scope.Task, name, indices, Batch);
            using var program = new Program(scope.Model.Device, scope.Model.Precision);
            var stage = new DiffusionTask(scope.Model).Batch(program, name, Batch, augment: true, scope.Task.Seed);
            feed.Fill(stage);
            return feed.Indices.ToArray();
        }

        var task = new DiffusionTask(scope.Model);
        Assert.That(task.Noise.ConditionDrop, Is.Positive);
        var original = new FlatVector(scope.Model.Device, Precision.Float64, scope.Model.Parameters.Layout, "original");
        original.Set(scope.Start);
        var forgetting = task.Forgetting(kind == DiffusionForgetLoss.Uniform);
        var loss = kind switch
        {
            DiffusionForgetLoss.Negative => task.Ascent,
            DiffusionForgetLoss.Uniform => task.Loss,
            DiffusionForgetLoss.Erase => DiffusionTargets.Away(scope.Model, original, 1),
            DiffusionForgetLoss.Null => DiffusionTargets.Other(scope.Model, original, [3, 3, 3, 3]),
            _ => DiffusionTargets.Other(scope.Model, original, [2, 2, 0, 3]),
        };
        using var retain = new Term(scope, "retain", task, task.Loss, First("retain", scope.Task.Set.Retain), 0);
        using var forget = new Term(scope, "forget", forgetting, loss, First("forget", scope.Task.Set.Forget), 0);
        double Objective(double[] theta)
        {
            var (r, g) = retain.At(theta);
            return (RetainWeight * r) + (Lambda * forget.At([.. theta.Zip(g, (t, x) => t - (Alpha * x))]).Loss);
        }

        double[] g = method.RetainGradient.ToArray(),
            v = method.ForgetGradient!.ToArray(),
            h = method.Product!.ToArray();
        double[] total = [.. g.Select((x, i) => (RetainWeight * x) + (Lambda * (v[i] - (Alpha * h[i]))))];
        Errors.AssertClose(retain.At(scope.Start).Gradient, g, 1e-12, "g");
        var random = TestRandom.ForCurrentTest();
        for (var probe = 0; probe < 3; probe++)
        {
            var direction = random.NormalArray(total.Length);
            // Central differences of order four: an error of step^4 times the fifth derivative, and rounding of 1e-16 / step.
            const double step = 1e-4;
            double At(double s) => Objective([.. scope.Start.Zip(direction, (t, d) => t + (s * step * d))]);
            var expected = ((8 * (At(1) - At(-1))) - (At(2) - At(-2))) / (12 * step);
            var actual = total.Zip(direction, (x, d) => x * d).Sum();
            Assert.That(actual, Is.EqualTo(expected).Within(1e-7 * Math.Sqrt(total.Sum(x => x * x))), $"direction {probe}");
        }

        original.Dispose();
    }

    [Test]
    public void TheFiniteDifferenceIsNearTheExactProduct()
    {
        using DiffusionScope exact = new(Precision.Float64),
            difference = new(Precision.Float64);
        DiffusionLurOptions Options(HessianVectorProduct hvp) =>
            new()
            {
                Hvp = hvp,
                FiniteDifferenceRadius = 1e-3,
                BatchSize = Batch,
                Steps = 1,
            };
        using var a = new DiffusionLur(exact.Task, Options(HessianVectorProduct.Exact), inspect: true);
        using var b = new DiffusionLur(difference.Task, Options(HessianVectorProduct.FiniteDifference), inspect: true);
        a.RunStep();
        b.RunStep();
        var h = a.Product!.ToArray();
        // The error falls with the square of the radius.
        Errors.AssertClose(b.Product!.ToArray(), h, 1e-4, "H v");
    }
}

using Lur.Checkpoints;
using Lur.Device;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Training;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>The methods for diffusion models on a tiny UNet: what they turn into when their weights are 0, that they repeat and go on
/// to the byte, and what they leave alone.</summary>
public class DiffusionMethodTests
{
    private static readonly string[] s_loop = ["batch", "4", "steps", "4", "lr", "0.001"];

    private static IEnumerable<string> Methods => MethodCatalog.Diffusion.Select(m => m.Name);

    private static void AssertSame(DiffusionScope actual, DiffusionScope expected)
    {
        Errors.AssertSame(actual.Model.Parameters.ToArray(), expected.Model.Parameters.ToArray(), "parameters");
        Assert.That(actual.Model.Parameters.ToArray(), Is.Not.EqualTo(actual.Start), "the run moved the weights");
    }

    [Test]
    public void LurWithoutLookAheadIsNegGradPlusBitForBit(
        [Values(Precision.Float32, Precision.Float64)] Precision precision,
        [Values("adam", "sgd")] string optimizer,
        [Values("0", "0.05")] string clip,
        [Values("all", "attention")] string train
    )
    {
        using DiffusionScope lur = new(precision),
            joint = new(precision);
        string[] shared = [.. s_loop, "lambda", "0.3", "optimizer", optimizer, "clip", clip, "train", train, "weight-decay", "0.01"];
        var a = lur.Run("lur", [.. shared, "alpha", "0", "forget-loss", "neg"]);
        var b = joint.Run("neggrad", shared);
        AssertSame(lur, joint);
        Assert.That(b.Select(t => (t.RetainLoss, t.ForgetLoss)), Is.EqualTo(a.Select(t => (t.RetainLoss, t.ForgetLoss))));
    }

    [TestCase("uniform")]
    [TestCase("null")]
    [TestCase("neg")]
    public void LurWithoutLookAheadIsScissorHandsWithoutTrimBitForBit(string loss)
    {
        // The target of null is the original model's in the first, and the model's own in the second: one step has the same.
        string[] shared = [.. s_loop, "steps", loss == "null" ? "1" : "4", "lambda", "0.3", "trim", "0", "forget-loss", loss];
        using DiffusionScope lur = new(),
            joint = new();
        lur.Run("lur", [.. shared, "alpha", "0"]);
        joint.Run("scissorhands", shared);
        AssertSame(lur, joint);
    }

    [TestCase("lur", "clip", "1")]
    [TestCase("lur", "clip", "0", "optimizer", "sgd")]
    [TestCase("neggrad", "clip", "0.01")]
    [TestCase("l1-sparse", "l1", "0")]
    public void WithoutForgetWeightEveryMethodIsFineTuningBitForBit(string method, params string[] more)
    {
        using DiffusionScope one = new(),
            ft = new();
        string[] lambda = method == "l1-sparse" ? [] : ["lambda", "0"];
        one.Run(method, [.. s_loop, .. lambda, .. more]);
        ft.Run("ft", [.. s_loop, .. method == "l1-sparse" ? [] : more]);
        AssertSame(one, ft);
    }

    [Test]
    public void TheTargetOfLurIsTheOriginalsAndStaysSo()
    {
        foreach (var (steps, same) in new[] { ("1", true), ("4", false) })
        {
            using DiffusionScope lur = new(),
                joint = new();
            string[] shared = [.. s_loop, "steps", steps, "lambda", "1", "lr", "0.01", "forget-loss", "reassign"];
            lur.Run("lur", [.. shared, "alpha", "0"]);
            joint.Run("scissorhands", [.. shared, "trim", "0"]);
            Assert.That(lur.Model.Parameters.ToArray().SequenceEqual(joint.Model.Parameters.ToArray()), Is.EqualTo(same), steps);
        }
    }

    [Test]
    public void AClassIsReplacedByTheNextThatIsKept()
    {
        using var scope = new DiffusionScope();
        var spec = (UNetSpec)scope.Model.Spec;
        Assert.That(DiffusionTargets.NextTable(spec, [1]), Is.EqualTo(new[] { 2, 2, 0, 3 }));
        Assert.That(DiffusionTargets.NextTable(spec, [0, 1]), Is.EqualTo(new[] { 2, 2, 2, 3 }));
        Assert.That(DiffusionTargets.NextTable(spec, [0, 1, 2]), Is.EqualTo(new[] { 1, 2, 0, 3 }), "all are forgotten");
        Assert.That(DiffusionTargets.NullTable(spec), Is.All.EqualTo(3));
    }

    [Test]
    public void RelabellingIsScissorHandsWithReassignAndSalUnWithAllWeights()
    {
        using DiffusionScope rl = new(),
            joint = new(),
            salun = new();
        rl.Run("rl", [.. s_loop, "lambda", "0.3", "retain-weight", "1"]);
        joint.Run("scissorhands", [.. s_loop, "lambda", "0.3", "trim", "0", "forget-loss", "reassign"]);
        salun.Run("salun", [.. s_loop, "lambda", "0.3", "retain-weight", "1", "mask-ratio", "1"]);
        AssertSame(joint, rl);
        AssertSame(salun, rl);
    }

    [Test]
    public void TheSameSeedIsTheSameBytesAndAnotherIsNot([ValueSource(nameof(Methods))] string name)
    {
        using DiffusionScope a = new(),
            b = new(device: TestDevices.Late);
        var first = a.Run(name, DiffusionScope.Short(name));
        var second = b.Run(name, DiffusionScope.Short(name));
        Errors.AssertSame(b.Model.Parameters.ToArray(), a.Model.Parameters.ToArray(), "parameters");
        Assert.That(second, Is.EqualTo(first));
        Assert.That(a.Model.Parameters.ToArray(), Is.All.Matches<double>(double.IsFinite));
        if (name != "ssd")
            Assert.That(a.Model.Parameters.ToArray(), Is.Not.EqualTo(a.Start));
    }

    [Test]
    public void AnInterruptedRunGoesOnToTheSameBytes([ValueSource(nameof(Methods))] string name)
    {
        using var temp = new TempFolder();
        using DiffusionScope whole = new(),
            first = new(),
            second = new();
        var options = DiffusionScope.Short(name);
        whole.Run(name, options);
        foreach (var finished in new[] { false, true })
        {
            first.Model.Parameters.Set(first.Start);
            using (var method = first.Create(name, options))
            {
                foreach (var preparation in method.Preparations)
                    preparation.Run();
                while (method.Step < (finished ? method.Steps : Math.Min(1, method.Steps)))
                    method.RunStep();
                if (finished)
                    method.Finish();
                var state = new TrainingState();
                method.Save(state);
                state.Save(temp["state"]);
            }

            second.Model.Parameters.Set(second.Start);
            using (var method = second.Create(name, options))
            {
                method.Restore(TrainingState.Load(temp["state"]));
                while (method.Step < method.Steps)
                    method.RunStep();
                method.Finish();
            }

            Errors.AssertSame(second.Model.Parameters.ToArray(), whole.Model.Parameters.ToArray(), $"finished {finished}");
        }
    }

    [TestCase("attention")]
    [TestCase("up")]
    public void OnlyThePartThatIsTrainedMoves(string part)
    {
        foreach (var method in new[] { "lur", "salun", "ft", "sa" })
        {
            using var scope = new DiffusionScope();
            scope.Run(method, [.. DiffusionScope.Short(method), "train", part, "optimizer", "sgd", "weight-decay", "0.1"]);
            var (now, moved) = (scope.Model.Parameters.ToArray(), 0);
            foreach (var slot in scope.Model.Parameters.Layout.Slots)
            {
                var inside = part == "up" ? slot.Name.StartsWith("up_blocks") : slot.Name.Contains(".attentions.");
                var changed = Enumerable.Range(slot.Offset, slot.Count).Count(i => now[i] != scope.Start[i]);
                moved += changed;
                if (!inside)
                    Assert.That(changed, Is.Zero, $"{method}: {slot.Name}");
            }

            Assert.That(moved, Is.Positive, method);
        }
    }

    [Test]
    public void SalUnMovesTheWeightsOfItsMaskAlone([Values] bool compat)
    {
        using var scope = new DiffusionScope();
        scope.Run("salun", [.. s_loop, "mask-ratio", "0.25", "weight-decay", compat ? "0" : "0.1", "compat", compat ? "true" : "false"]);
        var moved = scope.Model.Parameters.ToArray().Zip(scope.Start).Count(p => p.First != p.Second);
        Assert.That(moved, Is.InRange(scope.Start.Length / 5, scope.Start.Length / 4));
    }

    [Test]
    public void RetrainIsTrainingWithoutTheSamples([Values("0", "0.9")] string average)
    {
        using DiffusionScope retrained = new(),
            trained = new();
        retrained.Run("retrain", "epochs", "2", "batch", "4", "average", average, "lr", "0.003");
        var options = new DiffusionTrainingOptions
        {
            Epochs = 2,
            BatchSize = 4,
            LearningRate = 0.003,
            AverageDecay = average == "0" ? 0 : 0.9,
            Seed = trained.Task.Seed,
        };
        trained.Model.Initialize(options.Seed, WeightInitialization.TorchDefault);
        options.Prepare(trained.Model);
        using var trainer = new Trainer(trained.Model, trained.Task.Data, trained.Task.Set.Retain, options);
        while (trainer.Step < trainer.Steps)
            trainer.RunStep();
        using var averaged = trainer.Averaged();
        Errors.AssertSame(retrained.Model.Parameters.ToArray(), trained.Model.Parameters.ToArray(), "parameters");
    }

    [Test]
    public void AMethodForOtherModelsIsRefused()
    {
        using DiffusionScope draws = new();
        using MethodScope classifies = new();
        Assert.That(
            () => Scrub.Definition.Make(draws.Task, new ScrubOptions()),
            Throws
                .TypeOf<UserErrorException>()
                .With.Message.StartsWith(
                    "The method 'scrub' is for classifiers, and this model draws images; for such a model there are lur, "
                )
        );
        Assert.That(
            () => MethodCatalog.Find("sa", MethodTask.Classification),
            Throws
                .TypeOf<UserErrorException>()
                .With.Message.StartsWith("The method 'sa' is for models that draw images, and this one is a classifier; for such a model")
        );
        Assert.That(
            () => DiffusionErase.Definition.Make(classifies.Task, new DiffusionEraseOptions()),
            Throws.TypeOf<UserErrorException>()
        );
    }

    [Test]
    public void AModelWithoutClassesHasNoneToReassign()
    {
        using var scope = new DiffusionScope(model: "unet:c4:m1,2:r1:g2:k0");
        foreach (var method in new[] { "lur", "rl", "salun", "esd", "sa" })
            Assert.That(() => scope.Run(method, DiffusionScope.Short(method)), Throws.TypeOf<UserErrorException>(), method);
        scope.Run("lur", [.. DiffusionScope.Short("lur"), "forget-loss", "neg"]);
        scope.Run("neggrad", DiffusionScope.Short("neggrad"));
    }

    [Test]
    public void AStepWithoutFiniteGradientChangesNothing([ValueSource(nameof(Methods))] string name)
    {
        using var scope = new DiffusionScope();
        using var method = scope.Create(name, DiffusionScope.Short(name));
        foreach (var preparation in method.Preparations)
            preparation.Run();
        var poisoned = scope.Model.Parameters.ToArray();
        poisoned[^1] = double.NaN;
        scope.Model.Parameters.Set(poisoned);
        if (method.Steps == 0)
            return;
        Assert.That(method.RunStep().Skipped);
        Errors.AssertSame(scope.Model.Parameters.ToArray(), poisoned, "parameters");
    }
}

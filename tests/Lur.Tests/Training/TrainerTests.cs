using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tasks.Classification;
using Lur.Tests.Device;
using Lur.Training;

namespace Lur.Tests.Training;

public class TrainerTests
{
    private static Model CreateModel(IImageDataset data, ComputeDevice? device = null)
    {
        var spec = ModelFamilies.Parse("resnet[1,1]:w4", new ImageSize(data.Height, data.Width, data.Channels), data.ClassNames.Count);
        var model = new Model(
            device ?? TestDevices.Default,
            Precision.Float32,
            spec,
            data.ClassNames,
            new InputNormalization([0.5, 0.5, 0.5], [0.3, 0.3, 0.3])
        );
        model.Initialize(11);
        return model;
    }

    private static readonly TrainingOptions s_options = new()
    {
        Epochs = 3,
        BatchSize = 16,
        LearningRate = 0.05,
        Schedule = "cosine",
    };

    [Test]
    public void LossFalls()
    {
        using var source = DataSource.Open("synthetic:train=200,test=20,seed=3");
        using var model = CreateModel(source.Train);
        using var trainer = new Trainer(
            model,
            source.Train,
            [.. Enumerable.Range(0, 48)],
            s_options with
            {
                Epochs = 30,
                Augment = Augmentation.None,
            }
        );
        for (var i = 0; i < trainer.StepsPerEpoch; i++)
            trainer.RunStep();
        var first = trainer.ReadTotals();
        while (trainer.Step < trainer.Steps - trainer.StepsPerEpoch)
            trainer.RunStep();
        trainer.ReadTotals();
        while (trainer.Step < trainer.Steps)
            trainer.RunStep();
        var last = trainer.ReadTotals();
        TestContext.Out.WriteLine($"loss {first.MeanLoss:F3} in the first epoch, {last.MeanLoss:F3} in the last");
        Assert.That(last.MeanLoss, Is.LessThan(0.85 * first.MeanLoss), "48 images can be learnt by heart");
    }

    [Test]
    public void AStateRestoredInAnotherTrainerContinuesToTheSameBits([Values(1, 4, 7)] int stop)
    {
        using var temp = new Lur.Tests.Data.TempFolder();
        using var source = DataSource.Open("synthetic:train=60,test=20,seed=3");
        int[] indices = [.. Enumerable.Range(0, 60)];
        using var whole = CreateModel(source.Train);
        using (var trainer = new Trainer(whole, source.Train, indices, s_options))
        {
            while (trainer.Step < trainer.Steps)
                trainer.RunStep();
        }

        using (var model = CreateModel(source.Train))
        using (var trainer = new Trainer(model, source.Train, indices, s_options))
        {
            for (var i = 0; i < stop; i++)
                trainer.RunStep();
            var state = new TrainingState();
            trainer.Save(state);
            state.Save(temp["state"]);
        }

        using var resumed = CreateModel(source.Train);
        using (var trainer = new Trainer(resumed, source.Train, indices, s_options))
        {
            trainer.Restore(TrainingState.Load(temp["state"]));
            Assert.That(trainer.Step, Is.EqualTo(stop));
            while (trainer.Step < trainer.Steps)
                trainer.RunStep();
        }

        Errors.AssertSame(resumed.Parameters.ToArray(), whole.Parameters.ToArray(), "parameters");
        Errors.AssertSame(resumed.Buffers.ToArray(), whole.Buffers.ToArray(), "running statistics");
    }

    // A batch that is overwritten before its copy is done, or a figure that is read before it has arrived, shows here.
    [Test]
    public void NothingDependsOnCopiesBeingImmediate()
    {
        using var source = DataSource.Open("synthetic:train=60,test=20,seed=3");
        using var model = CreateModel(source.Train);
        using var late = CreateModel(source.Train, TestDevices.Late);
        var losses = new List<double>();
        foreach (var m in new[] { model, late })
        {
            using var trainer = new Trainer(m, source.Train, [.. Enumerable.Range(0, 60)], s_options);
            while (trainer.Step < trainer.Steps)
                trainer.RunStep();
            losses.Add(trainer.ReadTotals().MeanLoss);
        }
        Assert.That(losses[1], Is.EqualTo(losses[0]));
        Errors.AssertSame(late.Parameters.ToArray(), model.Parameters.ToArray(), "parameters");
        Errors.AssertSame(late.Buffers.ToArray(), model.Buffers.ToArray(), "running statistics");
    }

    [Test]
    public void AStepAllocatesNothing()
    {
        using var source = DataSource.Open("synthetic:train=64,test=20,seed=3");
        using var model = CreateModel(source.Train);
        using var trainer = new Trainer(model, source.Train, [.. Enumerable.Range(0, 64)], s_options with { Epochs = 20 });
        for (var i = 0; i < 6; i++)
            trainer.RunStep();
        var native = model.Device.AllocationCount;
        var managed = ManagedBytes.Of(() =>
        {
            for (var i = 0; i < 6; i++)
                trainer.RunStep();
        });
        Assert.That(managed, Is.Zero, "managed bytes in six steps");
        Assert.That(model.Device.AllocationCount - native, Is.Zero, "device allocations in six steps");
    }

    [Test]
    public void EvaluationDoesNotDependOnTheBatchSize()
    {
        using var source = DataSource.Open("synthetic:train=40,test=37,seed=3");
        using var model = CreateModel(source.Train);
        int[] indices = [.. Enumerable.Range(0, 37)];
        var results = new[] { 1, 5, 37, 64 }
            .Select(batch =>
            {
                using var evaluator = new Evaluator(model, batch);
                return evaluator.Predict(source.Test, indices);
            })
            .ToArray();
        foreach (var result in results)
        {
            Assert.That(result.Labels, Is.EqualTo(indices.Select(source.Test.Label)));
            Assert.That(result.Predicted, Is.EqualTo(results[0].Predicted));
            // Another batch size may take another convolution algorithm: equal to rounding, not to the bit.
            Errors.AssertClose(
                Array.ConvertAll(result.Confidence, c => (double)c),
                Array.ConvertAll(results[0].Confidence, c => (double)c),
                1e-5,
                "confidence"
            );
        }
    }

    [Test]
    public void DivergenceIsOneSentence()
    {
        using var source = DataSource.Open("synthetic:train=40,test=20,seed=3");
        using var model = CreateModel(source.Train);
        using var trainer = new Trainer(
            model,
            source.Train,
            [.. Enumerable.Range(0, 32)],
            s_options with
            {
                LearningRate = 1e30,
                Nesterov = false,
                Momentum = 0,
            }
        );
        Assert.That(
            () =>
            {
                while (trainer.Step < trainer.Steps)
                    trainer.RunStep();
                trainer.ReadTotals();
            },
            Throws.TypeOf<UserErrorException>().With.Message.Contains("lower the learning rate (now 1E+30)")
        );
    }
}

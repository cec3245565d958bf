using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Training;

namespace Lur.Tests.Training;

public class DiffusionTrainerTests
{
    private static readonly DiffusionTrainingOptions s_options = new()
    {
        Epochs = 3,
        BatchSize = 8,
        LearningRate = 1e-3,
        Schedule = "warmup:2+cosine",
        AverageDecay = 0.9,
    };

    private static readonly int[] s_indices = [.. Enumerable.Range(0, 24)];

    private static Model CreateModel(IImageDataset data, DiffusionTrainingOptions options)
    {
        var input = new ImageSize(data.Height, data.Width, data.Channels);
        var spec = ModelFamilies.Parse("unet:c4:m1,2:attn16:r1:drop0.1", input, data.ClassNames.Count);
        var model = new Model(
            TestDevices.Default,
            Precision.Float32,
            spec,
            data.ClassNames,
            new InputNormalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
        )
        {
            Augmentation = Augmentation.FlipOnly,
        };
        model.Initialize(11);
        options.Prepare(model);
        return model;
    }

    private static DataSource Data() => DataSource.Open("synthetic:train=60,test=20,seed=3");

    private static void RunTo(Trainer trainer, long step)
    {
        while (trainer.Step < step)
            trainer.RunStep();
    }

    [Test]
    public void TheLossFalls()
    {
        using var source = Data();
        var options = s_options with { Epochs = 40, LearningRate = 3e-3 };
        using var model = CreateModel(source.Train, options);
        using var trainer = new Trainer(model, source.Train, s_indices, options);
        RunTo(trainer, 12);
        var first = trainer.ReadTotals();
        RunTo(trainer, trainer.Steps - 12);
        trainer.ReadTotals();
        RunTo(trainer, trainer.Steps);
        var last = trainer.ReadTotals();
        TestContext.Out.WriteLine($"loss {first.MeanLoss:F3} at first, {last.MeanLoss:F3} at last");
        // 1 is the loss of a network that gives nothing.
        Assert.That(last.MeanLoss, Is.LessThan(0.95).And.LessThan(0.7 * first.MeanLoss));
        Assert.That(last.Accuracy, Is.NaN, "nothing is right or wrong");
    }

    [Test]
    public void AStateRestoredInAnotherTrainerContinuesToTheSameBits([Values(1, 4, 7)] int stop)
    {
        using var temp = new TempFolder();
        using var source = Data();
        using var whole = CreateModel(source.Train, s_options);
        float[] weights,
            average;
        using (var trainer = new Trainer(whole, source.Train, s_indices, s_options))
        {
            RunTo(trainer, trainer.Steps);
            weights = whole.Parameters.ToFloatArray();
            using var use = trainer.Averaged();
            average = whole.Parameters.ToFloatArray();
        }

        Assert.That(average, Is.Not.EqualTo(weights));
        using (var model = CreateModel(source.Train, s_options))
        using (var trainer = new Trainer(model, source.Train, s_indices, s_options))
        {
            RunTo(trainer, stop);
            var state = new TrainingState();
            trainer.Save(state);
            state.Save(temp["state"]);
        }

        using var resumed = CreateModel(source.Train, s_options);
        using (var trainer = new Trainer(resumed, source.Train, s_indices, s_options))
        {
            trainer.Restore(TrainingState.Load(temp["state"]));
            Assert.That(trainer.Step, Is.EqualTo(stop));
            RunTo(trainer, trainer.Steps);
            Assert.That(resumed.Parameters.ToFloatArray(), Is.EqualTo(weights));
            using var use = trainer.Averaged();
            Assert.That(resumed.Parameters.ToFloatArray(), Is.EqualTo(average));
        }
    }

    [Test]
    public void AStateOfOtherNoiseIsRefused()
    {
        using var temp = new TempFolder();
        using var source = Data();
        using var model = CreateModel(source.Train, s_options);
        using (var trainer = new Trainer(model, source.Train, s_indices, s_options))
        {
            var state = new TrainingState();
            trainer.Save(state);
            state.Save(temp["state"]);
        }

        var other = s_options with { Noise = NoiseGrowth.Cosine };
        using var another = new Trainer(model, source.Train, s_indices, other);
        Assert.That(
            () => another.Restore(TrainingState.Load(temp["state"])),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("noise")
        );
    }

    [Test]
    public void TheModelFileKeepsWhatTheTaskHasToKnow()
    {
        using var temp = new TempFolder();
        using var source = Data();
        var options = s_options with { Prediction = DiffusionPrediction.Velocity, Timesteps = 50, ConditionDrop = 0.25 };
        using var model = CreateModel(source.Train, options);
        ModelFile.Save(model, temp["model.safetensors"]);
        using var read = ModelFile.Load(temp["model.safetensors"], TestDevices.Default, Precision.Float32);
        Assert.That(read.TaskSettings, Is.EqualTo(model.TaskSettings));
        var noise = Lur.Tasks.Diffusion.DiffusionNoise.Of(read);
        Assert.That(
            (noise.Schedule.Count, noise.Config.Prediction, noise.ConditionDrop),
            Is.EqualTo((50, Lur.Tasks.Diffusion.PredictionType.VPrediction, 0.25))
        );
        Assert.That(read.Architecture, Is.EqualTo(model.Architecture));
    }
}

using Lur.Metrics;
using Lur.Runs;
using Lur.Tests.Data;
using Lur.Training;
using Lur.Unlearning;

namespace Lur.Tests.Runs;

/// <summary>Whole runs as a C# program makes them: no console, results as objects, progress as values, cancellation.</summary>
public class RunTests
{
    private const string Data = "synthetic:train=160,test=60,seed=5";
    private static readonly TrainingOptions s_training = new()
    {
        Epochs = 2,
        BatchSize = 16,
        LearningRate = 0.05,
    };

    private static TrainSettings Train(string folder) =>
        new()
        {
            Data = Data,
            Model = "resnet[1,1]:w4",
            Output = folder,
            Training = s_training,
        };

    private static ForgetSettings Forget(string model, string folder) =>
        new()
        {
            Model = model,
            Data = Data,
            Output = folder,
            Forget = ["class:3"],
            Method = BoundMethod.Read(FineTune.Definition, new Dictionary<string, string> { ["epochs"] = "1", ["batch"] = "16" }),
        };

    [Test]
    public void RunsAreObjectsAndSayWhatTheyDo()
    {
        using var temp = new TempFolder();
        var said = new Said();
        var host = new RunHost { Progress = said };
        var trained = new TrainRun(Train(temp["base"]), host).Run();
        Assert.That(trained.Test.Count, Is.EqualTo(60));
        Assert.That(said.Events[^1], Is.EqualTo(new TrainingFinished(trained)));
        // 160 images in batches of 16, twice; a stage for each epoch.
        Assert.That(said.Events.OfType<StageStarted>().Select(s => (s.Stage, s.Total)), Does.Contain(("train epoch 2/2", 160L)));
        Assert.That(said.Events.OfType<StageProgress>().Count(p => p.Metrics.Count == 2), Is.EqualTo(20));
        Assert.That(said.Events.OfType<StageEnded>().Count(), Is.EqualTo(said.Events.OfType<StageStarted>().Count()));

        said.Events.Clear();
        var forgotten = new ForgetRun(Forget(trained.ModelPath, temp["run"]), host).Run();
        Assert.That((forgotten.Set.Forget.Length, forgotten.Steps), Is.EqualTo((16, 9L)), "144 retained images in batches of 16");
        Assert.That(said.Events[^1], Is.EqualTo(new ForgettingFinished(forgotten)));
        Assert.That(File.Exists(forgotten.ModelPath) && File.Exists(temp["run/result.json"]));
        Assert.That(File.Exists(temp["run/report.html"]), Is.False, "a page is drawn by Lur.Reports");

        var verified = new VerifyRun(
            new VerifySettings
            {
                Runs = [temp["run"]],
                RetrainSeeds = [1],
                Attacks = AttackChoice.None,
                CacheFolder = temp["cache"],
            }
        ).Run();
        Assert.That(verified.Verdict.Verdict, Is.Not.EqualTo(Verdict.Withheld));
        Assert.That(verified.Unlearned[0].Assessment.Scores, Is.EqualTo(forgotten.Unlearned.Scores));
    }

    [Test]
    public void ACancelledTrainingLeavesACheckpointAndGoesOnToTheSameBytes()
    {
        using var temp = new TempFolder();
        new TrainRun(Train(temp["whole"])).Run();
        using var cancel = new CancellationTokenSource();
        var stop = new Said();
        var host = new RunHost { Progress = new CancelAt(stop, 3, cancel) };
        Assert.Throws<OperationCanceledException>(() => new TrainRun(Train(temp["parts"]), host).Run(cancel.Token));
        Assert.That(stop.Events.OfType<RunInterrupted>().Single(), Is.EqualTo(new RunInterrupted(3, 20, false)));
        new TrainRun(Train(temp["parts"]) with { Resume = true }).Run();
        Assert.That(File.ReadAllBytes(temp["parts/model.safetensors"]), Is.EqualTo(File.ReadAllBytes(temp["whole/model.safetensors"])));
    }

    [Test]
    public void APlanWritesNothing()
    {
        using var temp = new TempFolder();
        var memory = new TrainRun(Train(temp["base"])).Plan();
        Assert.That(memory.ArenaBytes, Is.Positive.And.LessThan(memory.UnsharedBytes));
        Assert.That(Directory.Exists(temp["base"]), Is.False);
    }

    /// <summary>Cancels at a report of progress.</summary>
    private sealed class CancelAt(Said said, int report, CancellationTokenSource cancel) : IProgress<RunEvent>
    {
        public void Report(RunEvent value)
        {
            said.Report(value);
            if (said.Events.OfType<StageProgress>().Count() == report)
                cancel.Cancel();
        }
    }
}

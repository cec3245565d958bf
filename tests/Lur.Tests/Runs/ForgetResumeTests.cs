using System.Text.Json.Nodes;
using Lur.Runs;
using Lur.Tests.Data;
using Lur.Unlearning;

namespace Lur.Tests.Runs;

/// <summary>A forgetting run that is interrupted anywhere goes on to the same bytes; so does a training at the seams of its
/// epochs.</summary>
public class ForgetResumeTests
{
    private const string Data = "synthetic:train=160,test=60,seed=5";
    private TempFolder _temp = null!;

    [OneTimeSetUp]
    public void Train()
    {
        _temp = new TempFolder();
        new TrainRun(Training("base", 1)).Run();
    }

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    private TrainSettings Training(string folder, int epochs, double validation = 0) =>
        new()
        {
            Data = Data,
            Model = "resnet[1,1]:w4",
            Output = _temp[folder],
            ValidationShare = validation,
            Training = new()
            {
                Epochs = epochs,
                BatchSize = 16,
                LearningRate = 0.05,
            },
        };

    private ForgetSettings Forgetting(string method, string folder)
    {
        var definition = MethodCatalog.Find(method);
        var options = new Dictionary<string, string>
        {
            ["epochs"] = "2",
            ["batch"] = "16",
            ["lr"] = "0.01",
        };
        return new()
        {
            Model = _temp["base/model.safetensors"],
            Data = Data,
            Output = _temp[folder],
            Forget = ["class:3"],
            Method = BoundMethod.Read(
                definition,
                options.Where(o => definition.Options.Any(d => d.Name == o.Key)).ToDictionary(o => o.Key, o => o.Value)
            ),
        };
    }

    /// <summary>Runs until a report of a stage, twice, and then to the end; at 0 it is cancelled when the stage begins.</summary>
    private static void InPieces(string stage, int[] reports, bool resumes, Action<RunHost, bool, CancellationToken> run)
    {
        foreach (var report in reports)
        {
            using var cancel = new CancellationTokenSource();
            var said = new CancelAt(stage, report, cancel);
            Assert.Throws<OperationCanceledException>(() => run(new RunHost { Progress = said }, resumes, cancel.Token), stage);
            Assert.That(said.Checkpoints, Is.EqualTo(1));
            resumes = true;
        }

        run(new RunHost(), true, CancellationToken.None);
    }

    private void Same(string folder, string whole)
    {
        foreach (
            var name in new[] { "model.safetensors", "log.csv", "forget.txt", "split.json" }.Where(n => File.Exists(_temp[whole + "/" + n]))
        )
            Assert.That(File.ReadAllBytes(_temp[folder + "/" + name]), Is.EqualTo(File.ReadAllBytes(_temp[whole + "/" + name])), name);
        Assert.That(Directory.GetFiles(_temp[folder], "*-state.safetensors"), Is.Empty);
        Assert.That(AuditLog.Check(_temp[folder], "")!.Fault, Is.Null);
        Assert.That(AuditLog.Check(_temp[folder], "")!.Entries.Select(e => e.Event), Does.Contain("resumed"));
    }

    [TestCase("lur", "repair", 1, 7)]
    [TestCase("lur", "repair", 9)]
    [TestCase("lur", "evaluate unlearned", 0)]
    [TestCase("salun", "repair", 2)]
    [TestCase("boundary-expand", "repair", 1)]
    [TestCase("boundary-expand", "evaluate unlearned", 0)]
    [TestCase("retrain", "repair", 5)]
    [TestCase("ssd", "evaluate unlearned", 0)]
    public void AnInterruptedForgettingGoesOnToTheSameBytes(string method, string stage, params int[] reports)
    {
        if (!File.Exists(_temp[method + "/result.json"]))
            new ForgetRun(Forgetting(method, method)).Run();
        var folder = $"{method}-{stage}-{string.Join('-', reports)}";
        InPieces(
            stage,
            reports,
            false,
            (host, resume, cancel) => new ForgetRun(Forgetting(method, folder) with { Resume = resume }, host).Run(cancel)
        );
        Same(folder, method);
    }

    [Test]
    public void CheckpointsComeEveryFewSteps()
    {
        var folder = _temp["every"];
        var seen = new List<long>();
        var host = new RunHost
        {
            Progress = new Watch(() =>
            {
                var state = Path.Combine(folder, "unlearning-state.safetensors");
                seen.Add(File.Exists(state) ? global::Lur.Checkpoints.TrainingState.Load(state).GetInt64("step") : -1);
            }),
        };
        new ForgetRun(Forgetting("ft", "every") with { CheckpointEvery = 4 }, host).Run();
        Assert.That(seen[..9], Is.EqualTo(new[] { -1, -1, -1, -1, 4, 4, 4, 4, 8 }));
    }

    /// <summary>At the last step of an epoch, while it is validated, and while the model is measured: the log has every line.</summary>
    [TestCase("train epoch 1/2", 9)]
    [TestCase("train epoch 2/2", 9)]
    public void ATrainingInterruptedAtTheEndOfAnEpochKeepsItsLine(string stage, int report)
    {
        if (!File.Exists(_temp["whole/result.json"]))
            new TrainRun(Training("whole", 2, 0.1)).Run();
        var folder = "seam-" + stage[12];
        InPieces(
            stage,
            [report],
            false,
            (host, resume, cancel) => new TrainRun(Training(folder, 2, 0.1) with { Resume = resume }, host).Run(cancel)
        );
        Same(folder, "whole");
    }

    private sealed class Watch(Action step) : IProgress<RunEvent>
    {
        private bool _steps;

        public void Report(RunEvent value)
        {
            if (value is StageStarted s)
                _steps = s.Stage == RunFolder.RepairStage;
            else if (value is StageProgress && _steps)
                step();
        }
    }

    private sealed class CancelAt(string stage, int report, CancellationTokenSource cancel) : IProgress<RunEvent>
    {
        private bool _inside;
        private int _reports;

        public int Checkpoints { get; private set; }

        public void Report(RunEvent value)
        {
            switch (value)
            {
                case StageStarted s:
                    _inside = s.Stage == stage;
                    break;
                case RunInterrupted:
                    Checkpoints++;
                    break;
            }

            if (_inside && value is StageStarted or StageProgress && _reports++ == report)
                cancel.Cancel();
        }
    }

    [Test]
    public void TheModelDoesNotDependOnTheDate()
    {
        foreach (var (name, day) in new[] { ("a", 1), ("b", 2) })
        {
            var host = new RunHost { Time = new Day(day) };
            new TrainRun(Training("day-" + name, 1), host).Run();
            var result = JsonNode.Parse(File.ReadAllText(_temp[$"day-{name}/result.json"]))!;
            Assert.That(result["finished"]!.GetValue<string>(), Is.EqualTo($"2031-05-0{day}T00:00:00Z"));
        }

        Assert.That(File.ReadAllBytes(_temp["day-a/model.safetensors"]), Is.EqualTo(File.ReadAllBytes(_temp["day-b/model.safetensors"])));
    }

    private sealed class Day(int day) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2031, 5, day, 0, 0, 0, TimeSpan.Zero);
    }
}

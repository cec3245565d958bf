using System.Text.RegularExpressions;
using Lur.Hosting;
using Lur.Runs;
using Lur.Tests.Cli;
using Microsoft.Extensions.Logging;

namespace Lur.Tests.Hosting;

/// <summary>Forgetting inside a program: the bytes of the command, its sentences in a log, progress where it was asked for, and an end
/// at any step.</summary>
public partial class ForgetJobTests
{
    private JobScope _scope = null!;

    [OneTimeSetUp]
    public void Train() => _scope = new JobScope();

    [OneTimeTearDown]
    public void Delete() => _scope.Dispose();

    [Test]
    public void AClassifierComesOutAsOfTheCommand()
    {
        Command.Done(_scope.Words("command", "lur"));
        using var engine = LurEngine.Open();
        var result = Wait(ForgetJob.RunAsync(engine, _scope.Settings("job", "lur")));
        Assert.That(_scope.Model("job"), Is.EqualTo(_scope.Model("command")));
        Assert.That((result.ModelPath, result.Steps), Is.EqualTo((_scope["job/model.safetensors"], 9L)));
    }

    [Test]
    public void AUNetComesOutAsOfTheCommand()
    {
        Command.Done(_scope.DrawnWords("drawn-command"));
        using var engine = LurEngine.Open();
        var result = Wait(ForgetJob.RunAsync(engine, _scope.DrawnSettings("drawn-job")));
        Assert.That(_scope.Model("drawn-job"), Is.EqualTo(_scope.Model("drawn-command")));
        Assert.That(result.Outcome, Is.TypeOf<DenoisingOutcome>());
    }

    /// <summary>Every line that the command prints for a person is a sentence of the log or one of progress, and the other way
    /// round.</summary>
    [Test]
    public void TheLogHasTheSentencesOfTheCommand()
    {
        // A look-ahead step that long is warned of.
        var printed = Command.Done(_scope.Words("printed", "lur", alpha: "5"));
        var logger = new ListLogger();
        using (var engine = LurEngine.Open(new LurEngineOptions { Logger = logger }))
            Wait(ForgetJob.RunAsync(engine, _scope.Settings("logged", "lur", alpha: "5")));
        string[] lines =
        [
            .. printed
                .Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(l => !l.Contains("  in ", StringComparison.Ordinal) && !l.StartsWith("next: ", StringComparison.Ordinal))
                .Select(l => l.Replace(_scope["printed"], _scope["logged"], StringComparison.Ordinal))
                .Select(l => l.Replace(", report.html", "", StringComparison.Ordinal).Replace("--", "", StringComparison.Ordinal)),
        ];
        string[] logged = [.. logger.Lines.Select(l => l.Level == LogLevel.Warning ? $"warning: {l.Text}" : l.Text)];
        Assert.That(logged[..^1].Select(Untimed), Is.EqualTo(lines.Select(Untimed)));
        Assert.That(printed.Output, Does.Contain(logged[^1]), "how it came out, among the results");
        Assert.That(lines.Count(l => l.StartsWith("warning: ", StringComparison.Ordinal)), Is.Positive);
        Assert.That(logger.Lines.Select(l => l.Level).Distinct(), Is.SubsetOf(new[] { LogLevel.Information, LogLevel.Warning }));
    }

    [Test]
    public void ACancelledJobLeavesTheModelAndGoesOnToTheSameBytes()
    {
        var before = File.ReadAllBytes(_scope.Classifier);
        using var engine = LurEngine.Open();
        Wait(ForgetJob.RunAsync(engine, _scope.Settings("whole", epochs: 2)));
        using var cancel = new CancellationTokenSource();
        var settings = _scope.Settings("parts", epochs: 2);
        Task<ForgetResult> job;
        // Called from the thread of the job, so that it is cancelled before its first step.
        using (new CurrentContext(new InlineContext()))
            job = ForgetJob.RunAsync(engine, settings, Hearing(p => Cancel(p.Stage == RunFolder.RepairStage, cancel)), cancel.Token);
        Assert.That(() => Wait(job), Throws.InstanceOf<OperationCanceledException>());
        Assert.That((job.IsCanceled, engine.IsBusy), Is.EqualTo((true, false)));
        Assert.That(File.Exists(_scope["parts/model.safetensors"]), Is.False);
        Assert.That(File.ReadAllBytes(_scope.Classifier), Is.EqualTo(before));
        Wait(ForgetJob.RunAsync(engine, settings with { Resume = true }));
        Assert.That(_scope.Model("parts"), Is.EqualTo(_scope.Model("whole")));
        Assert.That(File.ReadAllBytes(_scope.Classifier), Is.EqualTo(before));
    }

    [Test]
    public void AJobThatIsCancelledBeforeItBeginsTouchesNothing()
    {
        using var engine = LurEngine.Open();
        var job = ForgetJob.RunAsync(engine, _scope.Settings("never"), cancel: new CancellationToken(canceled: true));
        Assert.That(() => Wait(job), Throws.InstanceOf<OperationCanceledException>());
        Assert.That((job.IsCanceled, engine.IsBusy, Directory.Exists(_scope["never"])), Is.EqualTo((true, false, false)));
    }

    [Test]
    public void AnEngineThatWorksIsNeitherDisposedNorGivenAnotherJob()
    {
        using ManualResetEventSlim reached = new(),
            go = new();
        var engine = LurEngine.Open();
        Task<ForgetResult> job;
        using (new CurrentContext(new InlineContext()))
            job = ForgetJob.RunAsync(
                engine,
                _scope.Settings("held"),
                Hearing(_ =>
                {
                    reached.Set();
                    go.Wait();
                })
            );
        reached.Wait();
        Assert.That(engine.IsBusy);
        Assert.That(engine.Dispose, Throws.InvalidOperationException.With.Message.Contain("runs a forgetting job; cancel"));
        Assert.That(
            () =>
                TrainJob.RunAsync(
                    engine,
                    new TrainSettings
                    {
                        Data = JobScope.Data,
                        Model = "",
                        Output = "",
                    }
                ),
            Throws.InvalidOperationException.With.Message.Contain("open another engine for the training job")
        );
        go.Set();
        Wait(job);
        engine.Dispose();
        engine.Dispose();
        Assert.That(() => ForgetJob.RunAsync(engine, _scope.Settings("late")), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => engine.OpenModel(_scope.Classifier), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void ProgressComesToTheThreadThatAskedForIt()
    {
        var heard = new List<(int Thread, ForgetProgress Progress)>();
        using var engine = LurEngine.Open();
        int thread;
        using (var pump = new PumpContext())
        {
            thread = pump.ThreadId;
            Task<ForgetResult> job;
            using (new CurrentContext(pump))
                job = ForgetJob.RunAsync(
                    engine,
                    _scope.Settings("heard"),
                    Hearing(p => heard.Add((Environment.CurrentManagedThreadId, p)))
                );
            Wait(job);
        }

        Assert.That(heard.Select(h => h.Thread).Distinct(), Is.EqualTo(new[] { thread }));
        var last = heard.Last(h => h.Progress.Stage == RunFolder.RepairStage).Progress;
        Assert.That((last.Done, last.Total, last.Unit), Is.EqualTo((9L, 9L, "steps")));
        Assert.That(double.IsFinite(last.RetainLoss) && double.IsNaN(heard[0].Progress.RetainLoss));
        Assert.That(
            heard.Select(h => h.Progress.Stage).Distinct(),
            Is.EqualTo(new[] { "evaluate original", "repair", "evaluate unlearned" })
        );
    }

    /// <summary>Without a context reports go to the pool in their order, and a job never waits for whoever hears them.</summary>
    [Test]
    public void AListenerThatHangsHoldsNothingUp()
    {
        using ManualResetEventSlim ended = new(),
            all = new();
        var heard = new List<(string Stage, long Done)>();
        var logger = new ListLogger();
        using var engine = LurEngine.Open(new LurEngineOptions { Logger = logger });
        Task<ForgetResult> job;
        using (new CurrentContext(null))
            job = ForgetJob.RunAsync(
                engine,
                _scope.Settings("hung"),
                Hearing(p =>
                {
                    ended.Wait();
                    heard.Add((p.Stage, p.Done));
                    if (p.Stage == "evaluate unlearned" && p.Done == p.Total)
                        all.Set();
                    if (p.Stage == "repair" && p.Done == p.Total)
                        throw new InvalidOperationException("of the listener");
                })
            );
        Wait(job);
        Assert.That(heard, Is.Empty);
        ended.Set();
        Assert.That(all.Wait(TimeSpan.FromMinutes(1)), "the last report comes, after one that threw");
        Assert.That(heard.Select(h => h.Stage).Distinct(), Is.EqualTo(new[] { "evaluate original", "repair", "evaluate unlearned" }));
        foreach (var stage in heard.GroupBy(h => h.Stage))
            Assert.That(stage.Select(h => h.Done), Is.Ordered);
        Assert.That(logger.Lines.Single(l => l.Level == LogLevel.Error).Text, Does.EndWith("InvalidOperationException: of the listener"));
    }

    [Test]
    public void TwoEnginesOnTwoThreadsGiveWhatEachGivesAlone()
    {
        using (var alone = LurEngine.Open())
        {
            Wait(ForgetJob.RunAsync(alone, _scope.Settings("alone-1", "lur")));
            Wait(ForgetJob.RunAsync(alone, _scope.Settings("alone-2", seed: 2)));
        }

        using LurEngine first = LurEngine.Open(),
            second = LurEngine.Open();
        var one = ForgetJob.RunAsync(first, _scope.Settings("both-1", "lur"));
        var two = ForgetJob.RunAsync(second, _scope.Settings("both-2", seed: 2));
        Assert.That((first.IsBusy, second.IsBusy), Is.EqualTo((true, true)));
        Wait(one);
        Wait(two);
        Assert.That(_scope.Model("both-1"), Is.EqualTo(_scope.Model("alone-1")));
        Assert.That(_scope.Model("both-2"), Is.EqualTo(_scope.Model("alone-2")));
        Assert.That(_scope.Model("alone-1"), Is.Not.EqualTo(_scope.Model("alone-2")));
    }

    // What a product costs beside a gradient is measured anew in every run.
    private static string Untimed(string line) => Cost().Replace(line, "took as long as");

    [GeneratedRegex(@"took [0-9.]+ times as long as")]
    private static partial Regex Cost();

    private static void Cancel(bool now, CancellationTokenSource cancel)
    {
        if (now)
            cancel.Cancel();
    }

    private static Listener<ForgetProgress> Hearing(Action<ForgetProgress> hear) => new(hear);

    private static T Wait<T>(Task<T> job) => job.GetAwaiter().GetResult();
}

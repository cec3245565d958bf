using Lur.Cli;
using Lur.Runs;

namespace Lur.Tests.Cli;

public class WholeRunTests
{
    [Test]
    public void StagesThatAreOverSayWhatTheirKindCosts()
    {
        var clock = new Clock();
        var run = new WholeRun(clock);
        run.Plan(new RunPlanned([new("evaluate", 100), new("repair", 600), new("evaluate", 100)]));
        Assert.That(run.Estimate(), Is.Null, "nothing is known yet");
        run.Start("evaluate original");
        clock.Advance(10);
        run.End();
        // 10 s for 100 units: 60 s of repair by the same rate, and 10 s.
        Assert.That(run.Estimate()!.Value.SecondsLeft, Is.EqualTo(70).Within(1e-9));
        run.Start("repair");
        clock.Advance(30);
        run.Report(0.25);
        // A quarter took 30 s: 90 s are left, and the evaluation at its own rate.
        Assert.That(run.Estimate()!.Value.SecondsLeft, Is.EqualTo(100).Within(1e-9));
        Assert.That(run.Estimate()!.Value.Share, Is.EqualTo(40 / 140.0).Within(1e-9));
        Assert.That(run.Text(bar: true), Is.EqualTo("[##........] 29 %, 1:40 left"));
    }

    [Test]
    public void StagesThatDoNotComeAreSkipped()
    {
        var clock = new Clock();
        var run = new WholeRun(clock);
        run.Plan(new RunPlanned([new("trim", 100), new("repair", 100), new("evaluate", 100)]));
        run.Start("repair");
        clock.Advance(10);
        run.End();
        Assert.That(run.Estimate()!.Value.SecondsLeft, Is.EqualTo(10).Within(1e-9), "the evaluation alone is left");
        run.Start("something else");
        clock.Advance(100);
        run.End();
        Assert.That(run.Estimate()!.Value.SecondsLeft, Is.EqualTo(10).Within(1e-9), "what was not planned counts for nothing");
    }

    /// <summary>A verification trains a judge, whose plan is not the verification's.</summary>
    [Test]
    public void NothingIsSaidOfAStageBehindAPlanThatIsOver()
    {
        var clock = new Clock();
        var run = new WholeRun(clock);
        run.Plan(new RunPlanned([new("train", 100)]));
        run.Start("train");
        clock.Advance(10);
        run.End();
        run.Start("draw original");
        Assert.That((run.Estimate(), run.Text(bar: false)), Is.EqualTo(((ValueTuple<double, double>?)null, "")));
    }

    [Test]
    public void ARunOfRunsCountsRuns()
    {
        var clock = new Clock();
        var run = new WholeRun(clock);
        run.Part(new RunPart(0, 4));
        clock.Advance(60);
        run.Part(new RunPart(1, 4));
        Assert.That(run.Estimate(), Is.EqualTo((0.25, 180.0)));
    }

    [Test]
    public void AProgressLineBeginsWithTheRunAndLeavesOutWhatIsNoNumber()
    {
        using StringWriter output = new(),
            error = new();
        var clock = new Clock();
        var run = new WholeRun(clock);
        run.Plan(new RunPlanned([new("train epoch", 100), new("train epoch", 100)]));
        run.Start("train epoch 1/2");
        var context = new CommandContext { Output = output, Error = error };
        using (var progress = new ProgressReporter(context, "train epoch 1/2", 100, "images", clock, run))
        {
            clock.Advance(10);
            progress.Report(50, ("loss", 2.25), ("cos", double.NaN));
        }

        var line = error.ToString().Split(Environment.NewLine)[0];
        Assert.That(line, Is.EqualTo("train epoch 1/2  50/100 images  5.00 images/s  run 25 %, 30 s left  loss 2.25"));
    }

    private sealed class Clock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(double seconds) => _now += (long)(seconds * TimeSpan.TicksPerSecond);
    }
}

using System.Text.Json;
using Lur.Cli;
using Lur.Reports;

namespace Lur.Tests.Cli;

public class PrintingTests
{
    private static Table Sample()
    {
        var table = new Table(
            "result",
            new Column("method", "Method"),
            new Column("ua", "UA", Right: true),
            new Column("bytes", "Memory", Right: true)
        )
        {
            Title = "Result",
        };
        table.Add("LUR", Cell.Percent(0.995), Cell.Bytes(1536));
        table.Add("Retrain", Cell.Percent(double.NaN), Cell.Bytes(3L << 30));
        return table;
    }

    private static CommandContext Context(
        StringWriter output,
        StringWriter error,
        bool json = false,
        bool quiet = false,
        bool terminal = false
    ) =>
        new()
        {
            Output = output,
            Error = error,
            Json = json,
            Quiet = quiet,
            TerminalOutput = terminal,
            TerminalError = terminal,
        };

    [Test]
    public void PlainTablesAreAligned()
    {
        using StringWriter output = new(),
            error = new();
        TablePrinter.Print(Context(output, error), Sample());
        Assert.That(
            output.ToString().Split(Environment.NewLine),
            Is.EqualTo(new[] { "Result", "Method       UA   Memory", "LUR      99.5 %  1.5 KiB", "Retrain       -    3 GiB", "" })
        );
    }

    [Test]
    public void JsonKeepsTheNumbers()
    {
        using StringWriter output = new(),
            error = new();
        TablePrinter.Print(Context(output, error, json: true), Sample());
        using var document = JsonDocument.Parse(output.ToString());
        JsonElement first = document.RootElement[0],
            second = document.RootElement[1];
        Assert.That(first.GetProperty("ua").GetDouble(), Is.EqualTo(0.995));
        Assert.That(first.GetProperty("bytes").GetInt64(), Is.EqualTo(1536));
        Assert.That(second.GetProperty("ua").ValueKind, Is.EqualTo(JsonValueKind.Null), "NaN is no JSON number");
    }

    [Test]
    public void ATerminalGetsADrawnTableWithoutColourCodes()
    {
        using StringWriter output = new(),
            error = new();
        TablePrinter.Print(Context(output, error, terminal: true), Sample());
        Assert.That(output.ToString(), Does.Contain("LUR").And.Contain("99.5 %").And.Contain("│").And.Not.Contain("\e["));
    }

    [Test]
    public void ARowOfTheWrongLengthIsRefused() => Assert.Throws<ArgumentException>(() => Sample().Add("one cell"));

    [Test]
    public void ProgressElsewhereIsALineEveryFewSecondsWithRateAndTimeLeft()
    {
        using StringWriter output = new(),
            error = new();
        var clock = new ManualClock();
        using (var progress = new ProgressReporter(Context(output, error), "train epoch 1/2", 1000, "images", clock))
        {
            for (var second = 1; second <= 10; second++)
            {
                clock.Advance(TimeSpan.FromSeconds(1));
                progress.Report(second * 50, ("loss", 2.25));
            }
        }
        // Constant 50 images/s: at 5 s 750 are left, 15 s; at 10 s 500 are left, 10 s.
        Assert.That(
            error.ToString().Split(Environment.NewLine),
            Is.EqualTo(
                new[]
                {
                    "train epoch 1/2  250/1,000 images (25 %)  50.0 images/s  ETA 15 s  loss 2.25",
                    "train epoch 1/2  500/1,000 images (50 %)  50.0 images/s  ETA 10 s  loss 2.25",
                    "train epoch 1/2  500/1,000 images (50 %)  50.0 images/s  in 10 s  loss 2.25",
                    "",
                }
            )
        );
        Assert.That(output.ToString(), Is.Empty);
    }

    [Test]
    public void ProgressOnATerminalRewritesOneLine()
    {
        using StringWriter output = new(),
            error = new();
        var clock = new ManualClock();
        using (var progress = new ProgressReporter(Context(output, error, terminal: true), "forget", 2, "steps", clock))
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            progress.Report(1);
            clock.Advance(TimeSpan.FromSeconds(1));
            progress.Report(2);
        }
        var text = error.ToString();
        Assert.That(text.Count(c => c == '\r'), Is.EqualTo(3));
        Assert.That(text.Split('\n'), Has.Length.EqualTo(2), "one line feed, at the end");
    }

    [Test]
    public void ProgressAsJsonIsOneObjectALine()
    {
        using StringWriter output = new(),
            error = new();
        var clock = new ManualClock();
        using (var progress = new ProgressReporter(Context(output, error, json: true), "eval", 10, "images", clock))
        {
            clock.Advance(TimeSpan.FromSeconds(6));
            progress.Report(5, ("accuracy", 0.5), ("loss", double.NaN));
        }
        var lines = error.ToString().TrimEnd().Split(Environment.NewLine);
        Assert.That(lines, Has.Length.EqualTo(2));
        using JsonDocument first = JsonDocument.Parse(lines[0]),
            last = JsonDocument.Parse(lines[1]);
        Assert.That(first.RootElement.GetProperty("event").GetString(), Is.EqualTo("progress"));
        Assert.That(first.RootElement.GetProperty("accuracy").GetDouble(), Is.EqualTo(0.5));
        Assert.That(first.RootElement.GetProperty("loss").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(last.RootElement.GetProperty("event").GetString(), Is.EqualTo("done"));
        Assert.That(last.RootElement.GetProperty("seconds").GetDouble(), Is.EqualTo(6));
    }

    [Test]
    public void QuietProgressIsSilent()
    {
        using StringWriter output = new(),
            error = new();
        var clock = new ManualClock();
        using (var progress = new ProgressReporter(Context(output, error, quiet: true), "eval", 10, "images", clock))
        {
            clock.Advance(TimeSpan.FromMinutes(1));
            progress.Report(5);
        }
        Assert.That(error.ToString() + output, Is.Empty);
    }

    [Test]
    public void AStepThatPrintsNothingAllocatesNothing()
    {
        using StringWriter output = new(),
            error = new();
        using var progress = new ProgressReporter(Context(output, error), "train", 1000, "images", new ManualClock());
        for (var i = 0; i < 100; i++)
            progress.Report(i, ("loss", 1.0));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            progress.Report(i, ("loss", 1.0));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [TestCase(0.04, "0.0 s")]
    [TestCase(9.94, "9.9 s")]
    [TestCase(59, "59 s")]
    [TestCase(185, "3:05")]
    [TestCase(3723, "1:02:03")]
    [TestCase(90000, "25:00:00")]
    public void TimesReadWell(double seconds, string expected) =>
        Assert.That(Cell.FormatTime(TimeSpan.FromSeconds(seconds)), Is.EqualTo(expected));

    private sealed class ManualClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan time) => _now += time.Ticks;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Lur.Device;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Printing;

/// <summary>Prints what a run says: notes and warnings, progress, and what came of it.</summary>
/// <param name="context">Where to.</param>
/// <param name="results">False for runs inside another, whose tables nobody asked for.</param>
[SuppressMessage("Design", "CA1001", Justification = "A stage that was started is ended, and freed with that.")]
internal sealed class RunPrinter(CommandContext context, bool results = true) : IProgress<RunEvent>
{
    private readonly WholeRun _run = new();
    private ProgressReporter? _stage;

    /// <summary>A host for runs that print here.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="results">False for runs inside another, whose tables nobody asked for.</param>
    public static RunHost Host(CommandContext context, bool results = true) =>
        new()
        {
            Device = new DeviceOptions { Ordinal = context.DeviceOrdinal },
            Progress = new RunPrinter(context, results),
            Producer = CommandLine.ThisVersion,
            Spell = option => "--" + option,
        };

    /// <inheritdoc/>
    public void Report(RunEvent value)
    {
        switch (value)
        {
            case RunNote note:
                context.Note(note.Text);
                break;
            case RunWarning warning:
                context.Warn(warning.Text);
                break;
            case RunPlanned plan:
                _run.Plan(plan);
                break;
            case RunPart part:
                _run.Part(part);
                break;
            case StageStarted s:
                _run.Start(s.Stage, s.Total > 0 ? (double)s.Done / s.Total : 0);
                _stage = new ProgressReporter(context, s.Stage, s.Total, s.Unit, run: _run, done: s.Done);
                break;
            case StageProgress p:
                _stage?.Report(p.Done, p.Metrics);
                break;
            case StageEnded:
                _run.End();
                _stage?.Dispose();
                _stage = null;
                break;
            case RunInterrupted i:
                context.Warn(RunSpeech.Interrupted(i, "the same command", "--resume"));
                break;
            case TrainingFinished training:
                Print(training.Result);
                break;
            case ForgettingFinished forgetting:
                Print(forgetting.Result);
                break;
            case RunVerified verified:
                context.Note(verified.Sentence.TrimEnd('.'));
                RunPage.Write(context, verified.Folder);
                break;
            case SamplingFinished sampling:
                Print(sampling.Result);
                break;
        }
    }

    private void Print(TrainResult r)
    {
        if (results)
        {
            var table = new Table("train", new Column("metric", "Metric"), new Column("value", "Value", Right: true));
            if (r.Test is ClassifierTest classifier)
                table.Add("test accuracy", Cell.Number(classifier.Predictions.Accuracy, 2, " %"));
            table.Add("test loss", Cell.Number(r.Test.MeanLoss, 4));
            table.Add("test images", r.Test.Count);
            TablePrinter.Print(context, table);
        }

        context.Note(RunSpeech.Wrote(r));
    }

    private void Print(ForgetResult r)
    {
        if (results)
            ForgetReport.Print(context, r);
        foreach (var finding in RunSpeech.Findings(r))
        {
            if (finding.IsWarning)
                context.Warn(finding.Text);
            else
                context.Note(finding.Text);
        }

        var page = RunPage.Write(context, r.Folder) ? $", {ForgetPage.FileName}" : "";
        context.Note(RunSpeech.Wrote(r) + page);
        if (results)
            ForgetReport.Conclude(context, r);
    }

    private void Print(SampleResult r)
    {
        var table = new Table(
            "sample",
            new Column("class", "Class"),
            new Column("images", "Images", Right: true),
            new Column("folder", "Folder")
        );
        foreach (var c in r.Classes)
            table.Add(c.Name, r.Count, Path.Combine(r.Folder, c.Folder));
        TablePrinter.Print(context, table);
        if (!context.Json)
            context.Say(
                string.Create(CultureInfo.InvariantCulture, $"{r.Images:N0} images in {r.Time.TotalSeconds:F1} s, {r.Rate:0.##} images/s")
            );
        context.Note(RunSpeech.Wrote(r));
    }
}

namespace Lur.Runs;

/// <summary>A sentence that a run has for a person.</summary>
/// <param name="Text">The sentence.</param>
/// <param name="IsWarning">True for one that should be looked at.</param>
public sealed record RunSentence(string Text, bool IsWarning = false);

/// <summary>What a run says in sentences, the same wherever they are shown: by the command, or in the log of a program.</summary>
public static class RunSpeech
{
    /// <summary>All that an event says; nothing for progress.</summary>
    /// <param name="value">The event.</param>
    public static IEnumerable<RunSentence> Of(RunEvent value) =>
        value switch
        {
            RunNote note => [new(note.Text)],
            RunWarning warning => [new(warning.Text, IsWarning: true)],
            RunInterrupted interrupted => [new(Interrupted(interrupted, "the same settings", "Resume"), IsWarning: true)],
            TrainingFinished training => [new(Wrote(training.Result))],
            ForgettingFinished forgetting =>
            [
                .. Findings(forgetting.Result),
                new(Wrote(forgetting.Result)),
                new(Conclusion(forgetting.Result)),
            ],
            SamplingFinished sampling => [new(Wrote(sampling.Result))],
            _ => [],
        };

    /// <summary>That a run left a checkpoint.</summary>
    /// <param name="i">The event.</param>
    /// <param name="same">What it is continued with, for example "the same command".</param>
    /// <param name="resume">The option that continues it.</param>
    public static string Interrupted(RunInterrupted i, string same, string resume)
    {
        ArgumentNullException.ThrowIfNull(i);
        return $"interrupted at step {i.Step} of {i.Steps}; continue with {same}{(i.Resumed ? "" : $" and {resume}")}.";
    }

    /// <summary>What a person should know of a forgetting run beside its numbers.</summary>
    public static IEnumerable<RunSentence> Findings(ForgetResult r)
    {
        ArgumentNullException.ThrowIfNull(r);
        return [.. r.Warnings.Select(w => new RunSentence(w, IsWarning: true)), .. r.Measurements.Select(m => new RunSentence(m.Sentence))];
    }

    /// <summary>How a forgetting run came out, in one sentence.</summary>
    public static string Conclusion(ForgetResult r)
    {
        ArgumentNullException.ThrowIfNull(r);
        return r.Outcome is DenoisingOutcome denoising ? DenoisingConclusion.Of(r, denoising).Sentence : ForgetConclusion.Of(r).Sentence;
    }

    /// <summary>The files of a training run.</summary>
    public static string Wrote(TrainResult r)
    {
        ArgumentNullException.ThrowIfNull(r);
        return $"wrote {r.ModelPath}, result.json, log.csv, config.json, split.json, "
            + $"{AuditLog.FileName}{(r.HasForgetFile ? ", forget.txt" : "")}";
    }

    /// <summary>The files of a forgetting run.</summary>
    public static string Wrote(ForgetResult r)
    {
        ArgumentNullException.ThrowIfNull(r);
        return $"wrote {r.ModelPath}, result.json, log.csv, config.json, forget.txt, split.json, {AuditLog.FileName}";
    }

    /// <summary>The files of a sampling run.</summary>
    public static string Wrote(SampleResult r)
    {
        ArgumentNullException.ThrowIfNull(r);
        return $"wrote {(r.HasSheet ? "sheet.png, " : "")}sample.json";
    }
}

namespace Lur.Runs;

/// <summary>Raising events: short words for the runs.</summary>
internal static class RunEvents
{
    extension(IProgress<RunEvent>? progress)
    {
        /// <summary>Says a sentence on the side.</summary>
        public void Note(string text) => progress?.Report(new RunNote(text));

        /// <summary>Says something a person should look at.</summary>
        public void Warn(string text) => progress?.Report(new RunWarning(text));

        /// <summary>Says what is to come.</summary>
        public void Plan(params IReadOnlyList<PlannedStage> stages) => progress?.Report(new RunPlanned(stages));

        /// <summary>Begins a stage, which ends when it is disposed of.</summary>
        public Stage Stage(string name, long total, string unit, long done = 0) => new(progress, name, total, unit, done);
    }
}

/// <summary>A stage in progress.</summary>
internal sealed class Stage : IDisposable
{
    private readonly IProgress<RunEvent>? _progress;

    public Stage(IProgress<RunEvent>? progress, string name, long total, string unit, long done)
    {
        _progress = progress;
        progress?.Report(new StageStarted(name, total, unit, done));
    }

    /// <summary>Says how much is done; without a listener it allocates nothing.</summary>
    public void Report(long done) => _progress?.Report(new StageProgress(done, []));

    /// <summary>Says how much is done, with the latest values.</summary>
    public void Report(long done, params ReadOnlySpan<(string Name, double Value)> metrics)
    {
        if (_progress is not null)
            _progress.Report(new StageProgress(done, metrics.ToArray()));
    }

    /// <inheritdoc/>
    public void Dispose() => _progress?.Report(new StageEnded());
}

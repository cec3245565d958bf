using Lur.Runs;
using Microsoft.Extensions.Logging;

namespace Lur.Hosting;

/// <summary>Turns what a run says into lines of a log and reports of progress: at the beginning and the end of a stage, and at most ten
/// a second between.</summary>
/// <param name="logger">Hears the sentences; null for nobody.</param>
/// <param name="report">Is posted the progress; null for nobody.</param>
/// <param name="time">The clock.</param>
internal sealed partial class JobEvents(ILogger? logger, Action<JobProgress>? report, TimeProvider time) : IProgress<RunEvent>
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);
    private JobProgress? _stage;
    private long _posted;

    /// <inheritdoc/>
    public void Report(RunEvent value)
    {
        switch (value)
        {
            case StageStarted s:
                _stage = new JobProgress(s.Stage, s.Done, s.Total, s.Unit, []);
                Post();
                break;
            case StageProgress p when _stage is not null:
                _stage = _stage with { Done = p.Done, Metrics = p.Metrics.Count > 0 ? p.Metrics : _stage.Metrics };
                if (time.GetElapsedTime(_posted) >= s_interval)
                    Post();
                break;
            case StageEnded when _stage is not null:
                Post();
                _stage = null;
                break;
            default:
                foreach (var sentence in RunSpeech.Of(value))
                    Log(logger, sentence.IsWarning ? LogLevel.Warning : LogLevel.Information, sentence.Text);
                break;
        }
    }

    /// <summary>Writes a sentence.</summary>
    public static void Log(ILogger? logger, LogLevel level, string text)
    {
        if (logger is not null)
            Write(logger, level, text);
    }

    [LoggerMessage(Message = "{Sentence}")]
    private static partial void Write(ILogger logger, LogLevel level, string sentence);

    private void Post()
    {
        _posted = time.GetTimestamp();
        report?.Invoke(_stage!);
    }
}

using System.Diagnostics;
using System.Text;
using Lur.Hosting;
using Lur.Runs;

namespace Lur.Native.Exports;

/// <summary>Passes what a job says on to the caller: progress to its function, at the beginning and the end of a stage and at most ten
/// times a second between; sentences to the session's log. Looks at each event whether the job shall stop.</summary>
/// <param name="progress">Function of the caller; null for none.</param>
/// <param name="user">Goes to it.</param>
/// <param name="session">Has the log, the count of callbacks and what lur_cancel sets.</param>
/// <param name="cancel">Is cancelled when the job shall stop.</param>
internal sealed unsafe class JobListener(
    delegate* unmanaged<nint, ProgressReport*, int> progress,
    nint user,
    NativeSession session,
    CancellationTokenSource cancel
) : IProgress<RunEvent>
{
    /// <summary>Runs something that reports its progress and can be cancelled.</summary>
    /// <param name="progress">Function of the caller; null for none.</param>
    /// <param name="user">Goes to it.</param>
    /// <param name="session">The session.</param>
    /// <param name="cancelled">What is said where it was cancelled.</param>
    /// <param name="run">Runs it.</param>
    /// <exception cref="CodedException">It was cancelled.</exception>
    public static void Hear(
        delegate* unmanaged<nint, ProgressReport*, int> progress,
        nint user,
        NativeSession session,
        string cancelled,
        Action<JobListener, CancellationToken> run
    )
    {
        Volatile.Write(ref *session.Cancelled, 0);
        using var cancel = new CancellationTokenSource();
        try
        {
            run(new JobListener(progress, user, session, cancel), cancel.Token);
        }
        catch (OperationCanceledException)
        {
            throw new CodedException(Code.Cancelled, cancelled);
        }
    }

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
                if (Stopwatch.GetElapsedTime(_posted) >= s_interval)
                    Post();
                break;
            case StageEnded when _stage is not null:
                Post();
                _stage = null;
                break;
            default:
                Say(value);
                break;
        }

        if (Volatile.Read(ref *session.Cancelled) != 0)
            cancel.Cancel();
    }

    private void Say(RunEvent value)
    {
        foreach (var sentence in RunSpeech.Of(value))
        {
            var text = OptionNames.AsGiven(sentence.Text);
            if (sentence.IsWarning)
                session.Log.Warn(text);
            else
                session.Log.Inform(text);
        }
    }

    private void Post()
    {
        _posted = Stopwatch.GetTimestamp();
        if (progress is null)
            return;
        fixed (
            byte* stage = Encoding.UTF8.GetBytes(_stage!.Stage + '\0'),
                unit = Encoding.UTF8.GetBytes(_stage.Unit + '\0')
        )
        {
            var report = new ProgressReport
            {
                Size = (uint)sizeof(ProgressReport),
                Done = _stage.Done,
                Total = _stage.Total,
                Stage = stage,
                Unit = unit,
                RetainLoss = _stage.Metric("retain"),
                ForgetLoss = _stage.Metric("forget"),
                Cosine = _stage.Metric("cos"),
            };
            ++*session.Callbacks;
            var stop = progress(user, &report);
            --*session.Callbacks;
            if (stop != 0)
                cancel.Cancel();
        }
    }
}

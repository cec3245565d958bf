using Lur.Runs;

namespace Lur.Hosting;

/// <summary>Trains a model, classifier or UNet, as <c>lur train</c> does.</summary>
public static class TrainJob
{
    /// <summary>Starts the job on a thread of its own.</summary>
    /// <param name="engine">Where it runs; it is busy until the task has ended.</param>
    /// <param name="settings">What decides it.</param>
    /// <param name="progress">Is posted how far it is, in the caller's synchronisation context where there is one, and never waited for:
    /// reports may come after the task has ended. Null for nobody.</param>
    /// <param name="cancel">Stops it between two steps, with a checkpoint in the output folder from which a job with
    /// <see cref="TrainSettings.Resume"/> goes on.</param>
    /// <returns>What it came to. The task fails with a <see cref="UserErrorException"/> where the settings, their files or the machine
    /// are at fault, and is cancelled where that was asked for.</returns>
    /// <exception cref="InvalidOperationException">The engine is busy.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public static Task<TrainResult> RunAsync(
        LurEngine engine,
        TrainSettings settings,
        IProgress<JobProgress>? progress = null,
        CancellationToken cancel = default
    )
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(settings);
        return engine.RunAsync("training job", host => new TrainRun(settings, host).Run(cancel), progress, p => p, cancel);
    }
}

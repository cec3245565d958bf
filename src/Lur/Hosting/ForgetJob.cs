using Lur.Runs;

namespace Lur.Hosting;

/// <summary>Makes a model forget, classifier or UNet, as <c>lur forget</c> does: the same options, files and bytes.</summary>
public static class ForgetJob
{
    /// <summary>Starts the job on a thread of its own.</summary>
    /// <param name="engine">Where it runs; it is busy until the task has ended.</param>
    /// <param name="settings">What decides it.</param>
    /// <param name="progress">Is posted how far it is, in the caller's synchronisation context where there is one, and never waited for:
    /// reports may come after the task has ended. Null for nobody.</param>
    /// <param name="cancel">Stops it between two steps. The model's file is as it was, and a checkpoint in the output folder lets a job
    /// with <see cref="ForgetSettings.Resume"/> go on to the bytes of one that was never stopped.</param>
    /// <returns>What it came to. The task fails with a <see cref="UserErrorException"/> where the settings, their files or the machine
    /// are at fault, and is cancelled where that was asked for.</returns>
    /// <exception cref="InvalidOperationException">The engine is busy.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public static Task<ForgetResult> RunAsync(
        LurEngine engine,
        ForgetSettings settings,
        IProgress<ForgetProgress>? progress = null,
        CancellationToken cancel = default
    )
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(settings);
        return engine.RunAsync(
            "forgetting job",
            host => new ForgetRun(settings with { Latents = engine.Cached(settings.Latents) }, host).Run(cancel),
            progress,
            p => new ForgetProgress(p),
            cancel
        );
    }
}

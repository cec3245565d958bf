using Lur.Runs;

namespace Lur.Hosting;

/// <summary>Compares an unlearned model with models that never saw the samples, as <c>lur verify</c> does. Those it trains are kept
/// in the cache of the engine.</summary>
public static class VerifyJob
{
    /// <summary>Starts the job for a classifier on a thread of its own.</summary>
    /// <param name="engine">Where it runs; it is busy until the task has ended.</param>
    /// <param name="settings">What decides it.</param>
    /// <param name="progress">Is posted how far it is, in the caller's synchronisation context where there is one, and never waited for:
    /// reports may come after the task has ended. Null for nobody.</param>
    /// <param name="cancel">Stops it; a reference model that was being trained goes on from a checkpoint next time.</param>
    /// <returns>What it came to. The task fails with a <see cref="UserErrorException"/> where the settings, their files or the machine
    /// are at fault, and is cancelled where that was asked for.</returns>
    /// <exception cref="InvalidOperationException">The engine is busy.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public static Task<VerifyResult> RunAsync(
        LurEngine engine,
        VerifySettings settings,
        IProgress<JobProgress>? progress = null,
        CancellationToken cancel = default
    ) => Start(engine, settings, (own, host) => new VerifyRun(own, host).Run(cancel), progress, cancel);

    /// <summary>Starts the job for a model that draws images, which a judge looks at; as <see cref="RunAsync"/>.</summary>
    /// <param name="engine">Where it runs; it is busy until the task has ended.</param>
    /// <param name="settings">What decides it; <see cref="VerifySettings.Generation"/> says how images are drawn and judged.</param>
    /// <param name="progress">Is posted how far it is, as for <see cref="RunAsync"/>. Null for nobody.</param>
    /// <param name="cancel">Stops it.</param>
    /// <returns>What it came to.</returns>
    /// <exception cref="InvalidOperationException">The engine is busy.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public static Task<GenerationVerifyResult> RunDrawnAsync(
        LurEngine engine,
        VerifySettings settings,
        IProgress<JobProgress>? progress = null,
        CancellationToken cancel = default
    ) => Start(engine, settings, (own, host) => new GenerationVerifyRun(own, host).Run(cancel), progress, cancel);

    /// <summary>Starts the job for a model that is told prompts and was to forget a concept; as <see cref="RunAsync"/>.</summary>
    /// <param name="engine">Where it runs; it is busy until the task has ended.</param>
    /// <param name="settings">What decides it; <see cref="VerifySettings.Concept"/> says what is asked for and who looks.</param>
    /// <param name="progress">Is posted how far it is, as for <see cref="RunAsync"/>. Null for nobody.</param>
    /// <param name="cancel">Stops it.</param>
    /// <returns>What it came to.</returns>
    /// <exception cref="InvalidOperationException">The engine is busy.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public static Task<ConceptVerifyResult> RunConceptAsync(
        LurEngine engine,
        VerifySettings settings,
        IProgress<JobProgress>? progress = null,
        CancellationToken cancel = default
    ) => Start(engine, settings, (own, host) => new ConceptVerifyRun(own, host).Run(cancel), progress, cancel);

    private static Task<T> Start<T>(
        LurEngine engine,
        VerifySettings settings,
        Func<VerifySettings, RunHost, T> run,
        IProgress<JobProgress>? progress,
        CancellationToken cancel
    )
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(settings);
        return engine.RunAsync(
            "verification job",
            host => run(settings with { CacheFolder = engine.References(settings.CacheFolder) }, host),
            progress,
            p => p,
            cancel
        );
    }
}

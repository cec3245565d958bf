using Lur.Device;
using Lur.Models;
using Lur.Runs;
using Lur.Verification;
using Microsoft.Extensions.Logging;

namespace Lur.Hosting;

/// <summary>Lur inside a program: a device with the places of its kernels, on which jobs run one at a time. Several engines may work at
/// once, on several threads, also on one device; their results are those they have alone.</summary>
/// <remarks>
/// <para>Nothing is written to the console, no handler of signals is installed, and no state outlives the engine but the choice of the
/// native libraries, see <see cref="LurEngineOptions"/>.</para>
/// <para>What a caller or the machine can be at fault for is a <see cref="UserErrorException"/>, here and in every job: its message is
/// the sentence that the command prints, its inner exception what revealed it. A job that is cancelled throws an
/// <see cref="OperationCanceledException"/>; an engine used against its rules an <see cref="InvalidOperationException"/> (busy, or to be
/// disposed while it is) or an <see cref="ObjectDisposedException"/>. Anything else is a defect.</para>
/// </remarks>
public sealed class LurEngine : IDisposable
{
    private readonly Lock _gate = new();
    private readonly LurEngineOptions _options;
    private readonly DeviceOptions _open;
    private readonly ComputeDevice _device;
    private readonly string _references;
    private string? _job;
    private bool _disposed;

    private LurEngine(LurEngineOptions options)
    {
        _options = options;
        var cache = options.CacheFolder is { } folder ? Path.GetFullPath(folder) : null;
        var places = new KernelPlaces
        {
            KernelFolder = options.KernelFolder,
            CacheFolder = cache is null ? null : Path.Combine(cache, "kernels"),
            IgnoreEnvironment = options.IgnoreEnvironment,
        };
        places.Distrusted += text => Log(LogLevel.Warning, text);
        _references = cache is null ? ReferenceCache.DefaultFolder : Path.Combine(cache, "references");
        _open = new DeviceOptions
        {
            Kind = options.Device,
            Ordinal = options.Ordinal,
            Threads = options.Threads,
            Kernels = places,
        };
        _device = ComputeDevice.Open(_open);
    }

    /// <summary>Opens a device.</summary>
    /// <param name="options">Which, and how; null for the defaults.</param>
    /// <exception cref="UserErrorException">There is nothing to compute on, no such device, or the process computes with other libraries
    /// already; says which, and the remedy.</exception>
    public static LurEngine Open(LurEngineOptions? options = null) => Translated(() => new LurEngine(options ?? new LurEngineOptions()));

    /// <summary>The device.</summary>
    public DeviceProperties Device => _device.Properties;

    /// <summary>True while a job runs.</summary>
    public bool IsBusy
    {
        get
        {
            lock (_gate)
                return _job is not null;
        }
    }

    /// <summary>What the engine computes with, and what is missing; what <c>lur doctor</c> prints is its
    /// <see cref="EnvironmentReport.ToText"/>.</summary>
    public EnvironmentReport Inspect() => Diagnostics.Inspect(_open.Kernels);

    /// <summary>Reads a model, to get and set its weights. It is the caller's to dispose of, before the engine.</summary>
    /// <param name="path">Its file.</param>
    /// <exception cref="UserErrorException">It is missing, damaged, or no model that says itself what it is.</exception>
    public LurModel OpenModel(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        lock (_gate)
            ObjectDisposedException.ThrowIf(_disposed, this);
        return Translated(() => new LurModel(ModelFile.Load(path, _device, Precision.Float32)));
    }

    /// <summary>Frees the device.</summary>
    /// <exception cref="InvalidOperationException">A job runs: cancel it, and wait for it, before.</exception>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_job is not null)
                throw new InvalidOperationException($"The engine runs a {_job}; cancel that and await it before disposing of the engine.");
            if (_disposed)
                return;
            _disposed = true;
        }

        _device.Dispose();
    }

    /// <summary>Where models that are trained to compare with are kept, unless the settings of a job say another place.</summary>
    internal string References(string given)
    {
        if (given != ReferenceCache.DefaultFolder)
            return given;
        return _options is { IgnoreEnvironment: true, CacheFolder: null }
            ? throw new UserErrorException(
                "An engine that ignores the environment has no place for models that are trained to compare with; give it a CacheFolder."
            )
            : _references;
    }

    /// <summary>Settings with a place for latents, which are kept where there is one.</summary>
    internal LatentSettings Cached(LatentSettings given) =>
        given.CacheFolder is not null ? given
        : _options is { IgnoreEnvironment: true, CacheFolder: null } ? given with { CacheFolder = "" }
        : given with { CacheFolder = Path.Combine(_references, NumbersCache.FolderName) };

    /// <summary>Runs a job on a thread of its own. Misuse throws here; everything else is in the task.</summary>
    /// <param name="job">What it is, for messages.</param>
    /// <param name="run">Runs it.</param>
    /// <param name="progress">Is posted how far it is; null for nobody.</param>
    /// <param name="report">Makes a report of it.</param>
    /// <param name="cancel">Cancels it between two steps.</param>
    /// <typeparam name="TResult">What it comes to.</typeparam>
    /// <typeparam name="TProgress">How far it is.</typeparam>
    internal Task<TResult> RunAsync<TResult, TProgress>(
        string job,
        Func<RunHost, TResult> run,
        IProgress<TProgress>? progress,
        Func<JobProgress, TProgress> report,
        CancellationToken cancel
    )
        where TProgress : JobProgress
    {
        var post = progress is null
            ? null
            : new ProgressPost<TProgress>(progress, SynchronizationContext.Current, e => Log(LogLevel.Error, Failed(e)));
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_job is not null)
                throw new InvalidOperationException($"The engine runs a {_job} already; await that, or open another engine for the {job}.");
            _job = job;
        }

        var host = new RunHost
        {
            Device = _open,
            Time = _options.Time,
            Progress = new JobEvents(_options.Logger, post is null ? null : p => post.Post(report(p)), _options.Time),
        };
        return InBackground(() => Translated(() => run(host)), cancel);
    }

    private async Task<T> InBackground<T>(Func<T> body, CancellationToken cancel)
    {
        try
        {
            cancel.ThrowIfCancellationRequested();
            // Minutes of computing would keep a thread from the pool's other users.
            return await Task
                .Factory.StartNew(
                    body,
                    CancellationToken.None,
                    TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
                    TaskScheduler.Default
                )
                .ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
                _job = null;
        }
    }

    private static string Failed(Exception e) =>
        $"A report of progress failed in the program it was made to: {e.GetType().Name}: {e.Message}";

    private void Log(LogLevel level, string text) => JobEvents.Log(_options.Logger, level, text);

    /// <summary>Runs with what is not a defect as a <see cref="UserErrorException"/>.</summary>
    private static T Translated<T>(Func<T> body)
    {
        try
        {
            return body();
        }
        catch (Exception e) when (e is not UserErrorException && ErrorSentence.Of(e) is { } sentence)
        {
            throw new UserErrorException(sentence, e);
        }
    }
}

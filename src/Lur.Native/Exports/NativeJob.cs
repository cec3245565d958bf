using System.Runtime.InteropServices;
using Lur.Data;
using Lur.Models;
using Lur.Runs;
using Lur.Unlearning;

namespace Lur.Native.Exports;

/// <summary>A job of a session: what decides a forgetting run, and the result of the last one. It runs on the calling thread.</summary>
internal sealed unsafe class NativeJob : IDisposable
{
    private readonly NativeSession _session;
    private readonly ForgetSettings _settings;
    private readonly ProvidedImages? _provider;
    private readonly NativeModel? _weights;
    private readonly bool _keepsPartial;
    private readonly nint* _checkpoint;
    private GCHandle _handle;
    private string? _result;

    /// <summary>Makes a job.</summary>
    /// <param name="session">Its session.</param>
    /// <param name="options">Checked by the front but for what they name.</param>
    /// <param name="provider">Gives the data; null for those that the options name.</param>
    /// <param name="weights">The model; null for the file that the options name.</param>
    /// <param name="checkpoint">Where the front puts the path that somebody wants a checkpoint at.</param>
    /// <exception cref="CodedException">There is no such method for the model, or the model is none.</exception>
    public NativeJob(NativeSession session, in JobOptions options, Provider* provider, NativeModel? weights, nint* checkpoint)
    {
        (_session, _weights) = (session, weights);
        _checkpoint = checkpoint;
        _provider = provider is null ? null : new ProvidedImages(session, *provider);
        _keepsPartial = ((JobFlags)options.Flags & JobFlags.KeepPartial) != 0;
        _settings = Read(options);
        _handle = GCHandle.Alloc(this);
        session.Own(this);
    }

    /// <summary>What the front keeps of it.</summary>
    public nint Handle => GCHandle.ToIntPtr(_handle);

    /// <summary>result.json of the last run that ended well; one that failed since has left its files as they were.</summary>
    /// <exception cref="CodedException">None has ended well.</exception>
    public string Result => _result ?? throw new CodedException(Code.State, "The job has no result: no run of it has ended well so far.");

    // Where a model in memory is put down, so that a failure has something to go back to, and a verification to compare with.
    private string Original => Path.Combine(_settings.Output, "original", "model.safetensors");

    /// <summary>What the job would take: bytes of a step, number of steps.</summary>
    public (ulong Bytes, long Steps) Plan()
    {
        _weights?.RequireLive();
        using var copy = _weights is null ? null : ModelCopy.Of(_weights);
        try
        {
            var settings = WithData(_settings);
            if (copy is not null)
                settings = settings with { Model = copy.Path };
            // In memory of its own: a plan leaves that of the caller alone.
            var plan = Coded(() => new ForgetRun(settings, HostOf(_session, null)).Plan());
            return ((ulong)plan.TotalBytes, plan.Steps);
        }
        catch (OperationCanceledException)
        {
            throw new CodedException(Code.Cancelled, "The provider asked to stop.");
        }
    }

    /// <summary>Runs to the end, or until it is cancelled.</summary>
    /// <param name="progress">Function of the caller; null for none.</param>
    /// <param name="user">Goes to it.</param>
    /// <param name="resume">True to go on from a checkpoint.</param>
    /// <exception cref="CodedException">It was cancelled, or the data are at fault.</exception>
    public void Run(delegate* unmanaged<nint, ProgressReport*, int> progress, nint user, bool resume)
    {
        _weights?.RequireLive();
        try
        {
            JobListener.Hear(
                progress,
                user,
                _session,
                "The job was cancelled; its checkpoint, where it has one, is in its output folder.",
                (listener, cancel) =>
                {
                    var settings = WithData(_settings) with { Resume = resume };
                    var result = _weights is null ? Run(settings, listener, cancel) : RunInMemory(settings, listener, cancel);
                    _result = File.ReadAllText(Path.Combine(result.Folder, "result.json"));
                }
            );
        }
        finally
        {
            // What the job has left of garbage goes back to the system; without it the heap breathes by four megabytes.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }

    /// <summary>Frees the job.</summary>
    public void Dispose()
    {
        if (!_handle.IsAllocated)
            return;
        _session.Disown(this);
        _handle.Free();
    }

    private ForgetResult Run(ForgetSettings settings, JobListener listener, CancellationToken cancel) =>
        Coded(() =>
            new ForgetRun(settings, HostOf(_session, listener) with { Weights = _weights?.Memory, Checkpoint = Asked }).Run(cancel)
        );

    // What lur_job_checkpoint has left since it was looked at last.
    private Action<string>? Asked()
    {
        var text = Interlocked.Exchange(ref *_checkpoint, 0);
        if (text == 0)
            return null;
        var path = Utf8.Read((byte*)text)!;
        NativeMemory.Free((void*)text);
        return written =>
        {
            if (path.Length > 0)
                Copy(written, path);
        };
    }

    private static void Copy(string file, string path)
    {
        try
        {
            using var content = File.OpenRead(file);
            AtomicFile.Write(path, content.CopyTo);
        }
        catch (UserErrorException e)
        {
            throw new CodedException(Code.File, e.Message);
        }
    }

    private ForgetResult RunInMemory(ForgetSettings settings, JobListener listener, CancellationToken cancel)
    {
        settings = settings with { Model = Original };
        Coded(() =>
        {
            new ForgetRun(settings, HostOf(_session, null)).RequireFolder();
            return 0;
        });
        var original = new OriginalModel(Original, _weights!, settings.Resume, _keepsPartial);
        try
        {
            var result = Run(settings, listener, cancel);
            original.Settle();
            // Two that begin at the same moment put their models into one place; the folder lets one of them go on.
            if (result.ParentSha256 != original.Sha256)
                throw new UserErrorException($"Another job has replaced '{Original}'; give each job an output folder of its own.");
            _weights!.Load(result.ModelPath);
            return result;
        }
        catch (Exception e)
        {
            if (_weights!.Memory is not null && !(_keepsPartial && e is OperationCanceledException))
                _weights.Load(Original);
            if (!ForgetRun.CanResume(settings.Output))
                original.Withdraw();
            throw;
        }
    }

    private ForgetSettings WithData(ForgetSettings settings) =>
        _provider is null ? settings : settings with { DataOptions = settings.DataOptions with { Memory = _provider.Read() } };

    /// <summary>Where what a session is asked for runs, and how it speaks.</summary>
    public static RunHost HostOf(NativeSession session, JobListener? listener) =>
        new()
        {
            Device = session.Opening,
            Progress = listener,
            Spell = option =>
                option switch
                {
                    "overwrite" => "the flag that overwrites (LUR_JOB_OVERWRITE, LUR_SAMPLE_OVERWRITE)",
                    "also-copies" => "LUR_JOB_ALSO_COPIES",
                    "resume" => "lur_job_resume",
                    "plan" => "lur_job_plan",
                    "max-memory" => "max_memory",
                    _ => option,
                },
        };

    private T Coded<T>(Func<T> body)
    {
        try
        {
            return body();
        }
        catch (UserErrorException e) when (IsOfTheData(e))
        {
            throw new CodedException(Path.Exists(_settings.Data) ? Code.Format : Code.File, e.Message);
        }
    }

    // Told apart only once something has failed: by whether the data set alone fails with the same words.
    private bool IsOfTheData(UserErrorException error)
    {
        if (
            _provider is not null
            || error.IsUsage
            || error.IsDivergence
            || error.InnerException is IOException or UnauthorizedAccessException
        )
            return false;
        try
        {
            DataSource.Open(_settings.Data, _settings.DataOptions).Dispose();
            return false;
        }
        catch (UserErrorException alone)
        {
            return alone.Message == error.Message;
        }
    }

    private ForgetSettings Read(in JobOptions o)
    {
        var (model, flags) = (Utf8.Read(o.Model), (JobFlags)o.Flags);
        return new ForgetSettings
        {
            Model = model ?? "",
            Data = _provider?.Name ?? Utf8.Read(o.Data)!,
            Output = Utf8.Read(o.Output)!,
            Forget = Utf8.ReadAll(o.Forget, o.ForgetCount),
            Method = Choose(Utf8.Read(o.Method)!, model, Pairs(Utf8.ReadAll(o.Options, o.OptionCount))),
            Forgotten = Utf8.ReadAll(o.Forgotten, o.ForgottenCount),
            Split = Utf8.Read(o.Split),
            Seed = o.Seed,
            DataOptions = new DataOptions { ImageSize = o.ImageSize == 0 ? null : o.ImageSize },
            CheckpointEvery = o.CheckpointEvery,
            MaxMemory = o.MaxMemory,
            AlsoCopies = (flags & JobFlags.AlsoCopies) != 0,
            Overwrite = (flags & JobFlags.Overwrite) != 0,
        };
    }

    private BoundMethod Choose(string name, string? model, Dictionary<string, string> given)
    {
        try
        {
            _ = MethodCatalog.Find(name);
        }
        catch (UserErrorException e)
        {
            throw new CodedException(Code.Unsupported, e.Message);
        }

        if (model is not null)
            NativeModel.RequireFile(model);
        MethodTask task;
        try
        {
            task = _weights?.Draws ?? ModelFile.DrawsImages(model!) ? MethodTask.Diffusion : MethodTask.Classification;
        }
        catch (UserErrorException e) when (e.InnerException is not (IOException or UnauthorizedAccessException))
        {
            throw new CodedException(Code.Format, e.Message);
        }

        MethodDefinition method;
        try
        {
            method = MethodCatalog.Find(name, task);
        }
        catch (UserErrorException e)
        {
            throw new CodedException(Code.Unsupported, e.Message);
        }

        return model is null ? BoundMethod.Read(method, given) : MethodChoice.Read(name, model, given);
    }

    private static Dictionary<string, string> Pairs(string[] texts)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            var at = text.IndexOf('=', StringComparison.Ordinal);
            if (at < 1)
                throw new CodedException(Code.Argument, $"The option '{text}' is no key=value, for example lr=0.01.");
            if (!pairs.TryAdd(text[..at], text[(at + 1)..]))
                throw new CodedException(Code.Argument, $"The option '{text[..at]}' is given twice.");
        }

        return pairs;
    }
}

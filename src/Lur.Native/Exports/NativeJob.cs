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
    private GCHandle _handle;
    private string? _result;

    /// <summary>Makes a job.</summary>
    /// <param name="session">Its session.</param>
    /// <param name="options">Checked by the front but for what they name.</param>
    /// <param name="provider">Gives the data; null for those that the options name.</param>
    /// <param name="weights">The model; null for the file that the options name.</param>
    /// <exception cref="CodedException">There is no such method for the model, or the model is none.</exception>
    public NativeJob(NativeSession session, in JobOptions options, Provider* provider, NativeModel? weights)
    {
        (_session, _weights) = (session, weights);
        _provider = provider is null ? null : new ProvidedImages(session, *provider);
        _keepsPartial = ((JobFlags)options.Flags & JobFlags.KeepPartial) != 0;
        _settings = Read(options);
        _handle = GCHandle.Alloc(this);
        session.Own(this);
    }

    /// <summary>What the front keeps of it.</summary>
    public nint Handle => GCHandle.ToIntPtr(_handle);

    /// <summary>result.json of the last run.</summary>
    /// <exception cref="CodedException">There was none, or it did not come to an end.</exception>
    public string Result => _result ?? throw new CodedException(Code.State, "The job has no result: no run of it has ended well so far.");

    // Where a model in memory is put down, so that a failure has something to go back to, and a verification to compare with.
    private string Original => Path.Combine(_settings.Output, "original", "model.safetensors");

    /// <summary>What the job would take: bytes of a step, number of steps.</summary>
    public (ulong Bytes, long Steps) Plan()
    {
        _weights?.RequireLive();
        var folder = _weights is null ? null : Directory.CreateTempSubdirectory("lur-plan-");
        try
        {
            var settings = WithData(_settings);
            if (folder is not null)
            {
                settings = settings with { Model = Path.Combine(folder.FullName, "model.safetensors") };
                _weights!.Save(settings.Model);
            }

            // In memory of its own: a plan leaves that of the caller alone.
            var plan = Coded(() => new ForgetRun(settings, Host(null, null)).Plan());
            return ((ulong)plan.TotalBytes, plan.Steps);
        }
        catch (OperationCanceledException)
        {
            throw new CodedException(Code.Cancelled, "The provider asked to stop.");
        }
        finally
        {
            folder?.Delete(recursive: true);
        }
    }

    /// <summary>Runs to the end, or until it is cancelled.</summary>
    /// <param name="progress">Function of the caller; null for none.</param>
    /// <param name="user">Goes to it.</param>
    /// <param name="resume">True to go on from a checkpoint.</param>
    /// <exception cref="CodedException">It was cancelled, or the data are at fault.</exception>
    public void Run(delegate* unmanaged<nint, ProgressReport*, int> progress, nint user, bool resume)
    {
        _result = null;
        _weights?.RequireLive();
        Volatile.Write(ref *_session.Cancelled, 0);
        using var cancel = new CancellationTokenSource();
        var listener = new JobListener(progress, user, _session, cancel);
        try
        {
            var settings = WithData(_settings) with { Resume = resume };
            var result = _weights is null ? Run(settings, listener, cancel.Token) : RunInMemory(settings, listener, cancel.Token);
            _result = File.ReadAllText(Path.Combine(result.Folder, "result.json"));
        }
        catch (OperationCanceledException)
        {
            throw new CodedException(Code.Cancelled, "The job was cancelled; its checkpoint, where it has one, is in its output folder.");
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
        Coded(() => new ForgetRun(settings, Host(listener, _weights?.Memory)).Run(cancel));

    private ForgetResult RunInMemory(ForgetSettings settings, JobListener listener, CancellationToken cancel)
    {
        settings = settings with { Model = Original };
        Coded(() =>
        {
            new ForgetRun(settings, Host(null, null)).RequireFolder();
            return 0;
        });
        if (!settings.Resume || !File.Exists(Original))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Original)!);
            _weights!.Save(Original);
        }

        try
        {
            var result = Run(settings, listener, cancel);
            _weights!.Load(result.ModelPath);
            return result;
        }
        catch (Exception e) when (_weights!.Memory is not null && !(_keepsPartial && e is OperationCanceledException))
        {
            _weights.Load(Original);
            throw;
        }
    }

    private ForgetSettings WithData(ForgetSettings settings) =>
        _provider is null ? settings : settings with { DataOptions = settings.DataOptions with { Memory = _provider.Read() } };

    private RunHost Host(JobListener? listener, WeightMemory? memory) => HostOf(_session, listener) with { Weights = memory };

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

        if (model is not null && !File.Exists(model))
            throw new CodedException(Code.File, $"The model '{model}' does not exist; check the path.");
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

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
    private readonly GCHandle _handle;
    private string? _result;

    /// <summary>Makes a job.</summary>
    /// <param name="session">Its session.</param>
    /// <param name="options">Checked by the front but for what they name.</param>
    /// <exception cref="CodedException">There is no such method for the model, or the model is none.</exception>
    public NativeJob(NativeSession session, in JobOptions options)
    {
        (_session, _settings) = (session, Read(options));
        _handle = GCHandle.Alloc(this);
        session.Own(this);
    }

    /// <summary>What the front keeps of it.</summary>
    public nint Handle => GCHandle.ToIntPtr(_handle);

    /// <summary>result.json of the last run.</summary>
    /// <exception cref="CodedException">There was none, or it did not come to an end.</exception>
    public string Result => _result ?? throw new CodedException(Code.State, "The job has no result: no run of it has ended well so far.");

    /// <summary>What the job would take: bytes of a step, number of steps.</summary>
    public (ulong Bytes, long Steps) Plan()
    {
        var plan = Coded(() => new ForgetRun(_settings, Host(null)).Plan());
        return ((ulong)plan.TotalBytes, plan.Steps);
    }

    /// <summary>Runs to the end, or until it is cancelled.</summary>
    /// <param name="progress">Function of the caller; null for none.</param>
    /// <param name="user">Goes to it.</param>
    /// <param name="resume">True to go on from a checkpoint.</param>
    /// <exception cref="CodedException">It was cancelled, or the data are at fault.</exception>
    public void Run(delegate* unmanaged<nint, ProgressReport*, int> progress, nint user, bool resume)
    {
        _result = null;
        Volatile.Write(ref *_session.Cancelled, 0);
        using var cancel = new CancellationTokenSource();
        var listener = new JobListener(progress, user, _session, cancel);
        var run = new ForgetRun(_settings with { Resume = resume }, Host(listener));
        try
        {
            var result = Coded(() => run.Run(cancel.Token));
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

    private RunHost Host(JobListener? listener) =>
        new()
        {
            Device = _session.Opening,
            Progress = listener,
            Spell = option =>
                option switch
                {
                    "overwrite" => "LUR_JOB_OVERWRITE",
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
        if (error.IsUsage || error.IsDivergence || error.InnerException is IOException or UnauthorizedAccessException)
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

    private static ForgetSettings Read(in JobOptions o)
    {
        var (model, flags) = (Utf8.Read(o.Model)!, (JobFlags)o.Flags);
        return new ForgetSettings
        {
            Model = model,
            Data = Utf8.Read(o.Data)!,
            Output = Utf8.Read(o.Output)!,
            Forget = Texts(o.Forget, o.ForgetCount),
            Method = Choose(Utf8.Read(o.Method)!, model, Pairs(Texts(o.Options, o.OptionCount))),
            Forgotten = Texts(o.Forgotten, o.ForgottenCount),
            Split = Utf8.Read(o.Split),
            Seed = o.Seed,
            DataOptions = new DataOptions { ImageSize = o.ImageSize == 0 ? null : o.ImageSize },
            CheckpointEvery = o.CheckpointEvery,
            AlsoCopies = (flags & JobFlags.AlsoCopies) != 0,
            Overwrite = (flags & JobFlags.Overwrite) != 0,
        };
    }

    private static BoundMethod Choose(string name, string model, Dictionary<string, string> given)
    {
        try
        {
            _ = MethodCatalog.Find(name);
        }
        catch (UserErrorException e)
        {
            throw new CodedException(Code.Unsupported, e.Message);
        }

        if (!File.Exists(model))
            throw new CodedException(Code.File, $"The model '{model}' does not exist; check the path.");
        MethodTask task;
        try
        {
            task = ModelFile.DrawsImages(model) ? MethodTask.Diffusion : MethodTask.Classification;
        }
        catch (UserErrorException e) when (e.InnerException is not (IOException or UnauthorizedAccessException))
        {
            throw new CodedException(Code.Format, e.Message);
        }

        try
        {
            _ = MethodCatalog.Find(name, task);
        }
        catch (UserErrorException e)
        {
            throw new CodedException(Code.Unsupported, e.Message);
        }

        return MethodChoice.Read(name, model, given);
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

    private static string[] Texts(byte** texts, uint count)
    {
        var all = new string[count];
        for (var i = 0; i < all.Length; i++)
            all[i] = Utf8.Read(texts[i])!;
        return all;
    }
}

using Lur.Runs;
using Lur.Tasks.Diffusion;

namespace Lur.Native.Exports;

/// <summary>One call of lur_sample: images of a model into a folder.</summary>
internal sealed unsafe class ImageJob
{
    private readonly NativeSession _session;
    private readonly NativeModel? _weights;
    private readonly SampleSettings _settings;

    /// <summary>Reads what the front has checked.</summary>
    /// <param name="session">Where it computes.</param>
    /// <param name="o">What to draw, and how.</param>
    /// <param name="weights">The model; null for the file that the options name.</param>
    public ImageJob(NativeSession session, in SampleOptions o, NativeModel? weights)
    {
        (_session, _weights) = (session, weights);
        var (model, sampler) = (Utf8.Read(o.Model), Utf8.Read(o.Sampler)!);
        if (model is not null)
            NativeModel.RequireFile(model);
        if (weights is { Draws: false })
            throw new CodedException(Code.Unsupported, "The model is a classifier; images are drawn by a diffusion model.");
        var kinds = Array.FindAll(Enum.GetValues<SamplerKind>(), k => k.Name() == sampler);
        if (kinds.Length == 0)
            throw new CodedException(
                Code.Unsupported,
                $"There is no sampler '{sampler}'; there are {string.Join(", ", Enum.GetValues<SamplerKind>().Select(k => k.Name()))}."
            );
        _settings = new SampleSettings
        {
            Model = model ?? "",
            Output = Utf8.Read(o.Output)!,
            Classes = Utf8.ReadAll(o.Classes, o.ClassCount),
            Count = o.Count,
            Overwrite = (o.Flags & Overwrite) != 0,
            Sampling = new SamplingOptions
            {
                Sampler = kinds[0],
                Steps = o.Steps,
                Eta = o.Eta,
                Guidance = double.IsNaN(o.Guidance) ? null : o.Guidance,
                Seed = o.Seed,
            },
        };
    }

    private const uint Overwrite = 1;

    /// <summary>Draws.</summary>
    /// <param name="progress">Function of the caller; null for none.</param>
    /// <param name="user">Goes to it.</param>
    /// <exception cref="CodedException">It was cancelled.</exception>
    public void Run(delegate* unmanaged<nint, ProgressReport*, int> progress, nint user)
    {
        using var copy = _weights is null ? null : ModelCopy.Of(_weights);
        var settings = copy is null ? _settings : _settings with { Model = copy.Path };
        JobListener.Hear(
            progress,
            user,
            _session,
            "The drawing was cancelled; nothing is left of it.",
            (listener, cancel) => new SampleRun(settings, NativeJob.HostOf(_session, listener)).Run(cancel)
        );
    }
}

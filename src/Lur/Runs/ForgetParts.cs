using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>What a forgetting run is made of: device, data, model, what is forgotten, and the method bound to them.</summary>
internal sealed class ForgetParts : IDisposable
{
    public ComputeDevice Device { get; private set; } = null!;

    public RunData Data { get; private set; } = null!;

    public DataSource Source => Data.Source;

    public Model Model { get; private set; } = null!;

    public DataSplit Split { get; private set; } = null!;

    public ForgetSet Set { get; private set; } = null!;

    public SampleCopies Copies { get; private set; } = SampleCopies.None;

    public UnlearningMethod Method { get; private set; } = null!;

    /// <summary>Opens everything, or nothing.</summary>
    /// <param name="settings">What decides the run.</param>
    /// <param name="host">Where it computes and whom it tells.</param>
    /// <param name="progress">Told how far a preparation of the method is.</param>
    /// <param name="cancel">Stops long preparations.</param>
    /// <param name="toPlan">True to plan: nothing is drawn or encoded, and of a pipeline folder no weights are read.</param>
    public static ForgetParts Open(
        ForgetSettings settings,
        RunHost host,
        Action<PreparationProgress> progress,
        CancellationToken cancel,
        bool toPlan = false
    )
    {
        var parts = new ForgetParts();
        try
        {
            parts.Device = ComputeDevice.Open(host.Device);
            settings.Precision.Require(parts.Device);
            var latents = settings.Latents.For(settings.Data, settings.Forget, settings.Method.Anchor);
            var request = new RunDataRequest(settings.Data, settings.Model, latents, settings.DataOptions) { ToPlan = toPlan };
            parts.Data = RunData.Open(request, parts.Device, host, cancel);
            // Memory of a program holds all weights in one order.
            var trained = host.Weights is null ? settings.Method.Trained : null;
            parts.Model =
                toPlan && ImportedModels.IsFolder(settings.Model)
                    ? parts.Data.Planned(settings.Model, trained)
                    : parts.Data.Load(settings.Model, host.Weights, trained);
            parts.Model.Products = settings.Precision;
            var data = parts.Source.Train;
            var history = parts.Model.History;
            parts.Split = EarlierRequests.Split(history, settings.Model, settings.Split, data, host);
            var earlier = EarlierRequests.Of(history, settings.Model, settings.Forgotten, parts.Source, parts.Split, host.Spell);
            if (settings.LeaveOut.Count > 0)
                earlier = [.. earlier.Union(ForgetSet.Resolve(settings.LeaveOut, parts.Source, parts.Split.Train, settings.Seed).Forget)];
            (parts.Set, parts.Copies) = CopyCheck.Resolve(
                settings.Forget,
                settings.AlsoCopies,
                parts.Source,
                parts.Data.Pictures,
                parts.Split,
                settings.Seed,
                host,
                cancel,
                earlier
            );
            parts.RequireKeptTest();
            if (settings.Method.Options is DiffusionOptions { Anchor.Length: > 0 } anchored && PromptBook.IsOf(parts.Model))
                parts.Model = parts.Data.Extend(
                    parts.Model,
                    settings.Model,
                    AnchoredPrompts.Missing(data.ClassNames, parts.Set, anchored.Anchor)
                );
            var task = new UnlearningTask(parts.Model, data, parts.Set, settings.Seed, cancel) { Progress = progress };
            parts.Method = settings.Method.Create(task);
            return parts;
        }
        catch
        {
            parts.Dispose();
            throw;
        }
    }

    // Test accuracy and the attacks are taken on the classes that are kept.
    private void RequireKeptTest()
    {
        var test = Source.Test;
        for (var i = 0; i < test.Count; i++)
            if (!Set.WholeClasses.Contains(test.Label(i)))
                return;
        throw new UserErrorException(
            $"The test part of {Source.Train.Name} has no sample of a class that is kept; add test samples of the other classes, or forget "
                + "less."
        );
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Method?.Dispose();
        Model?.Dispose();
        Data?.Dispose();
        Device?.Dispose();
    }
}

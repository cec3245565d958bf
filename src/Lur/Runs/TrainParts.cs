using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Training;

namespace Lur.Runs;

/// <summary>What a training is made of, opened in this order: device, data, model, split, what is left out, trainer.</summary>
internal sealed class TrainParts : IDisposable
{
    public ComputeDevice Device { get; private set; } = null!;

    public DataSource Source { get; private set; } = null!;

    public Model Model { get; private set; } = null!;

    public DataSplit Split { get; private set; } = null!;

    public ForgetSet? Excluded { get; private set; }

    public int Images { get; private set; }

    public Trainer Trainer { get; private set; } = null!;

    /// <summary>What draws sheets meanwhile; null for none.</summary>
    public TrainSheets? Sheets { get; private set; }

    /// <summary>Opens everything, or nothing.</summary>
    /// <param name="settings">What decides the run.</param>
    /// <param name="host">Where it computes and whom it tells of copies.</param>
    /// <param name="plan">True to learn what a step takes: without a captured graph, and without a search for copies.</param>
    /// <param name="cancel">Stops that search.</param>
    public static TrainParts Open(TrainSettings settings, RunHost host, bool plan, CancellationToken cancel)
    {
        settings.Recipe.Validate();
        var parts = new TrainParts();
        try
        {
            parts.Device = ComputeDevice.Open(host.Device);
            settings.Precision.Require(parts.Device);
            parts.Source = DataAndModel.OpenData(settings.Data, settings.DataOptions, host.Progress);
            parts.Source.RequireTest();
            // One class is enough to draw it.
            if (settings.Diffusion is null)
                parts.Source.RequireClasses();
            var (source, seed) = (parts.Source, settings.Recipe.Seed);
            source.TakeClassOrder(settings.Classes is null ? null : ClassOrder.Match(settings.Classes, source.Train.ClassNames));
            parts.Model = DataAndModel.Create(settings.Model, parts.Device, source, seed, settings.Recipe.Initialization);
            parts.Model.Products = settings.Precision;
            settings.Recipe.Prepare(parts.Model);
            parts.Split = settings.Split ?? DataSplit.Create(source.Train, settings.ValidationShare, seed);
            parts.Excluded = settings.Excluded;
            if (parts.Excluded is null && settings.Exclude.Count > 0)
                parts.Excluded = plan
                    ? ForgetSet.Resolve(settings.Exclude, source, parts.Split.Train, seed)
                    : CopyCheck.Resolve(settings.Exclude, null, source, source, parts.Split, seed, host, cancel).Set;
            var indices = parts.Excluded?.Retain ?? parts.Split.Train;
            parts.Images = indices.Length;
            parts.Trainer = new Trainer(parts.Model, source.Train, indices, settings.Recipe, capture: !plan);
            parts.Sheets = TrainSheets.Of(settings, parts.Model, parts.Trainer, host.Spell);
            return parts;
        }
        catch
        {
            parts.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Sheets?.Dispose();
        Trainer?.Dispose();
        Model?.Dispose();
        Source?.Dispose();
        Device?.Dispose();
    }
}

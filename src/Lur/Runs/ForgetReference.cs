using Lur.Models;
using Lur.Training;
using Lur.Unlearning;
using Lur.Verification;

namespace Lur.Runs;

/// <summary>A run of the method retrain as an entry of the reference cache.</summary>
/// <param name="settings">What decides the run.</param>
/// <param name="host">Where it computes and whom it tells.</param>
/// <param name="parts">What it is made of.</param>
/// <param name="history">What is behind it.</param>
internal sealed class ForgetReference(ForgetSettings settings, RunHost host, ForgetParts parts, ForgetHistory history)
{
    /// <summary>Program that trained a model which was found; null where none was.</summary>
    public string? Producer { get; private set; }

    /// <summary>Finds the entry, or makes it and puts it there.</summary>
    /// <param name="unlearn">Runs the method.</param>
    /// <param name="metadata">Of the model.</param>
    /// <returns>False if the run has nothing to do with the cache.</returns>
    public bool TryFindOrMake(Action unlearn, Func<Dictionary<string, string>> metadata)
    {
        if (settings.References is not { } folder || Training() is not { } training)
            return false;
        var (model, set, made) = (parts.Model, parts.Set, false);
        var stored = new ReferenceModels(host, folder).Get(
            (training, settings.Precision),
            parts.Source,
            parts.Split,
            set,
            model.Architecture,
            entry =>
            {
                made = true;
                unlearn();
                // What the model has not seen, as a training leaves it.
                parts.Split.Save(Path.Combine(entry, OutputFolder.SplitName));
                set.Save(Path.Combine(entry, OutputFolder.ForgetName));
                model.History = EarlierRequests.History(parts.Split, set);
                ModelFile.Save(model, Path.Combine(entry, OutputFolder.ModelName), metadata());
                history.Log.Save(Path.Combine(entry, ReferenceModels.StepsName));
                OutputFolder.WriteJson(
                    Path.Combine(entry, OutputFolder.ResultName),
                    w => w.WriteNumber("seconds", history.Stages.Where(s => RunFolder.IsCounted(s.Stage)).Sum(s => s.Seconds))
                );
            }
        );
        if (!made && parts.Method.Steps > 0)
            Take(stored);
        return true;
    }

    /// <summary>The training that the method repeats; null where it is another method, or no plain training has its result.</summary>
    private ITrainingRecipe? Training()
    {
        Augmentation Resolved(Augmentation given) => given == Augmentation.Auto ? parts.Model.Augmentation : given;
        return settings.Method.Options switch
        {
            RetrainOptions options => Retrain.TrainingOf(options, settings.Seed) is { } t ? t with { Augment = Resolved(t.Augment) } : null,
            DiffusionTrainingOptions d => d with { Seed = settings.Seed, Augment = Resolved(d.Augment) },
            _ => null,
        };
    }

    /// <summary>Takes the weights of a reference that was found, and what is known of its training.</summary>
    private void Take(string stored)
    {
        var model = parts.Model;
        using var found = DataAndModel.Load(stored, parts.Device, parts.Source, model.Precision);
        model.Parameters.CopyFrom(found.Parameters);
        model.Buffers.CopyFrom(found.Buffers);
        Producer = ReferenceCache.ProducerOf(stored);
        // What it took when it was trained: the cost of the method, not of this run.
        history.Stages.Add((RunFolder.RepairStage, ReferenceModels.SecondsOf(stored)));
        var log = Path.Combine(Path.GetDirectoryName(stored)!, ReferenceModels.StepsName);
        history.Log.Take(File.Exists(log) ? File.ReadAllText(log) : ForgetLog.Header);
    }
}

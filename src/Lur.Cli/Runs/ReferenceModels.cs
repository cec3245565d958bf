using System.Text.Json;
using Lur.Data;
using Lur.Layers;
using Lur.Training;
using Lur.Verification;

namespace Lur.Cli.Runs;

/// <summary>Retrain models for a forgetting task, from the cache or trained now by the recipe of the original model.</summary>
internal sealed class ReferenceModels(CommandContext context, string folder)
{
    /// <summary>The log of the steps, where a run of the method retrain made the entry.</summary>
    public const string StepsName = "steps.csv";

    /// <summary>Gives the path of a model trained by a recipe without the forget set.</summary>
    /// <param name="recipe">Settings of the original's training; its seed is replaced.</param>
    /// <param name="source">Data.</param>
    /// <param name="split">Split the original was trained with.</param>
    /// <param name="set">What is left out.</param>
    /// <param name="architecture">Architecture of the original, as its file names it.</param>
    /// <param name="seed">Seed of the reference.</param>
    /// <param name="cancel">Stops with a checkpoint, from which the next call goes on.</param>
    public string Get(TrainSettings recipe, DataSource source, DataSplit split, ForgetSet set, string architecture, ulong seed, CancellationToken cancel)
    {
        var training = recipe.Training with { Seed = seed };
        return Get(training, source, split, set, architecture, work => Train(recipe with { Training = training, Output = work, Model = architecture }, split, set, cancel));
    }

    /// <summary>Gives the path of a model trained without the forget set.</summary>
    /// <param name="training">Recipe and seed.</param>
    /// <param name="source">Data.</param>
    /// <param name="split">Split the original was trained with.</param>
    /// <param name="set">What is left out.</param>
    /// <param name="architecture">Architecture of the original, as its file names it.</param>
    /// <param name="train">Trains it where there is none: leaves model.safetensors and result.json in the folder it is given.</param>
    public string Get(TrainingOptions training, DataSource source, DataSplit split, ForgetSet set, string architecture, Action<string> train)
    {
        // One model, one key: whether the default was spelt out, as config.json does, makes no difference.
        if (training.Augment == Augmentation.Auto) training = training with { Augment = DataAndModel.AugmentationOf(source) };
        return new ReferenceCache(folder).GetOrTrain(new ReferenceKey(split.Fingerprint, DataSplit.HashOf(set.Retain), architecture, training, OutputFolder.Version), train, context.Note);
    }

    /// <summary>Seconds the training of a reference model took; NaN where they were not recorded.</summary>
    /// <param name="model">Path of the model.</param>
    public static double SecondsOf(string model)
    {
        try
        {
            using var result = JsonDocument.Parse(File.ReadAllText(Path.Combine(Path.GetDirectoryName(model)!, "result.json")));
            return result.RootElement.GetProperty("seconds").GetDouble();
        }
        catch (Exception e) when (e is IOException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return double.NaN;
        }
    }

    /// <summary>Reads the settings of a training run from its config.json.</summary>
    /// <param name="folder">Folder of the run.</param>
    /// <param name="data">Data set as it is found now.</param>
    /// <exception cref="UserErrorException">There is none, or it is not of a training run.</exception>
    public static TrainSettings RecipeOf(string folder, string data)
    {
        var path = Path.Combine(folder, "config.json");
        if (!File.Exists(path)) throw new UserErrorException($"'{path}' is missing, so the recipe of the original model is not known; give retrained models with --reference.");
        try
        {
            using var config = JsonDocument.Parse(File.ReadAllText(path));
            var c = config.RootElement;
            if (c.GetProperty("command").GetString() != "train") throw new UserErrorException($"'{path}' is not of a training run; give retrained models with --reference.");
            return TrainSettings.FromJson(c, c.GetProperty("model").GetString()!) with { Data = data };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"'{path}' cannot be read as the configuration of a training run ({e.Message.TrimEnd('.')}); give retrained models with --reference.");
        }
    }

    private void Train(TrainSettings settings, DataSplit split, ForgetSet set, CancellationToken cancel)
    {
        // The split of the original, so that nothing it was validated on slips into the reference.
        split.Save(Path.Combine(settings.Output, "split.json"));
        var forgotten = Path.Combine(settings.Output, "forget.txt");
        set.Save(forgotten);
        context.Note($"training a reference model of seed {settings.Training.Seed} without the forget set");
        var quiet = context.Silenced();
        new TrainRun(quiet, settings with { Exclude = [forgotten], Resume = true }).Run(cancel);
    }
}

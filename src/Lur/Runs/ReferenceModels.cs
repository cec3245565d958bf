using System.Text.Json;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Training;
using Lur.Unlearning;
using Lur.Verification;

namespace Lur.Runs;

/// <summary>Retrain models for a forgetting task, from the cache or trained now by the recipe of the original model.</summary>
internal sealed class ReferenceModels(RunHost host, string folder)
{
    /// <summary>The log of the steps, where a run of the method retrain made the entry.</summary>
    public const string StepsName = "steps.csv";

    /// <summary>What to give in place of a reference that is refused.</summary>
    public const string Remedy = "give a model trained without the forget set, or have one trained for a seed";

    private const string ModelName = "model.safetensors",
        ForgetName = "forget.txt";

    /// <summary>Gives the path of a model trained by a recipe without the forget set.</summary>
    /// <param name="recipe">Settings of the original's training; its seed is replaced.</param>
    /// <param name="source">Data.</param>
    /// <param name="split">Split the original was trained with.</param>
    /// <param name="set">What is left out.</param>
    /// <param name="architecture">Architecture of the original, as its file names it.</param>
    /// <param name="seed">Seed of the reference.</param>
    /// <param name="cancel">Stops with a checkpoint, from which the next call goes on.</param>
    public string Get(
        TrainSettings recipe,
        DataSource source,
        DataSplit split,
        ForgetSet set,
        string architecture,
        ulong seed,
        CancellationToken cancel
    )
    {
        recipe = recipe.Diffusion is { } diffusion
            ? recipe with
            {
                Diffusion = diffusion with { Seed = seed },
            }
            : recipe with
            {
                Training = recipe.Training with { Seed = seed },
            };
        TrainResult? trained = null;
        var model = Get(
            (recipe.Recipe, recipe.Precision),
            source,
            split,
            set,
            architecture,
            work =>
                trained = Train(recipe with { Output = work, Model = architecture, Classes = source.Train.ClassNames }, split, set, cancel)
        );
        // The cache moves the folder when it is whole: where it was trained is no place to look for it.
        if (trained is not null)
            host.Progress?.Report(new TrainingFinished(trained with { Folder = Path.GetDirectoryName(model)!, ModelPath = model }));
        return model;
    }

    /// <summary>Gives the path of a model trained without the forget set.</summary>
    /// <param name="recipe">Recipe with its seed, and what products are rounded to.</param>
    /// <param name="source">Data.</param>
    /// <param name="split">Split the original was trained with.</param>
    /// <param name="set">What is left out.</param>
    /// <param name="architecture">Architecture of the original, as its file names it.</param>
    /// <param name="train">Trains it where there is none: leaves model.safetensors and result.json in the folder it is given.</param>
    public string Get(
        (ITrainingRecipe Training, ProductPrecision Products) recipe,
        DataSource source,
        DataSplit split,
        ForgetSet set,
        string architecture,
        Action<string> train
    )
    {
        var training = recipe.Training;
        // One model, one key: whether the default was spelt out, as config.json does, makes no difference.
        if (training is TrainingOptions { Augment: var augment } options && augment == Augmentation.Auto)
            training = options with { Augment = DataAndModel.AugmentationOf(source) };
        return new ReferenceCache(folder, host.Producer).GetOrTrain(
            new ReferenceKey(
                DataKey(split, source),
                DataSplit.HashOf(set.Retain),
                architecture,
                training,
                ProgramHash.Current(host.Device.Kernels)
            )
            {
                Products = recipe.Products,
            },
            train,
            host.Progress.Note
        );
    }

    /// <summary>The data as a reference sees them: their content and, where a model gave it, the order of the classes.</summary>
    internal static string DataKey(DataSplit split, DataSource source) =>
        source.Train is ClassOrderView view ? $"{split.Fingerprint} classes {string.Join(' ', view.Order)}" : split.Fingerprint;

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

    /// <summary>The model file of a reference that was given, after checking that it has not seen the forget set, as far as the
    /// files beside it tell.</summary>
    /// <param name="path">A model, or the folder of a run of 'lur train --forget' or 'lur forget --method retrain'.</param>
    /// <param name="source">Data.</param>
    /// <param name="set">What was forgotten and retained.</param>
    /// <exception cref="UserErrorException">There is no model, or it is no reference for this forget set.</exception>
    public static string Given(string path, DataSource source, ForgetSet set)
    {
        var model = Directory.Exists(path) ? Path.Combine(path, ModelName) : path;
        if (!File.Exists(model))
            throw new UserErrorException($"The reference '{path}' {(model == path ? "does not exist" : $"has no {ModelName}")}; {Remedy}.");
        if (Path.GetFileName(model) != ModelName)
            return model;
        var folder = Path.GetDirectoryName(Path.GetFullPath(model))!;
        var command = CommandOf(folder);
        // To open the folder of a run is to check its model.
        if (command == "forget")
            RequireRetrained(path, folder, source, set);
        else
            RequireOwnModel(folder);
        if (command == "train" && SeenBy(folder, source, set) is > 0 and var seen)
            throw new UserErrorException(
                $"The reference '{path}' was trained on {seen} of the {set.Forgotten.Length} samples to forget; train it with "
                    + $"'lur train --forget' and the run's forget.txt, or have one trained for a seed."
            );
        return model;
    }

    private static void RequireRetrained(string path, string folder, DataSource source, ForgetSet set)
    {
        using var run = RunFolder.Open(folder);
        if (run.Method != Retrain.Definition.Name)
            throw new UserErrorException(
                $"The reference '{path}' is a run of the method {run.Method}, which began with a model that knew the forget set; {Remedy}."
            );
        // What it has seen decides, not which of several requests it was made for.
        var retained = set.Retain.Select(i => (double)source.Train.Identify(i).Number);
        if (!run.Result.Numbers("samples", "retain", "index").SequenceEqual(retained))
            throw new UserErrorException($"The reference '{path}' was retrained without other samples than the run forgot; {Remedy}.");
    }

    /// <summary>What lies beside a model speaks of it only as long as nobody has put another one there.</summary>
    private static void RequireOwnModel(string folder)
    {
        try
        {
            using var result = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, OutputFolder.ResultName)));
            RunFolder.RequireModel(folder, result.RootElement);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // Nothing is known of it, and nothing is believed.
        }
    }

    /// <summary>The command that made a folder, by its config.json; empty where there is none to read.</summary>
    public static string CommandOf(string folder)
    {
        try
        {
            using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
            return config.RootElement.Text("command");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return "";
        }
    }

    /// <summary>How many of the samples to forget a training run was trained on; 0 where its folder does not tell.</summary>
    private static int SeenBy(string folder, DataSource source, ForgetSet set)
    {
        string split = Path.Combine(folder, "split.json"),
            forgotten = Path.Combine(folder, ForgetName);
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        var excludes = config.RootElement.Find("exclude") is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0;
        if (!File.Exists(split) || (excludes && !File.Exists(forgotten)))
            return 0;
        var trained = DataSplit.Load(split, source.Train).Train;
        if (excludes)
            trained = ForgetSet.Resolve([forgotten], source, trained, 1).Retain;
        return set.Forgotten.Intersect(trained).Count();
    }

    /// <summary>Folder of the training that a model began with, however many requests lie between.</summary>
    /// <param name="model">Path of the model.</param>
    public static string TrainingOf(string model)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(model)) ?? ".";
        for (var hops = 0; hops < 1000 && CommandOf(folder) == "forget"; hops++)
            folder = Path.GetDirectoryName(Path.GetFullPath(ForgetTask.Read(folder, null, null).Original)) ?? ".";
        return folder;
    }

    /// <summary>Reads the settings of a training run from its config.json.</summary>
    /// <param name="folder">Folder of the run.</param>
    /// <param name="data">Data set as it is found now.</param>
    /// <exception cref="UserErrorException">There is none, or it is not of a training run.</exception>
    public static TrainSettings RecipeOf(string folder, string data)
    {
        var path = Path.Combine(folder, "config.json");
        if (!File.Exists(path))
            throw new UserErrorException(
                $"'{path}' is missing, so the recipe of the original model is not known; give retrained models as references."
            );
        try
        {
            using var config = JsonDocument.Parse(File.ReadAllText(path));
            var c = config.RootElement;
            if (c.GetProperty("command").GetString() != "train")
                throw new UserErrorException($"'{path}' is not of a training run; give retrained models as references.");
            return TrainSettings.FromJson(c, c.GetProperty("model").GetString()!) with { Data = data };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException(
                $"'{path}' cannot be read as the configuration of a training run ({e.Message.TrimEnd('.')}); give retrained "
                    + $"models as references."
            );
        }
    }

    private TrainResult Train(TrainSettings settings, DataSplit split, ForgetSet set, CancellationToken cancel)
    {
        host.Progress.Note($"training a reference model of seed {settings.Recipe.Seed} without the forget set");
        var resume = TrainRun.CanResume(settings.Output);
        var quiet = host with { Progress = host.Progress is { } progress ? new ButForTheEnd(progress) : null };
        // The folder is the cache's own: whatever lies there is of an interrupted attempt.
        return new TrainRun(settings with { Split = split, Excluded = set, Resume = resume, Overwrite = true }, quiet).Run(cancel);
    }

    /// <summary>Passes on all but the end of a training.</summary>
    private sealed class ButForTheEnd(IProgress<RunEvent> to) : IProgress<RunEvent>
    {
        public void Report(RunEvent value)
        {
            if (value is not TrainingFinished)
                to.Report(value);
        }
    }
}

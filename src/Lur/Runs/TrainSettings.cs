using System.Text.Json;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Training;

namespace Lur.Runs;

/// <summary>Everything that decides a training run.</summary>
public sealed record TrainSettings
{
    /// <summary>Data set, as <see cref="DataSource.Open"/> takes it.</summary>
    public required string Data { get; init; }

    /// <summary>Architecture, for example <c>resnet18:w16</c>.</summary>
    public required string Model { get; init; }

    /// <summary>Folder for everything the run leaves behind; created where it is missing.</summary>
    public required string Output { get; init; }

    /// <summary>Recipe and seed.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>Recipe and seed of a diffusion model; null for a classifier, whose is <see cref="Training"/>.</summary>
    public DiffusionTrainingOptions? Diffusion { get; init; }

    /// <summary>The recipe that holds.</summary>
    public ITrainingRecipe Recipe => (ITrainingRecipe?)Diffusion ?? Training;

    /// <summary>What the factors of matrix products and convolutions are rounded to in the steps; what prepares, judges or draws is in
    /// float32.</summary>
    public ProductPrecision Precision { get; init; }

    /// <summary>How the data are read.</summary>
    public DataOptions DataOptions { get; init; } = new();

    /// <summary>Share of each class held out of training to validate with, in [0, 1).</summary>
    public double ValidationShare { get; init; }

    /// <summary>Samples left out of training, in the forms that <see cref="ForgetSet"/> resolves.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Steps between checkpoints; 0 writes one only when the run is cancelled.</summary>
    public long CheckpointEvery { get; init; }

    /// <summary>Steps between sheets of images that a model draws while it is trained, sheet-STEP.png; there is one of the last step, too.
    /// 0 for none. They change nothing about the model.</summary>
    public long SheetEvery { get; init; }

    /// <summary>Draws a sheet, as <see cref="SampleSettings.Sheet"/>.</summary>
    public Action<Stream, IReadOnlyList<IReadOnlyList<byte[]>>, (int Channels, int Height, int Width)>? Sheet { get; init; }

    /// <summary>Go on from the checkpoint in the output folder, which must be there; the result is the same to the byte.</summary>
    public bool Resume { get; init; }

    /// <summary>Replace what an earlier run left in the output folder, once this one has its results.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Samples left out of training, resolved; null for <see cref="Exclude"/>.</summary>
    internal ForgetSet? Excluded { get; init; }

    /// <summary>The split to train on; null draws it from <see cref="ValidationShare"/> and the seed. References take that of the
    /// original, so that nothing it was validated on slips into them.</summary>
    internal DataSplit? Split { get; init; }

    /// <summary>Classes in the order that the model is to have; null for that of the data. References take that of the
    /// original.</summary>
    internal IReadOnlyList<string>? Classes { get; init; }

    /// <summary>Reads the fields that config.json of a training run and "train" of a recipe share; what is missing is the
    /// default. Data and output are left empty.</summary>
    /// <param name="c">JSON object.</param>
    /// <param name="model">Architecture.</param>
    /// <exception cref="UserErrorException">A field that is there is out of range.</exception>
    internal static TrainSettings FromJson(JsonElement c, string model)
    {
        T Or<T>(string name, Func<JsonElement, T> read, T missing) => c.TryGetProperty(name, out var value) ? read(value) : missing;
        var seed = Or("seed", v => v.GetUInt64(), 1UL);
        var diffusion = UNetFamily.Instance.Claims(model);
        var texts = OptionJson.ReadFields(c, diffusion ? DiffusionTrainingOptions.List : TrainingOptions.List);
        // As files had it once: augmented or not.
        if (texts.TryGetValue("augment", out var augment) && augment is "true" or "false")
            texts["augment"] = (augment == "true" ? Augmentation.Auto : Augmentation.None).Name;
        return new TrainSettings
        {
            Data = "",
            Output = "",
            Model = model,
            Training = diffusion ? new() : TrainingOptions.Read("a training", texts) with { Seed = seed },
            Diffusion = diffusion ? DiffusionTrainingOptions.Read("a training", texts) with { Seed = seed } : null,
            ValidationShare = Or("validation", v => v.GetDouble(), 0.0),
            Precision = Or("precision", v => ProductPrecisions.Parse(v.GetString()!), ProductPrecision.Float32),
            CheckpointEvery = 500,
        };
    }
}

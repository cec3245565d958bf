using System.Globalization;
using Lur.Models;

namespace Lur.Tasks.Diffusion;

/// <summary>How noise is added to the training images of a model; the model keeps it (<see cref="Model.TaskSettings"/>).</summary>
/// <param name="Config">Noise and prediction.</param>
/// <param name="Antithetic">True where half of the time steps of a batch mirror the others (Song, Meng, Ermon 2021).</param>
/// <param name="ConditionDrop">Share of the samples whose class is dropped, for guidance (Ho, Salimans 2022).</param>
public sealed record DiffusionNoise(SchedulerConfig Config, bool Antithetic, double ConditionDrop)
{
    /// <summary>Key of the scheduler, the text of a scheduler_config.json.</summary>
    public const string SchedulerKey = DiffusersFolder.SchedulerKey;

    private const string AntitheticKey = "antithetic",
        DropKey = "condition-drop";

    /// <summary>Betas and their products.</summary>
    public NoiseSchedule Schedule { get; } = NoiseSchedule.Of(Config);

    /// <summary>What a model says; the defaults where it says nothing, as an imported one.</summary>
    /// <exception cref="UserErrorException">It cannot be used.</exception>
    public static DiffusionNoise Of(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var settings = model.TaskSettings;
        var config = settings.TryGetValue(SchedulerKey, out var json)
            ? SchedulerConfig.Read(json, "the scheduler of the model")
            : SchedulerConfig.Default(SchedulerClass.Ddpm);
        var drop = settings.TryGetValue(DropKey, out var text)
            ? double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1
                ? share
                : throw new UserErrorException($"The model's setting '{DropKey}' is '{text}', expected a number from 0 to 1.")
            : 0.1;
        return new DiffusionNoise(config, settings.GetValueOrDefault(AntitheticKey, "true") == "true", drop);
    }

    /// <summary>Puts it on a model.</summary>
    public void Save(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.TaskSettings[SchedulerKey] = Config.ToJson();
        model.TaskSettings[AntitheticKey] = Antithetic ? "true" : "false";
        model.TaskSettings[DropKey] = ConditionDrop.ToString("R", CultureInfo.InvariantCulture);
    }
}

using Lur.Models;
using Lur.Optimizers;
using Lur.Tensors;

namespace Lur.Training;

/// <summary>Options of supervised training; the defaults are the recipe of methods 7.2 at the length of a demo.</summary>
public sealed record TrainingOptions
{
    /// <summary>Passes over the training samples.</summary>
    public int Epochs { get; init; } = 20;

    /// <summary>Batch size.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Base learning rate.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Momentum.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Nesterov momentum.</summary>
    public bool Nesterov { get; init; } = true;

    /// <summary>Weight decay, on every parameter.</summary>
    public double WeightDecay { get; init; } = 5e-4;

    /// <summary>Learning-rate schedule over the run.</summary>
    public string Schedule { get; init; } = "onecycle";

    /// <summary>How convolution filters start.</summary>
    public WeightInitialization Initialization { get; init; } = WeightInitialization.TorchDefault;

    /// <summary>Random changes of the images.</summary>
    public Augmentation Augment { get; init; } = Augmentation.Auto;

    /// <summary>Seed of initialisation, order and augmentation.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Refuses values that make no sense.</summary>
    /// <exception cref="UserErrorException">An option is out of range; names it and its range.</exception>
    public void Validate()
    {
        _ = LearningRateSchedule.Parse(Schedule);
        Require(Epochs >= 0, "epochs", "at least 0", Epochs);
        Require(BatchSize is >= 1 and <= 65536, "batch", "from 1 to 65536", BatchSize);
        Require(LearningRate > 0 && double.IsFinite(LearningRate), "lr", "above 0", LearningRate);
        Require(Momentum is >= 0 and < 1, "momentum", "in [0, 1)", Momentum);
        Require(!Nesterov || Momentum > 0, "momentum", "above 0 with Nesterov", Momentum);
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), "weight-decay", "at least 0", WeightDecay);
    }

    private static void Require(bool condition, string option, string range, double value)
    {
        if (!condition)
            throw new UserErrorException(FormattableString.Invariant($"Option --{option} is {value}; it must be {range}."));
    }
}

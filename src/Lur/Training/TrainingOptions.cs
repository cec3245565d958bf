using Lur.Models;
using Lur.Optimizers;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;

namespace Lur.Training;

/// <summary>Options of supervised training; the defaults are a ResNet's usual recipe at the length of a demo.</summary>
[Options]
public sealed partial record TrainingOptions : OptionRecord, ITrainingRecipe
{
    private const string Ours = "ours",
        Salun = "public code of SalUn (main_train.py)";

    /// <summary>Passes over the training images.</summary>
    [Option("epochs", 20, Source = Ours, Least = 0)]
    public partial int Epochs { get; init; }

    /// <summary>Batch size.</summary>
    [Option("batch", 128, Source = Ours, Least = 1, Most = 65536)]
    public partial int BatchSize { get; init; }

    /// <summary>Peak learning rate.</summary>
    [Option("lr", 0.1, Source = Salun, Above = 0)]
    public partial double LearningRate { get; init; }

    /// <summary>Momentum of SGD.</summary>
    [Option("momentum", 0.9, Source = Salun, Least = 0, Below = 1)]
    public partial double Momentum { get; init; }

    /// <summary>Nesterov momentum.</summary>
    [Option("no-nesterov", true, Source = Ours, Description = "Plain instead of Nesterov momentum.")]
    public partial bool Nesterov { get; init; }

    /// <summary>Weight decay, on every parameter.</summary>
    [Option("weight-decay", 5e-4, Source = Salun, Least = 0)]
    public partial double WeightDecay { get; init; }

    /// <summary>constant, cosine, onecycle, or multistep:91,136/182 (epochs of the total).</summary>
    [Option("schedule", "onecycle", Source = Ours)]
    public partial string Schedule { get; init; }

    /// <summary>Initial filters: torch (uniform, 1/sqrt(fan in)) or kaiming (normal, fan out; the papers' ResNet-18).</summary>
    [Option("init", WeightInitialization.TorchDefault, Source = Ours)]
    public partial WeightInitialization Initialization { get; init; }

    /// <summary>Random changes of training images: crop (padding an eighth, at most 4), horizontal flip, crop+flip, none; auto is crop
    /// for IDX files (a mirrored digit is another sign) and crop+flip for other data. The model keeps it: methods that unlearn make the
    /// same.</summary>
    [Option("augment", "auto", Source = Salun)]
    public partial Augmentation Augment { get; init; }

    /// <summary>Largest deviation of Gaussian noise on training images in [-1, 1]; each image has a deviation of its own, uniform from
    /// 0. Methods that unlearn add none.</summary>
    [Option("augment-noise", 0.0, Source = Ours, Least = 0)]
    public partial double AugmentNoise { get; init; }

    /// <summary>Seed of initialisation, order and augmentation.</summary>
    public ulong Seed { get; init; } = 1;

    double ITrainingRecipe.LargestNorm => 0;

    AverageOptions? ITrainingRecipe.Average => null;

    /// <inheritdoc/>
    public Optimizer Optimizer(FlatVector parameters) => new Sgd(parameters, new SgdOptions(LearningRate, Momentum, WeightDecay, Nesterov));

    /// <inheritdoc/>
    public LearningTask TaskOf(Model model) => new ClassificationTask(model) { Grain = AugmentNoise };

    /// <inheritdoc/>
    public void Prepare(Model model) { }

    IReadOnlyList<(string Name, string Value)> ITrainingRecipe.Identity() => Identity(Seed);

    /// <inheritdoc/>
    public OptionRecord Record(Augmentation augmentation) => this with { Augment = augmentation };

    partial void Check()
    {
        _ = LearningRateSchedule.Parse(Schedule);
        if (Nesterov && Momentum == 0)
            throw Refusal("[Momentum] is 0; it must be above 0 with Nesterov.");
    }
}

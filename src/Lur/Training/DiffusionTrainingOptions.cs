using Lur.Models;
using Lur.Optimizers;
using Lur.Tasks.Diffusion;
using Lur.Tensors;

namespace Lur.Training;

/// <summary>Which time steps a batch is given.</summary>
public enum TimestepDraw
{
    /// <summary>Half of them mirror the others: less variance.</summary>
    [Choice("antithetic")]
    Antithetic,

    /// <summary>Each by itself.</summary>
    [Choice("uniform")]
    Uniform,
}

/// <summary>What the network of a diffusion model is to give.</summary>
public enum DiffusionPrediction
{
    /// <summary>The noise.</summary>
    [Choice("noise")]
    Noise,

    /// <summary>The velocity (Salimans, Ho 2022).</summary>
    [Choice("v")]
    Velocity,
}

/// <summary>How noise grows with the time step.</summary>
public enum NoiseGrowth
{
    /// <summary>Evenly spaced betas, 1e-4 to 0.02 (Ho, Jain, Abbeel 2020).</summary>
    [Choice("linear")]
    Linear,

    /// <summary>Squares of evenly spaced roots, 0.00085 to 0.012 (Rombach et al. 2022).</summary>
    [Choice("scaled-linear")]
    ScaledLinear,

    /// <summary>A squared cosine (Nichol, Dhariwal 2021).</summary>
    [Choice("cosine")]
    Cosine,
}

/// <summary>Options of training a diffusion model; the defaults are those of Ho, Jain and Abbeel (2020) with
/// velocity in place of noise, at the length of a demo.</summary>
[Options]
public sealed partial record DiffusionTrainingOptions : OptionRecord, ITrainingRecipe
{
    private const string Ours = "ours",
        Ddpm = "Ho, Jain, Abbeel 2020",
        Sa = "public code of Selective Amnesia";

    /// <summary>Passes over the training images.</summary>
    [Option("epochs", 100, Source = Ours, Least = 0)]
    public partial int Epochs { get; init; }

    /// <summary>Batch size.</summary>
    [Option("batch", 64, Source = Ours, Least = 1, Most = 65536)]
    public partial int BatchSize { get; init; }

    /// <summary>Learning rate of Adam.</summary>
    [Option("lr", 2e-4, Source = Ddpm, Above = 0)]
    public partial double LearningRate { get; init; }

    /// <summary>constant, cosine, onecycle, or multistep:91,136/182; after warmup:500+ the rate rises first.</summary>
    [Option("schedule", "constant", Source = Ddpm)]
    public partial string Schedule { get; init; }

    /// <summary>Decay of Adam's first moment.</summary>
    [Option("beta1", 0.9, Source = Ddpm, Least = 0, Below = 1)]
    public partial double Beta1 { get; init; }

    /// <summary>Decay of Adam's second moment.</summary>
    [Option("beta2", 0.999, Source = Ddpm, Least = 0, Below = 1)]
    public partial double Beta2 { get; init; }

    /// <summary>Weight decay, decoupled from the gradient (AdamW).</summary>
    [Option("weight-decay", 0.0, Source = Ddpm, Least = 0)]
    public partial double WeightDecay { get; init; }

    /// <summary>Largest norm of a gradient; 0 for any.</summary>
    [Option("clip", 1.0, Source = Ddpm, Least = 0)]
    public partial double LargestNorm { get; init; }

    /// <summary>Decay of the averaged weights, which are the model; 0 for the weights themselves. It rises with the steps.</summary>
    [Option("average", 0.999, Source = Ours, Least = 0, Below = 1)]
    public partial double AverageDecay { get; init; }

    /// <summary>What the network gives: v, with which small models draw clean images after few steps, or noise (Ho, Jain, Abbeel
    /// 2020).</summary>
    /// <remarks>Rendered digits of 28 x 28 pixels, unet:c16:m1,2,2:attn7:r1, batches of 16, rate 1e-3: with v digits are legible after 400
    /// steps and clean after 1,125; with noise the sheet is noise after 400, and the digits are faint in it after 1,125. The generated
    /// shapes, unet:c32:m1,2:attn8:r1, 528 steps of 32, the same rate: with v every class is told at a glance; with noise the sheet is
    /// grain in which some are guessed.</remarks>
    [Option("prediction", DiffusionPrediction.Velocity, Source = "ours: v of Salimans, Ho 2022")]
    public partial DiffusionPrediction Prediction { get; init; }

    /// <summary>How noise grows: linear, scaled-linear, or cosine.</summary>
    [Option("noise", NoiseGrowth.Linear, Source = Ddpm)]
    public partial NoiseGrowth Noise { get; init; }

    /// <summary>Time steps from image to noise.</summary>
    [Option("timesteps", 1000, Source = Ddpm, Least = 1, Most = 1_000_000)]
    public partial int Timesteps { get; init; }

    /// <summary>Which time steps a batch is given: antithetic, or uniform.</summary>
    [Option("timestep-draw", TimestepDraw.Antithetic, Source = Sa)]
    public partial TimestepDraw TimestepDraw { get; init; }

    /// <summary>Share of the samples whose class is dropped, which guidance needs.</summary>
    [Option("condition-drop", 0.1, Source = Sa, Least = 0, Most = 1)]
    public partial double ConditionDrop { get; init; }

    /// <summary>Random changes of training images: flip, crop, crop+flip, none; auto is none for IDX files (a mirrored digit is another
    /// sign) and flip for other data.</summary>
    [Option("augment", "auto", Source = Sa)]
    public partial Augmentation Augment { get; init; }

    /// <summary>Seed of initialisation, order, noise and time steps.</summary>
    public ulong Seed { get; init; } = 1;

    WeightInitialization ITrainingRecipe.Initialization => WeightInitialization.TorchDefault;

    /// <summary>The average of the weights; null for none.</summary>
    public AverageOptions? Average => AverageDecay > 0 ? new AverageOptions(AverageDecay) : null;

    /// <inheritdoc/>
    public Optimizer Optimizer(FlatVector parameters) =>
        new Adam(parameters, new AdamOptions(LearningRate, Beta1, Beta2, WeightDecay: WeightDecay, Decoupled: true));

    /// <summary>Tells a model how noise is added.</summary>
    public void Prepare(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var latent = Noise == NoiseGrowth.ScaledLinear;
        var config = SchedulerConfig.Default(SchedulerClass.Ddpm) with
        {
            TrainTimesteps = Timesteps,
            BetaStart = latent ? 0.00085 : 1e-4,
            BetaEnd = latent ? 0.012 : 0.02,
            Betas = Noise switch
            {
                NoiseGrowth.Linear => BetaSchedule.Linear,
                NoiseGrowth.ScaledLinear => BetaSchedule.ScaledLinear,
                _ => BetaSchedule.SquaredCosine,
            },
            Prediction = Prediction == DiffusionPrediction.Noise ? PredictionType.Epsilon : PredictionType.VPrediction,
        };
        new DiffusionNoise(config, TimestepDraw == TimestepDraw.Antithetic, ConditionDrop).Save(model);
    }

    IReadOnlyList<(string Name, string Value)> ITrainingRecipe.Identity() => Identity(Seed);

    /// <inheritdoc/>
    public OptionRecord Record(Augmentation augmentation) => this with { Augment = augmentation };

    partial void Check() => _ = LearningRateSchedule.Parse(Schedule);
}

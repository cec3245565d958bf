using Lur.Losses;
using Lur.Models;
using Lur.Steps;

namespace Lur.Tasks.Diffusion;

/// <summary>Drawing images of a class by undoing noise: the batches are noisy images, and the loss is the mean squared error of the
/// predicted noise, velocity or image (Ho, Jain, Abbeel 2020).</summary>
public sealed class DiffusionTask : LearningTask
{
    /// <summary>The task of a UNet.</summary>
    /// <param name="model">The model.</param>
    /// <param name="antithetic">Whether time steps of a batch mirror one another; null for what the model says.</param>
    /// <exception cref="UserErrorException">What the model says of its noise cannot be used.</exception>
    public DiffusionTask(Model model, bool? antithetic = null)
        : base(model)
    {
        Spec = (UNetSpec)model.Spec;
        var noise = DiffusionNoise.Of(model);
        Noise = noise with { Antithetic = antithetic ?? noise.Antithetic };
    }

    /// <summary>The network.</summary>
    public UNetSpec Spec { get; }

    /// <summary>How noise is added.</summary>
    public DiffusionNoise Noise { get; private init; }

    /// <summary>True where images of uniform noise stand in for those of the batch, under the labels that it has.</summary>
    public bool Surrogate { get; private init; }

    /// <summary>For each class the one that images of it are shown under; null for their own.</summary>
    public IReadOnlyList<int>? Conditions { get; private init; }

    /// <summary>The task of forgetting: no row is shown without a class.</summary>
    /// <param name="surrogate">Whether uniform noise stands in for the images (Heng, Soh 2023).</param>
    /// <param name="conditions">For each class the one that its images are shown under (Kumari et al. 2023); null for their own.</param>
    public DiffusionTask Forgetting(bool surrogate = false, IReadOnlyList<int>? conditions = null) =>
        new(Model)
        {
            Noise = Noise with { ConditionDrop = 0 },
            Surrogate = surrogate,
            Conditions = conditions,
        };

    /// <inheritdoc/>
    public override LossFactory Loss => Squared(1);

    /// <inheritdoc/>
    public override LossFactory Ascent => Squared(-1);

    /// <summary>A multiple of the mean squared error against what the batch is made of.</summary>
    public static LossFactory Squared(double coefficient) =>
        site => new MeanSquaredError(site.Program, site.Name, site.Output, RowsOf(site).Target, coefficient);

    /// <summary>The noisy rows behind a loss.</summary>
    public static INoisyBatch RowsOf(LossSite site) =>
        site.Batch as INoisyBatch
        ?? throw new ArgumentException($"The rows of '{site.Name}' have no noise to predict, which a diffusion loss needs.", nameof(site));

    /// <inheritdoc/>
    public override BatchStage Batch(Program program, string name, int rows, bool augment, ulong seed, bool fed = true) =>
        new DiffusionBatch(program, name, rows, this, augment, seed, fed);
}

using Lur.Layers;
using Lur.Models;
using Lur.Steps;

namespace Lur.Tasks.Diffusion;

/// <summary>A batch of images with noise added on the device, each at a time step of its own, and in training with some conditions
/// dropped. Every draw is a function of the seed, what it is for, and the number of the sample: a pass that is run again sees the
/// same.</summary>
public sealed class DiffusionBatch : BatchStage, INoisyBatch
{
    private readonly BatchImages _images;

    /// <summary>Declares the buffers and emits upload, augmentation and noise.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the random streams.</param>
    /// <param name="batch">Batch size.</param>
    /// <param name="task">Gives the model, the noise and what is dropped.</param>
    /// <param name="augment">False for evaluation: images as they are, and no condition or element is dropped.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="fed">False where no feed will fill it.</param>
    public DiffusionBatch(Program program, string name, int batch, DiffusionTask task, bool augment, ulong seed, bool fed = true)
        : base(program, name, batch, task.Model, seed, fed)
    {
        _images = EmitImages(name, task.Model, augment);
        var (spec, noise, state) = (task.Spec, task.Noise, RandomState.At<ulong>(0));
        var clean = task.Surrogate ? DiffusionDraws.Surrogate(program, name, _images.Images.Shape, state) : _images.Images;
        Times = DiffusionDraws.Timesteps(program, name, batch, noise.Schedule.Count, noise.Antithetic, state);
        var drawn = DiffusionDraws.Noise(program, name, clean.Shape, state);
        (Noisy, Target) = DiffusionDraws.AddNoise(program, name, noise.Schedule, noise.Config.Prediction, clean, drawn, Times);
        if (spec.Condition != ClassCondition.None)
        {
            var labels = task.Conditions is { } other ? DiffusionDraws.MapClasses(program, name, DeviceLabels, [.. other]) : DeviceLabels;
            Classes =
                augment && spec.NullRow && noise.ConditionDrop > 0
                    ? DiffusionDraws.DropConditions(program, name, labels, spec.ClassCount, noise.ConditionDrop, state)
                    : labels;
        }

        if (augment && spec.Dropout > 0)
            Random = new RandomSource(RandomState, name);
    }

    /// <summary>The images without noise, in [-1, 1], real [N, H, W, C].</summary>
    public override Value Input => _images.Images;

    /// <inheritdoc/>
    public Value Noisy { get; }

    /// <inheritdoc/>
    public Value Times { get; }

    /// <inheritdoc/>
    public Value? Classes { get; }

    /// <inheritdoc/>
    public Value Target { get; }

    /// <inheritdoc/>
    public RandomSource? Random { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, Value Value)> Inputs => NoisyRows.InputsOf(this);

    /// <inheritdoc/>
    public override IBatch Part(Program program, string name, int start, int rows) => NoisyRows.PartOf(this, program, name, start, rows);
}

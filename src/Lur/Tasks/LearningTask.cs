using Lur.Models;
using Lur.Steps;
using Lur.Tasks.Classification;
using Lur.Tasks.Diffusion;

namespace Lur.Tasks;

/// <summary>What a model is for: how a batch is made from samples, and the loss on it. Methods speak of its loss on the data to keep
/// and on the data to forget, and leave labels to it.</summary>
public abstract class LearningTask
{
    private protected LearningTask(Model model) => Model = model;

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>The loss a model is trained with; a mean over rows.</summary>
    public abstract LossFactory Loss { get; }

    /// <summary>Its negative: descending it ascends the loss.</summary>
    public abstract LossFactory Ascent { get; }

    /// <summary>The task of a model.</summary>
    public static LearningTask Of(Model model) => model.Spec is UNetSpec ? new DiffusionTask(model) : new ClassificationTask(model);

    /// <summary>Declares a batch in a program.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the random streams.</param>
    /// <param name="rows">Batch size.</param>
    /// <param name="augment">False for samples as they are: evaluation.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="fed">False where no feed will fill it: one batch on the device in place of two.</param>
    public abstract BatchStage Batch(Program program, string name, int rows, bool augment, ulong seed, bool fed = true);
}

using Lur.Models;
using Lur.Optimizers;
using Lur.Tasks;
using Lur.Tensors;

namespace Lur.Training;

/// <summary>How a model is trained, whatever it is for.</summary>
public interface ITrainingRecipe
{
    /// <summary>Passes over the training images.</summary>
    int Epochs { get; }

    /// <summary>Batch size.</summary>
    int BatchSize { get; }

    /// <summary>Peak learning rate.</summary>
    double LearningRate { get; }

    /// <summary>Schedule of the rate, see <see cref="LearningRateSchedule.Parse"/>.</summary>
    string Schedule { get; }

    /// <summary>Random changes of training images.</summary>
    Augmentation Augment { get; }

    /// <summary>How filters start.</summary>
    WeightInitialization Initialization { get; }

    /// <summary>Seed of initialisation, order and every draw.</summary>
    ulong Seed { get; }

    /// <summary>Largest norm of a gradient; 0: it is not clipped.</summary>
    double LargestNorm { get; }

    /// <summary>How the weights are averaged, which then are the model; null: not at all.</summary>
    AverageOptions? Average { get; }

    /// <summary>Refuses values out of range.</summary>
    void Validate();

    /// <summary>Makes the optimiser.</summary>
    Optimizer Optimizer(FlatVector parameters);

    /// <summary>What a model is trained for.</summary>
    LearningTask TaskOf(Model model) => LearningTask.Of(model);

    /// <summary>Tells a new model what it has to know of its training.</summary>
    void Prepare(Model model);

    /// <summary>What a checkpoint is known by: name and text of each option, and the seed.</summary>
    IReadOnlyList<(string Name, string Value)> Identity();

    /// <summary>Options with their texts, for config.json; the augmentation as the model has it.</summary>
    OptionRecord Record(Augmentation augmentation);
}

using Lur.Layers;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Gradients of the negated loss on forget batches at the current weights, normalised by running statistics.</summary>
internal sealed class MemoryGradients : IDisposable
{
    private readonly Model _model;
    private readonly bool _accumulate;
    private readonly MethodFeed _feed;
    private readonly Program _program;
    private readonly BatchStage _stage;
    private readonly FlatVector _gradient;

    /// <summary>Plans the evaluation.</summary>
    /// <param name="model">Model whose gradients are taken.</param>
    /// <param name="feed">Forget batches, see <see cref="FeedOf"/>; its owner frees it.</param>
    /// <param name="options">Batch size, augmentation, seed.</param>
    /// <param name="accumulate">True to make memory i the sum of the gradients up to i, as the public code does.</param>
    public MemoryGradients(Model model, MethodFeed feed, RepairOptions options, bool accumulate)
    {
        (_model, _feed, _accumulate) = (model, feed, accumulate);
        _program = new Program(_model.Device, _model.Precision);
        var task = LearningTask.Of(model);
        _stage = task.Batch(_program, "memory", options.BatchSize, options.Augment, options.Seed);
        _gradient = new FlatVector(_model.Device, _model.Precision, _model.Parameters.Layout, "memory gradient");
        _ = new GradientEvaluation(_program, "memory", _model, _model.Parameters, _stage, task.Ascent, NormalizationMode.Frozen, _gradient);
    }

    /// <summary>Forget batches in the order of the memories.</summary>
    public static MethodFeed FeedOf(UnlearningTask task, RepairOptions options) => new(task, "memory", task.Set.Forget, options.BatchSize);

    /// <summary>Bytes of its flat vector.</summary>
    public long Bytes => _gradient.Bytes;

    /// <summary>Takes the memories anew; waits for the device after each batch.</summary>
    public void Refresh(MemoryProjection projection)
    {
        FlatVector? previous = null;
        projection.Remember(
            (_, memory) =>
            {
                _feed.Fill(_stage);
                _program.Run();
                memory.CopyFrom(_gradient);
                if (_accumulate && previous is not null)
                {
                    _model
                        .Device.Kernels(_model.Precision)
                        .Vector.VectorAxpy(_model.Device.Elements(memory.Count), memory.Pointer, previous.Pointer, memory.Count, 1);
                }

                previous = memory;
                _model.Device.Synchronize();
            }
        );
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _program.Dispose();
        _gradient.Dispose();
    }
}

using Lur.Device;
using Lur.Layers;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>Boundary expand (Chen et al., CVPR 2023): trains the forget samples to a class of their own, one output more than the
/// model has, and takes that output away again (methods 5).</summary>
/// <remarks>Works on a widened copy: fc gets one more row, drawn as torch draws it; the old rows stay. <see cref="Finish"/>
/// writes everything but the extra row back into the model.</remarks>
public sealed class BoundaryExpandMethod : UnlearningMethod
{
    private readonly RepairOptions _options;
    private readonly TrainedModel _widened;
    private readonly FlatVector _momentum;
    private readonly BatchFeed _feed;
    private readonly SupervisedStep _step;

    private BoundaryExpandMethod(UnlearningTask task, RepairOptions options)
        : base(task)
    {
        _options = options = options with { Seed = task.Seed };
        _widened = Widen();
        _momentum = new FlatVector(Model.Device, Model.Precision, _widened.Parameters.Layout, "momentum");
        _feed = new BatchFeed(task.Data, task.Set.Forget, options.BatchSize, RandomStream.StreamOf("order/forget", (long)options.Seed));
        _step = new SupervisedStep(_widened, _momentum, options, "forget", LossSpec.CrossEntropy, options.ForgetMode);
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } = new("boundary-expand", "Boundary expand",
        "Trains forget samples to an output of their own that is added for this and stripped at the end.",
        MethodNeeds.ForgetData,
        "Chen, Gao, Liu, Peng, Wang, CVPR 2023, Boundary Unlearning; boundary_ex.py of the public code of SalUn",
        "The extra output is stripped, as in the paper; the public code evaluates with it, which a model of the same architecture cannot. Running statistics stay (--bn both for the public code's way).",
        RepairOptions.Options(1e-6, 10, "public code of SalUn; 5e-6 for half of the data, 1e-5 for other data sets"),
        values =>
        {
            var options = RepairOptions.Read(values);
            return task => new BoundaryExpandMethod(task, options);
        });

    /// <inheritdoc/>
    public override int StepsPerEpoch => _feed.BatchesPerEpoch;

    /// <inheritdoc/>
    public override long Steps => (long)StepsPerEpoch * _options.Epochs;

    /// <inheritdoc/>
    public override StepProgram Program => _step.Program;

    /// <inheritdoc/>
    public override long VectorBytes => _step.Gradient.Bytes + _widened.Parameters.Bytes;

    /// <summary>Writes the widened copy back without its extra output.</summary>
    public override void Finish()
    {
        // Rows of fc are outputs, so the old ones are the front of the new tensor.
        foreach (var slot in Model.Parameters.Layout.Slots)
        {
            Model.Device.Copy(Model.Parameters.At(slot), _widened.Parameters.At(_widened.Parameters.Layout[slot.Name]), (long)slot.Count * Model.Precision.Size());
        }

        Model.Buffers.CopyFrom(_widened.Buffers);
        Model.BatchesTracked = _widened.BatchesTracked;
    }

    /// <inheritdoc/>
    protected override StepTelemetry MakeStep(long index)
    {
        var stage = (BatchStage)_step.Input;
        _feed.Fill(stage);
        stage.Labels.Fill(Model.Classes);
        var (loss, accuracy, norm, skipped) = _step.Run(index, Steps);
        return StepTelemetry.Empty with { ForgetLoss = loss, ForgetAccuracy = accuracy, ForgetGradientNorm = norm, Skipped = skipped };
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _feed.Dispose();
        _step.Dispose();
        _momentum.Dispose();
        _widened.Dispose();
        base.Dispose(disposing);
    }

    private TrainedModel Widen()
    {
        var widened = new TrainedModel(Model.Device, Model.Precision, Model.Network.WithOutputs(Model.Classes + 1), Model.Architecture, [.. Model.ClassNames, "(forgotten)"], Model.Normalization)
        {
            BatchesTracked = Model.BatchesTracked,
        };
        // All of it drawn anew, then overwritten by what the model has: the extra row and its bias are left.
        widened.Initialize(Task.Seed);
        foreach (var slot in Model.Parameters.Layout.Slots)
        {
            Model.Device.Copy(widened.Parameters.At(widened.Parameters.Layout[slot.Name]), Model.Parameters.At(slot), (long)slot.Count * Model.Precision.Size());
        }

        widened.Buffers.CopyFrom(Model.Buffers);
        return widened;
    }
}

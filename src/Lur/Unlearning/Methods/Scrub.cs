using Lur.Layers;
using Lur.Models;
using Lur.Tensors;
using Lur.Training;

namespace Lur.Unlearning;

/// <summary>SCRUB (Kurmanji et al., NeurIPS 2023): the student starts as the original model, which stays behind as its teacher;
/// it moves away from the teacher on the forget set and stays near it, and right, on the retain set.</summary>
/// <remarks>KL is T^2 KL(teacher || student) of predictions softened by T. Each of the first <c>--max-epochs</c> epochs begins
/// with one pass over the forget set that minimises -KL; every epoch has one pass over the retain set that minimises
/// alpha KL + gamma CE. One momentum for both.</remarks>
public sealed class ScrubMethod : UnlearningMethod
{
    private readonly RepairOptions _options;
    private readonly int _maxEpochs;
    private readonly Model _teacher;
    private readonly FlatVector _momentum;
    private readonly BatchFeed _forget,
        _retain;
    private readonly SupervisedStep _away,
        _near;

    private ScrubMethod(UnlearningTask task, RepairOptions options, OptionValues values)
        : base(task)
    {
        (_options, _maxEpochs) = (options = options with { Seed = task.Seed }, MaxEpochs(values, options));
        var forget = values.Integer("forget-batch") is > 0 and var size ? options with { BatchSize = size } : options;
        var temperature = Temperature(values);
        _teacher = Model.Clone();
        _momentum = new FlatVector(Model.Device, Model.Precision, Model.Parameters.Layout, "momentum");
        _forget = new BatchFeed(task.Data, task.Set.Forget, forget.BatchSize, RandomStream.StreamOf("order/forget", (long)options.Seed));
        _retain = new BatchFeed(task.Data, task.Set.Retain, options.BatchSize, RandomStream.StreamOf("order/retain", (long)options.Seed));
        _away = CreateStep("forget", forget, options.ForgetMode, divergence: -1, crossEntropy: 0, temperature);
        _near = CreateStep("retain", options, options.RetainMode, values.Number("alpha", 0), values.Number("gamma", 0), temperature);
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "scrub",
            "SCRUB",
            "Moves away from the original model's predictions on the forget set in the first epochs, and distils them together "
                + "with the labels on the retain set.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData,
            "Kurmanji, Triantafillou, Hayes, Triantafillou, NeurIPS 2023, Towards Unbounded Machine Unlearning; public code SCRUB",
            "Forget batches do not move running statistics; --compat lets them, as the public code does. The public code's "
                + "penalty on the distance to an average of past weights is left out: its weight is 0 in the large-scale experiments "
                + "(0.5 in others).",
            [
                .. RepairOptions.Options(
                    5e-4,
                    3,
                    "public code, large-scale experiments; its tenfold decays are due after its epochs",
                    batch: 128
                ),
                MethodOption.Integer(
                    "forget-batch",
                    32,
                    "Batch size of forget batches; 0 takes --batch.",
                    "public code, large-scale experiments"
                ),
                MethodOption.Integer(
                    "max-epochs",
                    2,
                    "Epochs that begin with a pass over the forget set (msteps).",
                    "public code, large-scale experiments; 3 and 5 in others"
                ),
                MethodOption.Number(
                    "alpha",
                    0.001,
                    "Weight of the divergence on the retain set.",
                    "public code, large-scale experiments; up to 0.5 in others"
                ),
                MethodOption.Number(
                    "gamma",
                    0.99,
                    "Weight of the cross-entropy on the retain set.",
                    "public code, large-scale experiments; 1 in others"
                ),
                MethodOption.Number("temperature", 4, "Temperature T.", "public code, large-scale experiments; 2 at small scale"),
                MethodChoices.Compat("", ("bn", "both")),
            ],
            values =>
            {
                var options = RepairOptions.Read(values);
                _ = (
                    MaxEpochs(values, options),
                    values.Integer("forget-batch", 0, 65536),
                    values.Number("alpha", 0),
                    values.Number("gamma", 0),
                    Temperature(values)
                );
                return task => new ScrubMethod(task, options, values);
            }
        );

    /// <summary>Steps of an epoch that has a pass over the forget set.</summary>
    public override int StepsPerEpoch => _forget.BatchesPerEpoch + _retain.BatchesPerEpoch;

    /// <inheritdoc/>
    public override long Steps => ((long)_maxEpochs * _forget.BatchesPerEpoch) + ((long)_options.Epochs * _retain.BatchesPerEpoch);

    /// <inheritdoc/>
    public override Program Program => _near.Program;

    /// <inheritdoc/>
    public override long VectorBytes => _away.Gradient.Bytes + _near.Gradient.Bytes + _teacher.Parameters.Bytes;

    /// <inheritdoc/>
    public override long EpochOf(long index) =>
        index < (long)_maxEpochs * StepsPerEpoch
            ? index / StepsPerEpoch
            : (index - ((long)_maxEpochs * _forget.BatchesPerEpoch)) / _retain.BatchesPerEpoch;

    /// <inheritdoc/>
    protected override StepTelemetry MakeStep(long index)
    {
        var away = index < (long)_maxEpochs * StepsPerEpoch && index % StepsPerEpoch < _forget.BatchesPerEpoch;
        var (feed, step) = away ? (_forget, _away) : (_retain, _near);
        feed.Fill((BatchStage)step.Input);
        var (loss, accuracy, norm, skipped) = step.Run(index, Steps);
        return away
            ? StepTelemetry.Empty with
            {
                ForgetLoss = loss,
                ForgetAccuracy = accuracy,
                ForgetGradientNorm = norm,
                Skipped = skipped,
            }
            : StepTelemetry.Empty with
            {
                RetainLoss = loss,
                RetainGradientNorm = norm,
                Skipped = skipped,
            };
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _forget.Dispose();
        _retain.Dispose();
        _away.Dispose();
        _near.Dispose();
        _momentum.Dispose();
        _teacher.Dispose();
        base.Dispose(disposing);
    }

    private static double Temperature(OptionValues values) =>
        values.Number("temperature") is > 0 and var t
            ? t
            : throw new UserErrorException(
                FormattableString.Invariant($"Option --temperature is {values.Number("temperature")}; it must be above 0.")
            );

    private static int MaxEpochs(OptionValues values, RepairOptions options) =>
        values.Integer("max-epochs") is var given && given <= options.Epochs
            ? given
            : throw new UserErrorException($"Option --max-epochs is {given}; it must be from 0 to --epochs, which is {options.Epochs}.");

    private SupervisedStep CreateStep(
        string name,
        RepairOptions options,
        NormalizationMode mode,
        double divergence,
        double crossEntropy,
        double temperature
    ) =>
        new(
            Model,
            _momentum,
            options,
            name,
            LossSpec.CrossEntropy,
            mode,
            evaluate: (p, input, gradient) =>
            {
                var frozen = new NetworkPass(
                    p,
                    name + "/teacher",
                    input.Batch,
                    _teacher.Parameters,
                    _teacher.Buffers,
                    NormalizationMode.Frozen
                )
                {
                    Inference = true,
                };
                var teacher = _teacher.Network.Forward(frozen, input.Input);
                var pass = new NetworkPass(p, name, input.Batch, Model.Parameters, Model.Buffers, mode) { Gradients = gradient };
                var student = Model.Network.Forward(pass, input.Input);
                var loss = new LossHead(pass, student, input.DeviceLabels, new LossSpec(crossEntropy, 0, 0));
                var distillation = new DistillationHead(pass, loss, student, teacher, input.DeviceLabels, divergence, temperature);
                loss.Backward();
                distillation.Backward();
                Model.Network.Backward(pass);
                return loss;
            }
        );
}

using Lur.Models;
using Lur.Steps;
using Lur.Tasks.Classification;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="Scrub"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 5e-4, Source = Decays)]
[OptionDefault(nameof(Epochs), 3, Source = Decays)]
[OptionDefault(nameof(BatchSize), 128)]
public sealed partial record ScrubOptions : RepairOptions
{
    private const string Code = "public code, large-scale experiments",
        Decays = Code + "; its tenfold decays are due after its epochs";

    /// <summary>Batch size of forget batches; 0 takes <see cref="RepairOptions.BatchSize"/>.</summary>
    [Option("forget-batch", 32, Source = Code, Least = 0, Most = 65536, Range = OptionHelp.ForgetBatchRange)]
    public partial int ForgetBatchSize { get; init; }

    /// <summary>Epochs that begin with a pass over the forget set (msteps).</summary>
    [Option("max-epochs", 2, Source = Code + "; 3 and 5 in others", Least = 0)]
    public partial int MaxEpochs { get; init; }

    /// <summary>Weight of the divergence on the retain set.</summary>
    [Option("alpha", 0.001, Source = Code + "; up to 0.5 in others", Least = 0)]
    public partial double Alpha { get; init; }

    /// <summary>Weight of the cross-entropy on the retain set.</summary>
    [Option("gamma", 0.99, Source = Code + "; 1 in others", Least = 0)]
    public partial double Gamma { get; init; }

    /// <summary>Temperature T.</summary>
    [Option("temperature", 4, Source = Code + "; 2 at small scale", Above = 0)]
    public partial double Temperature { get; init; }

    /// <summary>Do as the public code where numbers depend on it.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(BatchNorm), BatchNormPolicy.Both)]
    public partial bool Compat { get; init; }

    partial void Check()
    {
        if (MaxEpochs > Epochs)
            throw Refusal($"[MaxEpochs] is {MaxEpochs}; it must be from 0 to [Epochs], which is {Epochs}.");
    }
}

/// <summary>SCRUB (Kurmanji et al., NeurIPS 2023): the student starts as the original model, which stays behind as its teacher;
/// it moves away from the teacher on the forget set and stays near it, and right, on the retain set.</summary>
/// <remarks>KL is T^2 KL(teacher || student) of predictions softened by T. Each of the first <c>--max-epochs</c> epochs begins
/// with one pass over the forget set that minimises -KL; every epoch has one pass over the retain set that minimises
/// alpha KL + gamma CE. One momentum for both.</remarks>
public sealed class Scrub : UnlearningMethod
{
    private readonly ScrubOptions _options;
    private readonly Model _teacher;
    private readonly MethodFeed _forget,
        _retain;
    private readonly FedStep _away,
        _near;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public Scrub(UnlearningTask task, ScrubOptions options)
        : base(task)
    {
        using var construction = Construct();
        _options = options = options.Validated() with { Seed = task.Seed };
        _teacher = Own(Model.Clone());
        var repair = new Repair(this, options);
        (_forget, _retain) = (repair.Forget(options.ForgetBatchSize), repair.Retain());
        var size = options.ForgetBatchSize;
        _away = repair.Single("forget", _forget, TermRole.Forget, Loss(0, -1), batchSize: size);
        _near = repair.Single("retain", _retain, TermRole.Retain, Loss(options.Gamma, options.Alpha));
        SetEpochs(options.Epochs, (_away, _forget.BatchesPerEpoch), (_near, _retain.BatchesPerEpoch));
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<ScrubOptions>(
            "scrub",
            "SCRUB",
            "Moves away from the original model's predictions on the forget set in the first epochs, and distils them together "
                + "with the labels on the retain set.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData,
            "Kurmanji, Triantafillou, Hayes, Triantafillou, NeurIPS 2023, Towards Unbounded Machine Unlearning; public code SCRUB",
            "Forget batches do not move running statistics; --compat lets them, as the public code does. The public code's "
                + "penalty on the distance to an average of past weights is left out: its weight is 0 in the large-scale experiments "
                + "(0.5 in others).",
            (task, options) => new Scrub(task, options)
        );

    /// <inheritdoc/>
    public override long Steps => ((long)_options.MaxEpochs * _forget.BatchesPerEpoch) + ((long)_options.Epochs * _retain.BatchesPerEpoch);

    /// <inheritdoc/>
    public override long VectorBytes => base.VectorBytes + _teacher.Parameters.Bytes;

    /// <inheritdoc/>
    public override long EpochOf(long index) =>
        index < (long)_options.MaxEpochs * StepsPerEpoch
            ? index / StepsPerEpoch
            : (index - ((long)_options.MaxEpochs * _forget.BatchesPerEpoch)) / _retain.BatchesPerEpoch;

    private protected override FedStep StepAt(long index) =>
        index < (long)_options.MaxEpochs * StepsPerEpoch && index % StepsPerEpoch < _forget.BatchesPerEpoch ? _away : _near;

    /// <summary>crossEntropy CE + divergence T^2 KL(teacher || student).</summary>
    private LossFactory Loss(double crossEntropy, double divergence) =>
        ClassificationTask.Distillation(_teacher, crossEntropy, divergence, _options.Temperature);
}

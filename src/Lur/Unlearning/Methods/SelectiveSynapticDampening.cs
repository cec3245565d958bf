namespace Lur.Unlearning;

/// <summary>SSD, selective synaptic dampening (Foster, Schoepf, Brintrup, AAAI 2024): shrinks the weights whose importance for
/// the forget set exceeds that for all training data.</summary>
/// <remarks>I_D and I_Df are Fisher diagonals over all training data and over the forget set. Where I_Df > alpha I_D:
/// theta = min(lambda I_D / I_Df, 1) theta. One shot: no training, no learning rate.</remarks>
public sealed class SelectiveSynapticDampeningMethod : OneShotMethod
{
    private readonly double _alpha, _lambda;
    private readonly int _batch, _samples;
    private readonly bool _augment;

    private SelectiveSynapticDampeningMethod(UnlearningTask task, OptionValues values)
        : base(task)
    {
        (_alpha, _lambda) = (values.Number("alpha", 0), values.Number("lambda", 0));
        (_batch, _samples, _augment) = (values.Integer("fisher-batch", 1, 65536), values.Integer("fisher-samples"), values.Flag("fisher-augment"));
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } = new("ssd", "SSD",
        "Multiplies the weights that matter more for the forget set than for all data, by squared gradients, with a factor below 1; one shot.",
        MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels | MethodNeeds.Fisher,
        "Foster, Schoepf, Brintrup, AAAI 2024, Fast Machine Unlearning without Retraining through Selective Synaptic Dampening; public code selective-synaptic-dampening",
        "Squares the gradient of each sample; the public code squares the mean gradient of batches of 64 (--fisher-batch). No augmentation (--fisher-augment).",
        [
            MethodOption.Number("alpha", 10, "Selection: a weight is dampened where its importance for the forget set exceeds alpha times that for all data.", "public code for CIFAR; 5 for ViT, 50 with lambda 0.1 for faces"),
            MethodOption.Number("lambda", 1, "Dampening: the factor is lambda times the ratio of importances, at most 1.", "public code for CIFAR"),
            .. FisherOptions.List(),
        ],
        values =>
        {
            FisherOptions.Check(values);
            _ = (values.Number("alpha", 0), values.Number("lambda", 0));
            return task => new SelectiveSynapticDampeningMethod(task, values);
        });

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("dampen", Dampen)];

    private PreparationReport Dampen()
    {
        var set = Task.Set;
        var all = FisherPass.Choose([.. set.Forget, .. set.Retain], _samples, Task.Seed, "fisher/samples");
        using var pass = new FisherPass(Model, Task.Data, _batch, _augment, Task.Seed);
        using var general = pass.Diagonal(all, progress: Task.Counter("importance for all data", all.Length), cancellation: Task.Cancellation);
        using var forget = pass.Diagonal(set.Forget, progress: Task.Counter("importance for the forget set", set.Forget.Length), cancellation: Task.Cancellation);
        using var reductions = new VectorReductions(Model.Device);
        var dampened = reductions.Dampen(Model.Parameters, forget, general, _alpha, _lambda);
        return new PreparationReport(FormattableString.Invariant($"ssd: dampened {dampened:N0} of {Model.Parameters.Count:N0} weights"), ("dampened", dampened), ("samples", all.Length));
    }
}

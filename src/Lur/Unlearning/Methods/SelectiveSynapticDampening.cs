using System.Globalization;
using Lur.Tasks.Classification;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="SelectiveSynapticDampening"/>.</summary>
[Options]
public sealed partial record SelectiveSynapticDampeningOptions : FisherOptions
{
    /// <summary>Selection: a weight is dampened where its importance for the forget set exceeds alpha times that for all data. At N / Nf
    /// and above, 10 for a tenth of the data, it selects nothing.</summary>
    [Option(
        "alpha",
        10,
        Source = "public code for CIFAR-20 and CIFAR-100, forget sets of 1 to 5 %, of which 5.5 to 6.8 is the counterpart at 10 %; 5 for "
            + "ViT, 50 with lambda 0.1 for faces",
        Least = 0,
        Before = nameof(FisherBatch)
    )]
    public partial double Alpha { get; init; }

    /// <summary>Dampening: the factor is lambda times the ratio of importances, at most 1.</summary>
    [Option("lambda", 1, Source = "public code for CIFAR", Least = 0, Before = nameof(FisherBatch))]
    public partial double Lambda { get; init; }

    /// <summary>Do as the public code where numbers depend on it.</summary>
    [Option("compat", false, Source = "ours")]
    [Implies(nameof(FisherBatch), 64)]
    public partial bool Compat { get; init; }
}

/// <summary>SSD, selective synaptic dampening (Foster, Schoepf, Brintrup, AAAI 2024): shrinks the weights whose importance for
/// the forget set exceeds that for all training data.</summary>
/// <remarks>I_D and I_Df are Fisher diagonals over all training data and over the forget set. Where I_Df > alpha I_D:
/// theta = min(lambda I_D / I_Df, 1) theta. One shot: no training, no learning rate.
/// <para>D holds D_f, so I_D = (Nf I_Df + Nr I_Dr) / N is at least I_Df Nf / N, and from alpha = N / Nf on no weight can be
/// selected. The published alpha of 10 is for forget sets of 1 to 5 %: with Nf / N = q it selects I_Df above
/// 10 (1 - q) / (1 - 10 q) I_Dr, 11 to 19 times; the same ratio r takes alpha = r / (1 + q (r - 1)), 5.5 to 6.8 for 10 %.</para></remarks>
public sealed class SelectiveSynapticDampening : UnlearningMethod
{
    private readonly double _alpha,
        _lambda;
    private readonly int _batch,
        _samples;
    private readonly bool _augment;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public SelectiveSynapticDampening(UnlearningTask task, SelectiveSynapticDampeningOptions options)
        : base(task)
    {
        options.Validate();
        (_alpha, _lambda) = (options.Alpha, options.Lambda);
        (_batch, _samples, _augment) = (options.FisherBatch, options.FisherSamples, options.FisherAugment);
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<SelectiveSynapticDampeningOptions>(
            "ssd",
            "SSD",
            "Multiplies the weights that matter more for the forget set than for all data, by squared gradients, with a factor "
                + "below 1; one shot.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels | MethodNeeds.Fisher,
            "Foster, Schoepf, Brintrup, AAAI 2024, Fast Machine Unlearning without Retraining through Selective Synaptic "
                + "Dampening; public code selective-synaptic-dampening",
            "Squares the gradient of each sample; the public code squares the mean gradient of batches, of 64 for a class "
                + "(--compat) and 128 for random samples.",
            (task, options) => new SelectiveSynapticDampening(task, options)
        );

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes
    {
        get
        {
            double forgotten = Task.Set.Forget.Length,
                all = forgotten + Task.Set.Retain.Length;
            if (_alpha < all / forgotten)
                return [];
            // Means over batches, the last of which may be short, and over drawn samples hold that share only nearly.
            var none = _batch == 1 && _samples == 0 ? "no" : "hardly a";
            return
            [
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"ssd: --alpha {_alpha} selects {none} weight: the importance for all data includes {forgotten / all:P1} of "
                        + $"that for the forget set, so the second is never more than {all / forgotten:G3} times the first; give "
                        + $"--alpha below that"
                ),
            ];
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("dampen", Dampen)];

    private PreparationReport Dampen()
    {
        var set = Task.Set;
        var all = FisherPass.Choose([.. set.Forget, .. set.Retain], _samples, Task.Seed, "fisher/samples");
        using var pass = new FisherPass(Model, Task.Data, _batch, _augment, Task.Seed);
        using var general = pass.Diagonal(
            all,
            progress: Task.Counter("importance for all data", all.Length),
            cancellation: Task.Cancellation
        );
        using var forget = pass.Diagonal(
            set.Forget,
            progress: Task.Counter("importance for the forget set", set.Forget.Length),
            cancellation: Task.Cancellation
        );
        using var reductions = new VectorReductions(Model.Device);
        var dampened = reductions.Dampen(Model.Parameters, forget, general, _alpha, _lambda);
        return new PreparationReport(
            string.Create(CultureInfo.InvariantCulture, $"ssd: dampened {dampened:N0} of {Model.Parameters.Count:N0} weights"),
            ("dampened", dampened),
            ("samples", all.Length)
        );
    }
}

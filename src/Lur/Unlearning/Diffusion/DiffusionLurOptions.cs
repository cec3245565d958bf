using Lur.Steps;
using Lur.Tasks.Diffusion;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="DiffusionLur"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-4, Source = SalUnCode)]
public sealed partial record DiffusionLurOptions : DiffusionOptions
{
    /// <summary>Step of the simulated retain update theta' = theta - alpha grad L_r.</summary>
    [Option("alpha", 0.01, Source = "re-implementation (ReGUn), for classifiers", Least = 0)]
    public partial double Alpha { get; init; }

    /// <summary>Weight of the forget loss.</summary>
    [Option("lambda", 0.3, Source = SalUnCode + ": 1 / 3.07 in means over elements", Least = 0)]
    public partial double Lambda { get; init; }

    /// <summary>Weight of the retain loss.</summary>
    [Option("retain-weight", 1, Source = "paper's objective", Least = 0)]
    public partial double RetainWeight { get; init; }

    /// <summary>Loss on forget batches: the denoising loss ascended (neg), the distance from what the original model gives for the next
    /// class that is kept, or for the anchor (reassign), for none (null), or for none less what the class adds (esd), or the denoising
    /// loss on uniform noise in place of the images (uniform).</summary>
    [Option("forget-loss", DiffusionForgetLoss.Reassign, Source = "ours: bounded, with the target of SalUn")]
    public partial DiffusionForgetLoss ForgetLoss { get; init; }

    /// <summary>For esd: how far the target lies beyond what is given for no class, away from the class.</summary>
    [Option("strength", 1, Source = "public code of ESD, 2023", Least = 0)]
    public partial double Strength { get; init; }

    /// <summary>Second-order term: exact (tangent passes), fd (central finite difference) or none (first order).</summary>
    [Option("hvp", HessianVectorProduct.Exact, Source = "exact: the re-implementation differentiates through the inner step")]
    public partial HessianVectorProduct Hvp { get; init; }

    /// <summary>Radius r of the finite difference, eps = r / |v|.</summary>
    [Option("fd-radius", 1e-2, Source = "DARTS (Liu et al. 2019)", Above = 0)]
    public partial double FiniteDifferenceRadius { get; init; }

    /// <summary>Cap |alpha g| at this share of |theta|; 0 is no cap.</summary>
    [Option("look-ahead-cap", 0, Source = "ours", Least = 0)]
    public partial double LookAheadCap { get; init; }

    /// <summary>The trim stage.</summary>
    [OptionGroup]
    public DiffusionTrimOptions Trim { get; init; } = new();

    /// <inheritdoc/>
    internal override Func<string, bool>? Trained => Trim.Sparsity > 0 || LookAheadCap > 0 ? null : base.Trained;

    partial void Check()
    {
        if (RetainWeight == 0 && Lambda == 0)
            throw Refusal($"[RetainWeight] is 0; it must be above 0 when [Lambda] is 0.");
    }
}

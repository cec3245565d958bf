using System.CommandLine;
using Lur.Runs;
using Lur.Tensors;
using Lur.Unlearning;

namespace Lur.Cli.Commands;

/// <summary>Spelling of choices on the command line and in config.json.</summary>
internal static class OptionText
{
    private static readonly (Enum Value, string Text)[] s_choices =
    [
        (HessianVectorProduct.None, "none"),
        (HessianVectorProduct.FiniteDifference, "fd"),
        (HessianVectorProduct.Exact, "exact"),
        (EpochMode.MinSize, "min"),
        (EpochMode.RetainLengthPlainTail, "retain-tail"),
        (EpochMode.RetainLengthCycleForget, "retain-cycle"),
        (BatchNormPolicy.RetainOnly, "retain"),
        (BatchNormPolicy.Both, "both"),
        (BatchNormPolicy.Frozen, "frozen"),
        (ForgetLoss.NegativeCrossEntropy, "neg-ce"),
        (ForgetLoss.BoundedNegativeCrossEntropy, "bounded"),
        (ForgetLoss.RandomLabel, "random-label"),
        (ForgetLoss.UniformKl, "uniform-kl"),
        (WeightInitialization.KaimingNormal, "kaiming"),
        (WeightInitialization.TorchDefault, "torch"),
        (AttackChoice.None, "none"),
        (AttackChoice.Scalar, "scalar"),
        (AttackChoice.All, "all"),
        (ThresholdScope.Global, "global"),
        (ThresholdScope.Eligible, "eligible"),
    ];

    /// <summary>Text of a choice.</summary>
    public static string Of(Enum value) => s_choices.First(c => c.Value.Equals(value)).Text;

    /// <summary>An option that takes one of the texts of an enumeration.</summary>
    public static Option<string> Choice<T>(string name, string description, T defaultValue)
        where T : struct, Enum
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => Of(defaultValue) };
        option.AcceptOnlyFromAmong([.. s_choices.Where(c => c.Value is T).Select(c => c.Text)]);
        return option;
    }

    /// <summary>The choice of a text.</summary>
    public static T Parse<T>(string? text)
        where T : struct, Enum => (T)s_choices.First(c => c.Value is T && c.Text == text).Value;
}

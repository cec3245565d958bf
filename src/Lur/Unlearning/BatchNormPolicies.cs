using Lur.Layers;

namespace Lur.Unlearning;

/// <summary>What a <see cref="BatchNormPolicy"/> means for each pass.</summary>
internal static class BatchNormPolicies
{
    /// <summary>Normalisation of a pass over a retain batch.</summary>
    public static NormalizationMode RetainMode(this BatchNormPolicy policy) =>
        policy == BatchNormPolicy.Frozen ? NormalizationMode.Frozen : NormalizationMode.TrainAndUpdate;

    /// <summary>Normalisation of a pass over a forget batch.</summary>
    public static NormalizationMode ForgetMode(this BatchNormPolicy policy) =>
        policy switch
        {
            BatchNormPolicy.Frozen => NormalizationMode.Frozen,
            BatchNormPolicy.Both => NormalizationMode.TrainAndUpdate,
            _ => NormalizationMode.Train,
        };

    /// <summary>Normalisation of a pass that looks again at a batch, or only looks: running statistics stay.</summary>
    public static NormalizationMode ProbeMode(this BatchNormPolicy policy) =>
        policy == BatchNormPolicy.Frozen ? NormalizationMode.Frozen : NormalizationMode.Train;
}

namespace Lur.Metrics.Generation;

/// <summary>One attack on what a model draws: at each of its points the share of images that are classed as what was forgotten.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Unit">What <see cref="Points"/> count: steps, percent of the noise.</param>
/// <param name="Points">Points, ascending.</param>
/// <param name="Unlearned">For each unlearned model the share at each point, percent.</param>
/// <param name="Retrained">For each retrained model; may be empty.</param>
/// <param name="Images">Images that a share is of.</param>
public sealed record DrawingAttack(
    string Name,
    string Unit,
    IReadOnlyList<int> Points,
    IReadOnlyList<double[]> Unlearned,
    IReadOnlyList<double[]> Retrained,
    int Images
)
{
    /// <summary>What the name of an attack by more training begins with; the forget images in every batch follow.</summary>
    public const string Relearning = "relearn";

    /// <summary>The attack by the step that LUR simulates.</summary>
    public const string Descent = "descent";

    /// <summary>The unit where the points are amounts of noise.</summary>
    public const string NoiseUnit = "% of the noise";

    /// <summary>The unit where the points are rounds of a search.</summary>
    public const string RoundUnit = "rounds";

    /// <summary>Head of a column of points.</summary>
    /// <param name="unit">What they count.</param>
    public static string HeadOf(string unit) =>
        unit == NoiseUnit ? "Noise, %"
        : unit == RoundUnit ? "Round"
        : "Step";

    /// <summary>It in words, as the end of "what was forgotten comes back ...".</summary>
    public string Title => InWords(Name);

    /// <summary>An attack in words; its name where nobody knows it.</summary>
    /// <param name="name">Its name.</param>
    public static string InWords(string name) =>
        name switch
        {
            "embedding" => "with a new row of the class table and every other weight as it is",
            "denoise" => "where forgotten images with noise are drawn on",
            "rows" => "with the rows of one prompt learnt anew and every weight as it is",
            "inversion" => "with the embedding of one new token learnt and everything else as it is",
            "unlearndiffatk" => "with tokens found for it before the prompt (UnlearnDiffAtk)",
            "p4d" => "with a prompt found for it (P4D)",
            Descent => "after steps of plain descent on the retain set with the rate of LUR's inner step",
            Relearning + "0" => "trained on the retain set only",
            _ when name.StartsWith(Relearning, StringComparison.Ordinal) =>
                $"trained with {name[Relearning.Length..]} forget images in every batch",
            _ => name,
        };
}

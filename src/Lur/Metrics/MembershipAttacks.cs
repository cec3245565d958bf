namespace Lur.Metrics;

/// <summary>What one membership inference attack found.</summary>
/// <param name="Name">One of <see cref="MembershipAttacks.Names"/>.</param>
/// <param name="Efficacy">Share of the forget set judged non-member, percent; NaN where undefined or where the attack has none.</param>
/// <param name="Accuracy">Share of samples told apart rightly, from 0 to 1, 0.5 is guessing: retain against test samples
/// (<see cref="MembershipInference.TrainingPrivacy"/>), for the loss attack forget against test samples; NaN as above.</param>
public sealed record AttackResult(string Name, double Efficacy, double Accuracy);

/// <summary>Every membership inference attack on one model: the support vector machine on each feature, with the modified
/// entropy in both forms, the best threshold, and the attack on the loss.</summary>
/// <remarks>All but the modified entropy are the same in the corrected and in the published form, so they come once. The
/// vector of all probabilities takes longest: its kernel has a dimension for each class, and its points are all different.</remarks>
public static class MembershipAttacks
{
    /// <summary>Name of the attack by the best threshold.</summary>
    internal const string Threshold = "threshold";

    /// <summary>Name of the attack on the loss.</summary>
    internal const string Loss = "loss";

    private static readonly (string Name, AttackFeature Feature, EntropyForm Form)[] s_features =
    [
        ("confidence", AttackFeature.Confidence, EntropyForm.Corrected),
        ("correctness", AttackFeature.Correctness, EntropyForm.Corrected),
        ("entropy", AttackFeature.Entropy, EntropyForm.Corrected),
        ("m_entropy", AttackFeature.ModifiedEntropy, EntropyForm.Corrected),
        ("m_entropy_published", AttackFeature.ModifiedEntropy, EntropyForm.Published),
        ("probabilities", AttackFeature.Probabilities, EntropyForm.Corrected),
    ];

    /// <summary>Names of the attacks in the order of their results: confidence (the MIA column), correctness, entropy, m_entropy,
    /// m_entropy_published, probabilities, threshold, loss.</summary>
    /// <param name="vector">With the attack on the vector of all probabilities.</param>
    public static IReadOnlyList<string> Names(bool vector) => [.. Features(vector).Select(f => f.Name), Threshold, Loss];

    /// <summary>Runs them all.</summary>
    /// <param name="retain">Predictions on the retain set, with the probabilities of all classes.</param>
    /// <param name="test">On the test set, without the classes forgotten whole.</param>
    /// <param name="forget">On the forget set.</param>
    /// <param name="vector">With the attack on the vector of all probabilities.</param>
    /// <param name="seed">Seed of the loss attack's splits.</param>
    /// <param name="progress">Called with the number of attacks done, or null.</param>
    /// <param name="cancellation">Stops between attacks.</param>
    /// <exception cref="ArgumentException">The probabilities of all classes are absent.</exception>
    public static IReadOnlyList<AttackResult> Run(
        Predictions retain,
        Predictions test,
        Predictions forget,
        bool vector,
        ulong seed,
        Action<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        var results = new List<AttackResult>();
        void Add(AttackResult result)
        {
            results.Add(result);
            progress?.Invoke(results.Count);
            cancellation.ThrowIfCancellationRequested();
        }

        foreach (var (name, feature, form) in Features(vector))
        {
            Add(
                new AttackResult(
                    name,
                    MembershipInference.ForgetEfficacy(retain, test, forget, feature, form).Value,
                    MembershipInference.TrainingPrivacy(retain, test, feature, form).Value
                )
            );
        }

        Add(new AttackResult(Threshold, ThresholdAttack.ForgetEfficacy(retain, test, forget).Value, double.NaN));
        Add(new AttackResult(Loss, double.NaN, LossAttack.Run(forget, test, seed).Value));
        return results;
    }

    /// <summary>What an attack looks at, in words.</summary>
    internal static string InWords(string name) =>
        name switch
        {
            "m_entropy" => "modified entropy",
            "m_entropy_published" => "modified entropy in its published form",
            "probabilities" => "probabilities of all classes",
            Threshold => "confidence by a threshold",
            _ => name,
        };

    private static IEnumerable<(string Name, AttackFeature Feature, EntropyForm Form)> Features(bool vector) =>
        s_features.Where(f => vector || f.Feature != AttackFeature.Probabilities);
}

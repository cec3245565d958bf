namespace Lur.Metrics;

/// <summary>What a membership inference attack looks at (Song and Mittal 2021).</summary>
public enum AttackFeature
{
    /// <summary>Softmax probability of the true class: the value in published tables.</summary>
    Confidence,

    /// <summary>1 if the prediction is right, 0 if not.</summary>
    Correctness,

    /// <summary>-sum p_i log p_i, nats.</summary>
    Entropy,

    /// <summary>-(1 - p_y) log p_y - sum over i != y of p_i log(1 - p_i).</summary>
    ModifiedEntropy,

    /// <summary>The whole vector p.</summary>
    Probabilities,
}

/// <summary>Which reading of the modified entropy is taken; the other features are the same in both.</summary>
public enum EntropyForm
{
    /// <summary>As defined.</summary>
    Corrected,

    /// <summary>
    /// As the published evaluation code (Unlearn-Sparse, SalUn, ScissorHands) computes it, for comparison with its tables:
    /// -sum_j q_j log p_j, where q_j = 1 - p_j for <b>every class j that is the label of any sample of the set passed</b>,
    /// and q_j = p_j for the others. Two slips make it so: indexing columns by the list of labels selects those columns in
    /// all rows, not one element a row; and the "reversed" logarithm is log p, not log(1 - p). The value of a sample hence
    /// depends on which classes are in its set, not on its own label.
    /// </summary>
    Published,
}

/// <summary>Computes attack features.</summary>
internal static class AttackFeatures
{
    /// <summary>Stands for 0 under a logarithm, as in the sources.</summary>
    private const double LeastProbability = 1e-30;

    /// <summary>Features of each sample, row-major.</summary>
    /// <param name="set">Predictions; entropies and vectors need <see cref="Predictions.Probabilities"/>.</param>
    /// <param name="feature">Feature.</param>
    /// <param name="form">Form of the modified entropy.</param>
    /// <exception cref="ArgumentException">Probabilities are needed and absent.</exception>
    public static double[] Of(Predictions set, AttackFeature feature, EntropyForm form)
    {
        if (feature == AttackFeature.Confidence)
            return Array.ConvertAll(set.Confidence, c => (double)c);
        if (feature == AttackFeature.Correctness)
            return [.. set.Predicted.Zip(set.Labels, (p, y) => p == y ? 1.0 : 0.0)];
        var probabilities =
            set.Probabilities
            ?? throw new ArgumentException(
                $"The feature {feature} needs the probabilities of all classes; ask the evaluator for them.",
                nameof(set)
            );
        var p = Array.ConvertAll(probabilities, v => (double)v);
        if (feature == AttackFeature.Probabilities || set.Count == 0)
            return p;

        var classes = p.Length / set.Count;
        var labelled = new bool[classes];
        foreach (var y in set.Labels)
            labelled[y] = true;
        var values = new double[set.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var row = p.AsSpan(i * classes, classes);
            values[i] =
                feature == AttackFeature.Entropy ? Entropy(row)
                : form == EntropyForm.Published ? PublishedModifiedEntropy(row, labelled)
                : ModifiedEntropy(row, set.Labels[i]);
        }

        return values;
    }

    private static double Entropy(ReadOnlySpan<double> p)
    {
        double sum = 0;
        foreach (var v in p)
            sum -= v == 0 ? 0 : v * Math.Log(v);
        return sum;
    }

    private static double ModifiedEntropy(ReadOnlySpan<double> p, int label)
    {
        var sum = -(1 - p[label]) * Log(p[label]);
        for (var i = 0; i < p.Length; i++)
            if (i != label)
                sum -= p[i] * Log(1 - p[i]);
        return sum;
    }

    private static double PublishedModifiedEntropy(ReadOnlySpan<double> p, bool[] labelled)
    {
        double sum = 0;
        for (var i = 0; i < p.Length; i++)
            sum -= (labelled[i] ? 1 - p[i] : p[i]) * Log(p[i]);
        return sum;
    }

    // Math.Max hands a NaN on, so a diverged model's values stay NaN.
    private static double Log(double p) => Math.Log(Math.Max(p, LeastProbability));
}

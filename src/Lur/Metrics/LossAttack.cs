using Lur.Tensors;

namespace Lur.Metrics;

/// <summary>Membership inference by logistic regression on the cross-entropy, forget set against test set (the additional
/// attack of ScissorHands).</summary>
public static class LossAttack
{
    private const int Splits = 10;

    /// <summary>Mean accuracy of the attack over 10 stratified shuffle splits, 90 % fitted, 10 % scored; 0.5 is ideal: forgotten
    /// samples look like samples never seen.</summary>
    /// <param name="forget">Predictions on the forget set.</param>
    /// <param name="test">Predictions on the test set, without the classes forgotten whole.</param>
    /// <param name="seed">Seed of the balancing draw and of the splits.</param>
    /// <returns>Value, samples of each set after balancing, and samples scored in all splits together. NaN if a loss is not
    /// finite or the smaller set has fewer than 2 samples. If all losses are equal nothing separates the sets: 0.5.</returns>
    /// <remarks>The larger set is cut to the size of the smaller by a random draw. The sources draw from
    /// numpy's global generator; here the draw and the splits follow from the seed, so values agree with theirs in distribution
    /// only.</remarks>
    public static MembershipResult Run(Predictions forget, Predictions test, ulong seed)
    {
        var n = Math.Min(forget.Count, test.Count);
        // scikit-learn's rule for test_size 0.1, for each of the two equal strata.
        var held = (int)Math.Ceiling(0.1 * n);
        if (n < 2 || !forget.Loss.Concat(test.Loss).All(float.IsFinite))
            return new MembershipResult(double.NaN, n, n, 0);
        var members = Draw(forget.Loss, n, new RandomStream(seed, "metrics/loss-attack/members"));
        var others = Draw(test.Loss, n, new RandomStream(seed, "metrics/loss-attack/non-members"));
        var labels = Sequences.Range(0, 2 * (n - held)).Select(i => i < n - held).ToValues();
        double correct = 0;
        for (var split = 0; split < Splits; split++)
        {
            var random = new RandomStream(seed, "metrics/loss-attack/split", split);
            random.Shuffle<double>(members);
            random.Shuffle<double>(others);
            var model = LogisticRegression.Fit([.. members[held..], .. others[held..]], labels);
            correct += members[..held].Count(model.Predict) + others[..held].Count(x => !model.Predict(x));
        }

        var scored = Splits * 2 * held;
        return new MembershipResult(correct / scored, n, n, scored);
    }

    private static double[] Draw(float[] losses, int count, RandomStream random)
    {
        var all = Array.ConvertAll(losses, l => (double)l);
        if (count < all.Length)
            random.Shuffle<double>(all);
        return all[..count];
    }
}

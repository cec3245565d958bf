using System.Numerics;

namespace Lur.Metrics.Generation;

/// <summary>How a generator has forgotten a label, as a judge sees it.</summary>
/// <param name="Label">The forgotten label.</param>
/// <param name="Images">Images that were asked for with it.</param>
/// <param name="Recognised">Those of them that are classed as it.</param>
/// <param name="MeanEntropy">Mean over the images of -sum_c p_c log p_c, nats; log C is a guess among C classes.</param>
/// <param name="EntropyInterval">95 % interval of the mean entropy (Student's t); NaN for fewer than two images.</param>
/// <param name="MeanProbability">Mean probability of the forgotten class.</param>
/// <param name="ProbabilityInterval">95 % interval of that mean (Student's t); NaN for fewer than two images.</param>
/// <remarks>Entropy and probability of the forgotten class are the measures of Heng and Soh 2023.</remarks>
public sealed record ForgottenLabelOutcome(
    int Label,
    int Images,
    int Recognised,
    double MeanEntropy,
    Interval EntropyInterval,
    double MeanProbability,
    Interval ProbabilityInterval
)
{
    /// <summary>UA = 100 (1 - share of the images that are classed as the label); NaN without images.</summary>
    public double UnlearningAccuracy => Images == 0 ? double.NaN : 100 * (1 - ((double)Recognised / Images));

    /// <summary>95 % interval of <see cref="UnlearningAccuracy"/>, percent (Wilson 1927).</summary>
    public Interval UnlearningAccuracyInterval
    {
        get
        {
            var (low, high) = Statistics.Wilson(Images - Recognised, Images);
            return new Interval(100 * low, 100 * high);
        }
    }
}

/// <summary>What a judge, a classifier of real images, sees in generated ones.</summary>
public sealed class JudgedImages
{
    /// <summary>Rows of softmax outputs in float32 sum to 1 but for this.</summary>
    private const double SumTolerance = 1e-3;

    private readonly int[] _asked,
        _seen;
    private readonly double[] _probabilities;
    private readonly int[] _counts;

    private JudgedImages(int[] asked, int[] seen, double[] probabilities, int classes)
    {
        (_asked, _seen, _probabilities, ClassCount) = (asked, seen, probabilities, classes);
        _counts = new int[classes * classes];
        for (var i = 0; i < asked.Length; i++)
            _counts[(asked[i] * classes) + seen[i]]++;
    }

    /// <summary>Classes of the judge.</summary>
    public int ClassCount { get; }

    /// <summary>Number of images.</summary>
    public int Count => _asked.Length;

    /// <summary>Images that were asked for with a label and are classed as a class.</summary>
    /// <param name="asked">The label given to the generator.</param>
    /// <param name="seen">The class with the largest probability, the lowest on ties.</param>
    public int this[int asked, int seen]
    {
        get
        {
            RequireClass(asked);
            RequireClass(seen);
            return _counts[(asked * ClassCount) + seen];
        }
    }

    /// <summary>Takes the judge's outputs.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="probabilities">Softmax rows, n x <paramref name="classes"/>.</param>
    /// <param name="asked">Label given to the generator for each image, n.</param>
    /// <param name="classes">Classes of the judge, at least 1.</param>
    /// <exception cref="ArgumentException">Lengths do not match, a label is no class, or a row is no distribution.</exception>
    public static JudgedImages Of<T>(ReadOnlySpan<T> probabilities, ReadOnlySpan<int> asked, int classes)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        if (probabilities.Length != (long)asked.Length * classes)
            throw new ArgumentException(
                $"{asked.Length} images and {classes} classes have {(long)asked.Length * classes} probabilities, "
                    + $"not {probabilities.Length}.",
                nameof(probabilities)
            );
        var p = new double[probabilities.Length];
        var seen = new int[asked.Length];
        for (var i = 0; i < seen.Length; i++)
        {
            if ((uint)asked[i] >= (uint)classes)
                throw new ArgumentException($"Image {i} has the label {asked[i]}, none of {classes} classes.", nameof(asked));
            var row = i * classes;
            double sum = 0;
            for (var c = 0; c < classes; c++)
            {
                var value = double.CreateTruncating(probabilities[row + c]);
                (p[row + c], sum) = (value, sum + value);
                if (!(value >= 0))
                    throw new ArgumentException($"Probability {c} of image {i} is {value}.", nameof(probabilities));
                if (value > p[row + seen[i]])
                    seen[i] = c;
            }

            if (!(Math.Abs(sum - 1) <= SumTolerance))
                throw new ArgumentException($"The probabilities of image {i} add up to {sum:G6}, not to 1.", nameof(probabilities));
        }

        return new JudgedImages(asked.ToArray(), seen, p, classes);
    }

    /// <summary>Share of the images that are classed as what they were asked for, over labels that satisfy a condition: the retained
    /// ones. 95 % interval by Wilson; [0, 1] without images.</summary>
    /// <param name="labelFilter">True for a label that counts.</param>
    /// <returns>The share, NaN without images, and its interval; both between 0 and 1.</returns>
    public (double Share, Interval Interval) Agreement(Func<int, bool> labelFilter)
    {
        ArgumentNullException.ThrowIfNull(labelFilter);
        var (agree, images) = (0, 0);
        for (var i = 0; i < Count; i++)
        {
            if (!labelFilter(_asked[i]))
                continue;
            images++;
            agree += _asked[i] == _seen[i] ? 1 : 0;
        }

        return (images == 0 ? double.NaN : (double)agree / images, Statistics.Wilson(agree, images));
    }

    /// <summary>What is left of a label, from the images that were asked for with it.</summary>
    /// <param name="label">The forgotten label.</param>
    public ForgottenLabelOutcome Forgotten(int label)
    {
        RequireClass(label);
        List<double> entropies = [],
            forgotten = [];
        var recognised = 0;
        for (var i = 0; i < Count; i++)
        {
            if (_asked[i] != label)
                continue;
            var row = _probabilities.AsSpan(i * ClassCount, ClassCount);
            double entropy = 0;
            foreach (var p in row)
                entropy -= p == 0 ? 0 : p * Math.Log(p);
            entropies.Add(entropy);
            forgotten.Add(row[label]);
            recognised += _seen[i] == label ? 1 : 0;
        }

        var (h, q) = (SeedSummary.Of(entropies), SeedSummary.Of(forgotten));
        return new ForgottenLabelOutcome(label, entropies.Count, recognised, h.Mean, h.Confidence(), q.Mean, q.Confidence());
    }

    private void RequireClass(int label)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(label);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(label, ClassCount);
    }
}

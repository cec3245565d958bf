using Lur.Data;
using Lur.Metrics.Generation;
using Lur.Verification.Generation;

namespace Lur.Verification.Concepts;

/// <summary>What a detector sees in images.</summary>
/// <param name="Scores">A number of each image: the greater, the surer is the concept in it.</param>
/// <param name="Shown">Whether the concept is in each image.</param>
/// <param name="Contents">What is in each image, by number; null for a detector that knows the concept alone.</param>
/// <param name="Features">Features of each image; null for a detector without.</param>
internal sealed record ConceptSight(double[] Scores, bool[] Shown, int[]? Contents, FeatureRows? Features);

/// <summary>What a detector's word is worth, on real images whose contents are known.</summary>
/// <param name="Images">How many it looked at.</param>
/// <param name="Hits">Share of those with the concept in which it sees it, percent; NaN without such.</param>
/// <param name="FalseAlarms">Share of those without in which it sees it, percent; NaN without such.</param>
/// <param name="Contents">Share of the images whose contents it names rightly, percent; NaN where it names none.</param>
public sealed record ConceptAcuity(int Images, double Hits, double FalseAlarms, double Contents)
{
    /// <summary>Mean of the shares of images with and of images without the concept of which it is right, percent: 50 is a guess.</summary>
    public double Accuracy => (Hits + 100 - FalseAlarms) / 2;

    /// <summary>Nothing is known.</summary>
    public static ConceptAcuity Unknown { get; } = new(0, double.NaN, double.NaN, double.NaN);

    /// <summary>Compares what it saw with what there is.</summary>
    /// <param name="shown">Whether it sees the concept in each image.</param>
    /// <param name="holds">Whether it is in there.</param>
    /// <param name="contents">Share of the images whose contents it names rightly, percent.</param>
    internal static ConceptAcuity Of(bool[] shown, bool[] holds, double contents = double.NaN)
    {
        double Share(bool with)
        {
            int[] of = [.. Sequences.Range(0, holds.Length).Where(i => holds[i] == with)];
            return of.Length == 0 ? double.NaN : 100.0 * of.Count(i => shown[i]) / of.Length;
        }

        return new ConceptAcuity(holds.Length, Share(true), Share(false), contents);
    }
}

/// <summary>A detector of a concept in images.</summary>
internal abstract class ConceptEye
{
    /// <summary>What its word is worth.</summary>
    public abstract ConceptAcuity Acuity { get; }

    /// <summary>What a prompt asks for, as <see cref="ConceptSight.Contents"/> counts; below 0 where that is not known.</summary>
    public virtual int AskedFor(string prompt) => -1;

    /// <summary>Looks at drawn images; what they were asked for with is no matter.</summary>
    public abstract ConceptSight See(GeneratedSet set, CancellationToken cancel);

    /// <summary>Features of real images of what the kept prompts ask for; null for a detector without features.</summary>
    public virtual FeatureRows? Reals => null;
}

/// <summary>A classifier of the sets of things in a picture, some of which hold the concept.</summary>
internal sealed class JudgeEye : ConceptEye
{
    private readonly Judge _judge;
    private readonly IImageDataset _contents;
    private readonly bool[] _holding;

    /// <summary>Takes a judge and learns how good it is.</summary>
    /// <param name="judge">Tells the sets apart; stays the caller's.</param>
    /// <param name="contents">Real test images, labelled with the set of what is in them.</param>
    /// <param name="holding">For each set whether the concept is in it.</param>
    /// <param name="reals">Real images of what the kept prompts ask for: a data set and its samples.</param>
    /// <param name="cancel">Stops between batches.</param>
    public JudgeEye(
        Judge judge,
        IImageDataset contents,
        bool[] holding,
        (IImageDataset Data, int[] Samples) reals,
        CancellationToken cancel
    )
    {
        (_judge, _contents, _holding) = (judge, contents, holding);
        var seen = judge.See(contents, [.. Sequences.Range(0, contents.Count)], cancel);
        var sight = SightOf(seen.Probabilities, seen.Features);
        Acuity = ConceptAcuity.Of(sight.Shown, [.. seen.Labels.Select(label => holding[label])], seen.Accuracy);
        Reals = reals.Samples.Length == 0 ? null : judge.See(reals.Data, reals.Samples, cancel).Features;
    }

    /// <inheritdoc/>
    public override ConceptAcuity Acuity { get; }

    /// <inheritdoc/>
    public override FeatureRows? Reals { get; }

    /// <inheritdoc/>
    public override int AskedFor(string prompt) => CaptionContents.ShapesOf(prompt);

    /// <inheritdoc/>
    public override ConceptSight See(GeneratedSet set, CancellationToken cancel)
    {
        // The judge knows sets and no prompts.
        var seen = _judge.See(set with { Labels = new int[set.Labels.Length] }, _contents, cancel);
        return SightOf(seen.Probabilities, seen.Features);
    }

    private ConceptSight SightOf(double[] probabilities, FeatureRows features)
    {
        var (classes, n) = (_holding.Length, probabilities.Length / _holding.Length);
        var (scores, shown, contents) = (new double[n], new bool[n], new int[n]);
        for (var i = 0; i < n; i++)
        {
            var row = probabilities.AsSpan(i * classes, classes);
            for (var c = 0; c < classes; c++)
            {
                if (row[c] > row[contents[i]])
                    contents[i] = c;
                if (_holding[c])
                    scores[i] += row[c];
            }

            shown[i] = _holding[contents[i]];
        }

        return new ConceptSight(scores, shown, contents, features);
    }
}

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

/// <summary>A detector of a concept in images.</summary>
internal abstract class ConceptEye
{
    /// <summary>What it is, for people.</summary>
    public abstract string Name { get; }

    /// <summary>Share of real test images of which it says rightly whether the concept is in them, percent; NaN where that is not
    /// known.</summary>
    public abstract double Accuracy { get; }

    /// <summary>Share of real test images whose contents it names rightly, percent; NaN where it names none.</summary>
    public virtual double ContentAccuracy => double.NaN;

    /// <summary>What a prompt asks for, as <see cref="ConceptSight.Contents"/> counts; below 0 where that is not known.</summary>
    public virtual int AskedFor(string prompt) => -1;

    /// <summary>Looks at drawn images.</summary>
    public abstract ConceptSight See(GeneratedSet set, CancellationToken cancel);

    /// <summary>Features of real images in which the concept is not; null for a detector without features.</summary>
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
    /// <param name="cancel">Stops between batches.</param>
    public JudgeEye(Judge judge, IImageDataset contents, bool[] holding, CancellationToken cancel)
    {
        (_judge, _contents, _holding) = (judge, contents, holding);
        int[] all = [.. Enumerable.Range(0, contents.Count)];
        var seen = judge.See(contents, all, cancel);
        var sight = SightOf(seen.Probabilities, seen.Features);
        Accuracy = 100.0 * all.Count(i => sight.Shown[i] == holding[seen.Labels[i]]) / all.Length;
        ContentAccuracy = seen.Accuracy;
        var d = seen.Features.Dimension;
        double[] kept = [.. all.Where(i => !holding[seen.Labels[i]]).SelectMany(i => seen.Features.Values.AsSpan(i * d, d).ToArray())];
        Reals = FeatureRows.Of<double>(kept, d);
    }

    /// <inheritdoc/>
    public override string Name => _judge.Architecture;

    /// <inheritdoc/>
    public override double Accuracy { get; }

    /// <inheritdoc/>
    public override double ContentAccuracy { get; }

    /// <inheritdoc/>
    public override FeatureRows? Reals { get; }

    /// <inheritdoc/>
    public override int AskedFor(string prompt) => CaptionContents.ShapesOf(prompt);

    /// <inheritdoc/>
    public override ConceptSight See(GeneratedSet set, CancellationToken cancel)
    {
        // The judge looks at pictures, whose labels are prompts and no matter to it.
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

/// <summary>Another program.</summary>
/// <param name="command">The program.</param>
/// <param name="threshold">Least score of an image with the concept in it.</param>
/// <param name="size">Channels, rows and columns of the images.</param>
internal sealed class CommandEye(string command, double threshold, (int Channels, int Height, int Width) size) : ConceptEye
{
    private readonly DetectorCommand _command = new(command);

    /// <inheritdoc/>
    public override string Name => command;

    /// <inheritdoc/>
    public override double Accuracy => double.NaN;

    /// <inheritdoc/>
    public override ConceptSight See(GeneratedSet set, CancellationToken cancel)
    {
        var scores = _command.Score(set.Pixels, size, cancel);
        return new ConceptSight(scores, [.. scores.Select(s => s >= threshold)], null, null);
    }
}

using Lur.Data;
using Lur.Models;
using Lur.Tasks.Classification;

namespace Lur.Verification.Generation;

/// <summary>A classifier of real images that looks at drawn ones. It belongs to the data: another judge's numbers cannot be set
/// beside its.</summary>
public sealed class Judge : IDisposable
{
    private readonly FeatureExtractor _extractor;

    /// <summary>Takes a classifier and learns how good it is.</summary>
    /// <param name="classifier">The classifier; stays the caller's.</param>
    /// <param name="test">Real images it has not seen.</param>
    /// <param name="noise">Largest deviation of Gaussian noise that it is to stand, on images in [-1, 1].</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">The model classifies nothing, or its outputs are no numbers.</exception>
    public Judge(Model classifier, IImageDataset test, double noise = 0, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentNullException.ThrowIfNull(test);
        if (classifier.Spec is UNetSpec || classifier.Outputs != test.ClassNames.Count)
            throw new UserErrorException(
                $"{classifier.Architecture} is no classifier of the {test.ClassNames.Count} classes of {test.Name}, and cannot judge "
                    + "images."
            );
        _extractor = new FeatureExtractor(classifier);
        (Architecture, ClassCount) = (classifier.Architecture, test.ClassNames.Count);
        int[] all = [.. Sequences.Range(0, test.Count)];
        TestAccuracy = See(test, all, cancel).Accuracy;
        using var noisy = new NoisyImages(test, noise);
        (Noise, NoisyAccuracy) = (noise, noise > 0 ? See(noisy, all, cancel).Accuracy : TestAccuracy);
    }

    /// <summary>Its architecture.</summary>
    public string Architecture { get; }

    /// <summary>Classes it tells apart.</summary>
    public int ClassCount { get; }

    /// <summary>Share of real test images that it classes as labelled, percent: what its word is worth.</summary>
    public double TestAccuracy { get; }

    /// <summary>Largest deviation of the noise that it was tried with.</summary>
    public double Noise { get; }

    /// <summary>The same as <see cref="TestAccuracy"/> with noise on the images, whose deviation is uniform from 0 to
    /// <see cref="Noise"/>: what its word is worth of images with the grain that a model leaves.</summary>
    public double NoisyAccuracy { get; }

    /// <summary>Looks at images.</summary>
    /// <param name="data">Data set.</param>
    /// <param name="indices">Samples, in the order of the result.</param>
    /// <param name="cancel">Stops between batches.</param>
    public SeenImages See(IImageDataset data, ReadOnlySpan<int> indices, CancellationToken cancel = default) =>
        _extractor.See(data, indices, null, cancel);

    /// <inheritdoc/>
    public void Dispose() => _extractor.Dispose();

    /// <summary>Looks at drawn images.</summary>
    internal SeenImages See(GeneratedSet set, IImageDataset like, CancellationToken cancel) =>
        See(new MemoryImages("drawn images", like, set.Pixels, set.Labels), [.. Sequences.Range(0, set.Labels.Length)], cancel);

    /// <summary>Share of drawn images that are classed as a class, percent.</summary>
    internal double ShareOf(int wanted, GeneratedSet set, IImageDataset like, CancellationToken cancel)
    {
        var asked = set with { Labels = [.. Sequences.Repeat(wanted, set.Labels.Length)] };
        return See(asked, like, cancel).Accuracy;
    }
}

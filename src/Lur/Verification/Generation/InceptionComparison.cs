using Lur.Checkpoints;
using Lur.Data;
using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Verification.Generation;

/// <summary>FID and KID of what models draw, all beside the same real images.</summary>
public sealed class InceptionComparison
{
    private readonly InceptionFeatures _features;
    private readonly FeatureRows _reals;
    private readonly FeatureStatistics? _published;
    private readonly ulong _seed;

    /// <summary>Looks at real images: as many as are drawn, and as many others for the floor; half of what there is where that is
    /// less.</summary>
    /// <param name="features">The network; stays the caller's.</param>
    /// <param name="data">Real images.</param>
    /// <param name="kept">Those of them to compare with, 4 or more.</param>
    /// <param name="drawn">Images that a model draws.</param>
    /// <param name="seed">Decides which real images are looked at.</param>
    /// <param name="statistics">.npz file of mu and sigma that the FID is taken to in the place of the real images'; null for
    /// none.</param>
    /// <param name="progress">Called with the number of images done, or null.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">There are too few images, or the file holds no such statistics.</exception>
    public InceptionComparison(
        InceptionFeatures features,
        IImageDataset data,
        ReadOnlySpan<int> kept,
        int drawn,
        ulong seed,
        string? statistics = null,
        Action<int>? progress = null,
        CancellationToken cancel = default
    )
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(data);
        if (kept.Length < 4 || drawn < 2)
            throw new UserErrorException(
                $"FID needs at least 4 real and 2 drawn images of kept classes; there are {kept.Length} and {drawn}."
            );
        (_features, _seed) = (features, seed);
        if (statistics is not null)
        {
            var (mean, covariance, count) = MomentsFile.Read(statistics, features.Dimension);
            _published = new FeatureStatistics(mean, covariance, count);
        }

        var chosen = Chosen(kept, drawn, seed);
        var size = new ImageSize(data.Height, data.Width, data.Channels);
        var reals = features.Of(chosen.Length, size, (i, pixels) => data.CopyImage(chosen[i], pixels), progress, cancel);
        (_reals, var others) = RealFloor.Halves(reals, drawn, seed);
        Floor = InceptionQuality.Of(_reals, others, _published, seed);
    }

    /// <summary>Numbers of a feature.</summary>
    public int Dimension => _features.Dimension;

    /// <summary>Real images that drawn ones are beside, and the most drawn ones that are looked at.</summary>
    public int Count => _reals.Count;

    /// <summary>As many other real images in the place of drawn ones.</summary>
    public InceptionQuality Floor { get; }

    /// <summary>Images that the constructor looks at.</summary>
    public static int Looked(int kept, int drawn) => Math.Min(kept, 2 * drawn);

    /// <summary>Looks at drawn images; the first ones are taken where the real ones are fewer.</summary>
    /// <param name="set">All that was drawn.</param>
    /// <param name="kept">Which labels count.</param>
    /// <param name="size">Size of the images.</param>
    /// <param name="progress">Called with the number of images done, or null.</param>
    /// <param name="cancel">Stops between batches.</param>
    internal InceptionQuality Of(GeneratedSet set, Func<int, bool> kept, ImageSize size, Action<int>? progress, CancellationToken cancel)
    {
        int[] chosen = [.. Sequences.Range(0, set.Labels.Length).Where(i => kept(set.Labels[i])).Take(Count)];
        var length = set.Pixels.Length / set.Labels.Length;
        var drawn = _features.Of(
            chosen.Length,
            size,
            (i, pixels) => set.Pixels.AsSpan(chosen[i] * length, length).CopyTo(pixels),
            progress,
            cancel
        );
        return InceptionQuality.Of(_reals, drawn, _published, _seed);
    }

    private static int[] Chosen(ReadOnlySpan<int> kept, int drawn, ulong seed)
    {
        var order = new RandomStream(seed, "generate/inception").Permutation(kept.Length);
        var chosen = new int[Looked(kept.Length, drawn)];
        for (var i = 0; i < chosen.Length; i++)
            chosen[i] = kept[order[i]];
        return chosen;
    }
}

using System.Diagnostics;
using Lur.Data;
using Lur.Device;
using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>FID and KID of a verification: the network, the real images, and what is said on the way.</summary>
internal sealed class InceptionLook : IDisposable
{
    private readonly InceptionFeatures _features;
    private readonly InceptionComparison _comparison;
    private readonly HashSet<int> _kept;
    private readonly ImageSize _size;
    private readonly RunHost _host;
    private readonly CancellationToken _cancel;

    private InceptionLook(GenerationSettings settings, ComputeDevice device, DataSource source, int[] train, HashSet<int> kept, Told told)
    {
        var (data, path) = (source.Train, settings.Inception!);
        (_kept, _host, _cancel, _size) = (kept, told.Host, told.Cancel, new ImageSize(data.Height, data.Width, data.Channels));
        _features = settings.InceptionSize is var (divisor, side)
            ? new(path, device, Precision.Float32, 4, divisor, side)
            : new(path, device);
        try
        {
            int[] reals = [.. train.Where(i => kept.Contains(data.Label(i)))];
            var drawn = settings.Sampling.Samples * kept.Count;
            var (looked, clock) = (InceptionComparison.Looked(reals.Length, drawn), Stopwatch.StartNew());
            using (var stage = _host.Progress.Stage("InceptionV3, real images", looked, "images"))
                _comparison = new InceptionComparison(
                    _features,
                    data,
                    reals,
                    drawn,
                    settings.Sampling.Seed,
                    settings.InceptionStatistics,
                    n => stage.Report(n),
                    _cancel
                );
            _host.Progress.Note(FormattableString.Invariant($"InceptionV3 takes {clock.Elapsed.TotalSeconds / looked:0.000} s an image"));
            var floor = _comparison.Floor;
            Facts = new InceptionFacts(path, RunFolder.Sha256Of(path), settings.InceptionStatistics, _comparison.Count, floor)
            {
                Reservation = InceptionQuality.Reservation(_comparison.Count, _comparison.Dimension),
            };
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private readonly record struct Told(RunHost Host, CancellationToken Cancel);

    /// <summary>Who looked, and at what.</summary>
    public InceptionFacts Facts { get; }

    /// <summary>Reads the network and looks at real images; null where the settings name no file.</summary>
    /// <param name="settings">Which file.</param>
    /// <param name="device">Device to compute on.</param>
    /// <param name="source">Real images.</param>
    /// <param name="train">Those of them that the original was trained on.</param>
    /// <param name="kept">Labels that are kept.</param>
    /// <param name="host">Whom it tells.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">The file is none of this network, or there are too few images.</exception>
    public static InceptionLook? Open(
        GenerationSettings settings,
        ComputeDevice device,
        DataSource source,
        int[] train,
        IEnumerable<int> kept,
        RunHost host,
        CancellationToken cancel
    ) => settings.Inception is null ? null : new(settings, device, source, train, [.. kept], new Told(host, cancel));

    /// <summary>Looks at what a model drew.</summary>
    public InceptionQuality Of(GeneratedSet set)
    {
        var count = Math.Min(_comparison.Count, set.Labels.Count(_kept.Contains));
        using var stage = _host.Progress.Stage("InceptionV3", count, "images");
        return _comparison.Of(set, _kept.Contains, _size, n => stage.Report(n), _cancel);
    }

    /// <inheritdoc/>
    public void Dispose() => _features.Dispose();
}

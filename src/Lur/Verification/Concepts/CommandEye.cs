using Lur.Data;
using Lur.Metrics.Generation;
using Lur.Verification.Generation;

namespace Lur.Verification.Concepts;

/// <summary>Another program says whether the concept is in an image; what else is there, a judge says where there is one.</summary>
internal sealed class CommandEye : ConceptEye
{
    private readonly DetectorCommand _command;
    private readonly double _threshold;
    private readonly ConceptEye? _judge;
    private readonly (int Channels, int Height, int Width) _size;

    /// <summary>Takes a program and learns how good it is.</summary>
    /// <param name="command">The program.</param>
    /// <param name="threshold">Least score of an image with the concept in it.</param>
    /// <param name="reals">Real images, and for each whether the concept is in it; none where that is not known.</param>
    /// <param name="judge">Sees what else is in an image; null for nobody.</param>
    /// <param name="cancel">Stops the program.</param>
    /// <exception cref="UserErrorException">The program fails.</exception>
    public CommandEye(
        DetectorCommand command,
        double threshold,
        (IImageDataset Data, int[] Samples, bool[] Holds) reals,
        ConceptEye? judge,
        CancellationToken cancel
    )
    {
        var (data, samples, holds) = reals;
        (_command, _threshold, _judge, _size) = (command, threshold, judge, (data.Channels, data.Height, data.Width));
        var contents = judge?.Acuity.Contents ?? double.NaN;
        Acuity = ConceptAcuity.Unknown with { Contents = contents };
        if (samples.Length == 0)
            return;
        var size = data.SampleBytes;
        var pixels = new byte[samples.Length * size];
        for (var i = 0; i < samples.Length; i++)
            data.CopyImage(samples[i], pixels.AsSpan(i * size, size));
        Acuity = ConceptAcuity.Of([.. command.Score(pixels, _size, cancel).Select(Shows)], holds, contents);
    }

    /// <inheritdoc/>
    public override ConceptAcuity Acuity { get; }

    /// <inheritdoc/>
    public override FeatureRows? Reals => _judge?.Reals;

    /// <inheritdoc/>
    public override int AskedFor(string prompt) => _judge?.AskedFor(prompt) ?? -1;

    /// <inheritdoc/>
    public override ConceptSight See(GeneratedSet set, CancellationToken cancel)
    {
        var scores = _command.Score(set.Pixels, _size, cancel);
        var rest = _judge?.See(set, cancel);
        return new ConceptSight(scores, [.. scores.Select(Shows)], rest?.Contents, rest?.Features);
    }

    private bool Shows(double score) => score >= _threshold;
}

using Lur.Metrics;
using Lur.Metrics.Generation;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>A model whose images were judged.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Assessment">What it draws.</param>
public sealed record DrawingModel(string Path, GenerativeAssessment Assessment);

/// <summary>Who judged.</summary>
/// <param name="Path">File of the classifier.</param>
/// <param name="Sha256">Hash of the file.</param>
/// <param name="Architecture">Its architecture.</param>
/// <param name="TestAccuracy">Share of real test images that it classes as labelled, percent.</param>
/// <param name="Noise">Largest deviation of the noise that it was tried with, on images in [-1, 1].</param>
/// <param name="NoisyAccuracy">The same as <paramref name="TestAccuracy"/> with that noise on the images.</param>
public sealed record JudgeFacts(string Path, string Sha256, string Architecture, double TestAccuracy, double Noise, double NoisyAccuracy);

/// <summary>What FID and KID were measured by.</summary>
/// <param name="Path">File of the network.</param>
/// <param name="Sha256">Hash of the file.</param>
/// <param name="Statistics">File of the statistics that the FID is taken to; null for those of the real images.</param>
/// <param name="Images">Images on each side.</param>
/// <param name="Floor">As many other real images in the place of drawn ones.</param>
public sealed record InceptionFacts(string Path, string Sha256, string? Statistics, int Images, InceptionQuality Floor)
{
    /// <summary>What has to be said beside the FID; null where nothing has.</summary>
    public string? Reservation { get; init; }
}

/// <summary>What a verification of models that draw found.</summary>
/// <param name="Judge">Who judged.</param>
/// <param name="Sampling">How images were drawn.</param>
/// <param name="Classes">Names of the classes.</param>
/// <param name="Forgotten">Labels that were to be forgotten.</param>
/// <param name="Original">What the original draws.</param>
/// <param name="Unlearned">What the unlearned models draw.</param>
/// <param name="Retrained">What the retrained models draw; may be empty.</param>
/// <param name="Verdict">The verdict.</param>
/// <param name="Attacks">What attacks brought back.</param>
/// <param name="Distance">Of the first unlearned model's weights from the original ones.</param>
public sealed record GenerationVerifyResult(
    JudgeFacts Judge,
    SamplingPlan Sampling,
    IReadOnlyList<string> Classes,
    IReadOnlyList<int> Forgotten,
    GenerativeAssessment Original,
    IReadOnlyList<DrawingModel> Unlearned,
    IReadOnlyList<DrawingModel> Retrained,
    UnlearningVerdict Verdict,
    IReadOnlyList<DrawingAttack> Attacks,
    WeightDistance Distance
)
{
    /// <summary>Labels of the test images whose denoising losses were taken.</summary>
    public required int[] TestLabels { get; init; }

    /// <summary>The classes that are neither forgotten now nor were earlier.</summary>
    public required IReadOnlyList<int> Kept { get; init; }

    /// <summary>Size of the images: channels, rows, columns.</summary>
    public required (int Channels, int Height, int Width) Size { get; init; }

    /// <summary>What FID and KID were measured by; null where they were not.</summary>
    public InceptionFacts? Inception { get; init; }

    /// <summary>A number of the original, and over the models of each side; the last is null without retrained models.</summary>
    /// <param name="value">Which number.</param>
    public (double Original, SeedSummary Unlearned, SeedSummary? Retrained) Of(Func<GenerativeAssessment, double> value)
    {
        SeedSummary Side(IReadOnlyList<DrawingModel> models) => SeedSummary.Of([.. models.Select(m => value(m.Assessment))]);
        return (value(Original), Side(Unlearned), Retrained.Count == 0 ? null : Side(Retrained));
    }

    /// <summary>Denoising losses of some models minus the original's, image by image, for each class; a loss of several models is their
    /// mean.</summary>
    /// <param name="models">The models; at least one.</param>
    public PairedDifference[] LossChange(IReadOnlyList<DrawingModel> models) =>
        PairedDifference.ByClass(Original.Losses, MeanLosses(models), TestLabels, Classes.Count);

    /// <summary>What their label helps some models in denoising test images of the forgotten classes: the loss without a class less the
    /// loss under the label; that of several models is their mean.</summary>
    /// <param name="models">What was found of the models; at least one.</param>
    public static PairedDifference LabelGain(params IEnumerable<GenerativeAssessment> models)
    {
        double[][] each = [.. models.Select(m => m.LabelGains)];
        double[] gains = [.. each[0].Select((_, i) => each.Average(g => g[i]))];
        return PairedDifference.Of(new double[gains.Length], gains);
    }

    private static double[] MeanLosses(IReadOnlyList<DrawingModel> models) =>
        [.. models[0].Assessment.Losses.Select((_, i) => models.Average(m => m.Assessment.Losses[i]))];
}

using System.Globalization;

namespace Lur.Runs;

/// <summary>What forgetting did to a diffusion model, in words.</summary>
/// <param name="Subject">What was forgotten: names of classes, or the specification.</param>
/// <param name="Images">Samples of the forget set.</param>
/// <param name="Forget">Denoising loss on the forget set before and after.</param>
/// <param name="Change">Interval of its change, sample by sample.</param>
/// <param name="Retain">Denoising loss on the retain set before and after.</param>
public sealed record DenoisingConclusion(
    string Subject,
    int Images,
    (double Before, double After) Forget,
    (double Low, double High) Change,
    (double Before, double After) Retain
)
{
    /// <summary>Of a result that was just made.</summary>
    public static DenoisingConclusion Of(ForgetResult r, DenoisingOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(r);
        ArgumentNullException.ThrowIfNull(outcome);
        var (before, after) = (outcome.Original, outcome.Unlearned);
        var interval = DenoisingOutcome.Change(before.Forget, after.Forget).Interval;
        return new DenoisingConclusion(
            ForgetConclusion.SubjectOf([.. r.Set.RequestedClasses.Select(c => r.Classes[c])], r.Set.Specifications),
            r.Set.Forget.Length,
            (before.Forget.Mean, after.Forget.Mean),
            (interval.Low, interval.High),
            (before.Retain.Mean, after.Retain.Mean)
        );
    }

    /// <summary>Of a run's folder.</summary>
    public static DenoisingConclusion Of(RunFolder run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var result = run.Result;
        (double, double) Both(string metric) => (result.Number("original", metric), result.Number("unlearned", metric));
        var names = run.RequestedClasses;
        return new DenoisingConclusion(
            ForgetConclusion.SubjectOf([.. names], [run.Forget]),
            double.IsFinite(result.Number("forgetImages")) ? (int)result.Number("forgetImages") : 0,
            Both("forgetLoss"),
            (result.Number("changes", "forgetLoss", "low"), result.Number("changes", "forgetLoss", "high")),
            Both("retainLoss")
        );
    }

    /// <summary>Whether a folder is of a diffusion model.</summary>
    public static bool Fits(RunFolder run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return run.Result.Find("original", "forgetLoss") is not null;
    }

    /// <summary>What was forgotten and how much of it: "star, 400 images".</summary>
    public string Title => string.Create(CultureInfo.InvariantCulture, $"{Subject}, {Images:N0} image{(Images == 1 ? "" : "s")}");

    /// <summary>One sentence. It speaks of the loss alone: what the model draws, images say.</summary>
    public string Sentence =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Subject} ({Images:N0} image{(Images == 1 ? "" : "s")}) {Outcome}: denoising loss {Forget.After:0.####} on "
                + $"{(Images == 1 ? "it" : "them")}, {Forget.Before:0.####} before; {Retain.After:0.####} on the images that are kept, "
                + $"{Retain.Before:0.####} before."
        );

    private string Outcome =>
        Change.Low > 0 ? "is denoised worse than before"
        : Change.High < 0 ? "is denoised better than before"
        : "is denoised as before, and was not forgotten as far as the loss tells";
}

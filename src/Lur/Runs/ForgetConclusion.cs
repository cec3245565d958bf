using System.Globalization;

namespace Lur.Runs;

/// <summary>What a forgetting run came to, in words: what was forgotten, and one sentence about it. It is about this model alone: how it
/// compares with one that never saw the samples, a verification says.</summary>
/// <param name="Subject">What was forgotten: names of classes, or the specification.</param>
/// <param name="Images">Samples of the forget set.</param>
/// <param name="WholeClasses">True if the forget set is whole classes.</param>
/// <param name="Forget">Accuracy on the forget set before and after, percent.</param>
/// <param name="Test">Test accuracy without classes forgotten whole, before and after, percent.</param>
/// <param name="Worst">Kept class that lost most and the change of its test accuracy in points; null where there is none.</param>
public sealed record ForgetConclusion(
    string Subject,
    int Images,
    bool WholeClasses,
    (double Before, double After) Forget,
    (double Before, double After) Test,
    (string Class, double Change)? Worst
)
{
    private const double Little = 5,
        Nothing = 0.5;

    /// <summary>Of a result that was just made.</summary>
    public static ForgetConclusion Of(ForgetResult r)
    {
        ArgumentNullException.ThrowIfNull(r);
        var (before, after) = (r.Original.Metrics, r.Unlearned.Metrics);
        return new ForgetConclusion(
            SubjectOf([.. r.Set.RequestedClasses.Select(c => r.Classes[c])], r.Set.Specifications),
            r.Set.Forget.Length,
            r.Set.RequestedClasses.Count > 0,
            (100 - before.UnlearningAccuracy, 100 - after.UnlearningAccuracy),
            (before.TestAccuracy, after.TestAccuracy),
            WorstOf(
                Enumerable
                    .Range(0, r.Classes.Count)
                    .Where(c => !r.Set.WholeClasses.Contains(c))
                    .Select(c => (r.Classes[c], after.PerClassTestAccuracy[c] - before.PerClassTestAccuracy[c]))
            )
        );
    }

    /// <summary>Of a run's folder.</summary>
    public static ForgetConclusion Of(RunFolder run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var (result, forgotten, requested) = (run.Result, run.ForgottenClasses, run.RequestedClasses);
        double Both(string model, string metric) => result.Number(model, metric);
        var images = result.Number("forgetImages");
        return new ForgetConclusion(
            SubjectOf([.. run.Classes.Select(c => c.Name).Where(requested.Contains)], [run.Forget]),
            double.IsFinite(images) ? (int)images : 0,
            requested.Count > 0,
            (100 - Both("original", "ua"), 100 - Both("unlearned", "ua")),
            (Both("original", "ta"), Both("unlearned", "ta")),
            WorstOf(run.Classes.Where(c => !forgotten.Contains(c.Name)).Select(c => (c.Name, c.Unlearned - c.Original)))
        );
    }

    /// <summary>What was forgotten and how much of it: "star, 400 images".</summary>
    public string Title => string.Create(CultureInfo.InvariantCulture, $"{Subject}, {Images:N0} image{(Images == 1 ? "" : "s")}");

    /// <summary>One sentence.</summary>
    public string Sentence =>
        string.Create(CultureInfo.InvariantCulture, $"{Subject} ({Images:N0} image{(Images == 1 ? "" : "s")}) {Outcome}{Kept}{Damage}.");

    private string Outcome
    {
        get
        {
            if (!double.IsFinite(Forget.Before) || !double.IsFinite(Forget.After))
                return "was processed, and its accuracy is not known";
            var change = string.Create(
                CultureInfo.InvariantCulture,
                $"accuracy on {(Images == 1 ? "it" : "them")} {Forget.After:0.0} %, {Forget.Before:0.0} % before"
            );
            if (Math.Max(Forget.After, Forget.Before) <= Little)
                return $"was not recognised before, so that there was little to forget: {change}";
            if (Math.Abs(Forget.After - Forget.Before) < Nothing)
                return $"was not forgotten: {change}";
            if (Forget.After > Forget.Before)
                return $"is known better than before: {change}";
            if (WholeClasses)
                return Forget.After <= Little ? $"is no longer recognised: {change}"
                    : Forget.After <= Forget.Before / 2 ? $"is forgotten in part: {change}"
                    : $"is hardly forgotten: {change}";
            // A model that never saw a sample knows it as well as it knows test images.
            return !double.IsFinite(Test.After) ? $"is known less: {change}"
                : Forget.After < Test.After - Little ? $"is recognised less often than images never seen: {change}"
                : Forget.After <= Test.After + 2 ? $"is recognised as often as images never seen: {change}"
                : $"is still known better than images never seen: {change}";
        }
    }

    private string Kept =>
        double.IsFinite(Test.Before) && double.IsFinite(Test.After)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"; test accuracy{(WholeClasses ? " of the other classes" : "")} {Test.After:0.0} %, {Test.Before:0.0} % before"
            )
            : "";

    private string Damage =>
        Worst is { } worst && worst.Change < -Little
            ? string.Create(CultureInfo.InvariantCulture, $"; most was lost by the class '{worst.Class}', {-worst.Change:0.0} points")
            : "";

    // Of captions there are hundreds, and a specification names them all.
    private const int MostNamed = 12;

    internal static string SubjectOf(IReadOnlyList<string> classes, IReadOnlyList<string> specifications) =>
        classes.Count is > 0 and <= MostNamed ? string.Join(", ", classes) : string.Join(", ", specifications);

    private static (string, double)? WorstOf(IEnumerable<(string Class, double Change)> changes)
    {
        var known = changes.Where(c => double.IsFinite(c.Change)).ToValues();
        return known.Length == 0 ? null : known.MinBy(c => c.Change);
    }
}

using Lur.Runs;
using static Lur.Reports.Html;

namespace Lur.Reports;

/// <summary>A comparison as a page of its own.</summary>
public static class ComparePage
{
    /// <summary>The text of the page.</summary>
    public static string Render(Comparison comparison)
    {
        var title = $"Forgetting {comparison.Forget}: {comparison.Methods.Count} methods";
        var reference = comparison.Reference;
        (string Name, string Text)[] facts =
        [
            ("Data", comparison.Data),
            ("Forget set", comparison.Forget),
            ("Original model", comparison.Model),
            (
                "Reference",
                reference is null
                    ? "none: gaps, tug of war and verdicts need a retrained model"
                    : $"{reference.Title}, {reference.Unlearning.Count} seed{(reference.Unlearning.Count == 1 ? "" : "s")}"
            ),
        ];
        return Page(
            title,
            E("header", E("h1", title), E("dl", Class("facts"), facts.Select(f => E("div", E("dt", f.Name), E("dd", f.Text))))),
            E(
                "section",
                E("h2", "Methods"),
                Table(
                    ComparisonTable.Shown(comparison, "\u00B1", verdicts: false),
                    comparison.Draws
                        ? "Mean and standard deviation over seeds; UA and agreement in percent, loss gaps to the reference."
                        : "Mean and standard deviation over seeds; the gap is the mean distance to the reference in UA, RA, TA and "
                            + "MIA, in points.",
                    reference is null ? null : [.. comparison.Methods.Select(m => ComparisonTable.VerdictOf(comparison, m))]
                ),
                E("div", Class("figures"), MethodCharts.Of(comparison.Methods, reference))
            ),
            E(
                "details",
                E("summary", "What the columns mean"),
                E(
                    "dl",
                    Class("facts"),
                    ComparisonTable
                        .Shown(comparison)
                        .Columns.Select(c => Glossary.Find(c.Key))
                        .OfType<GlossaryEntry>()
                        .Select(e => E("div", E("dt", e.Title), E("dd", e.What + " " + e.Reading)))
                )
            )
        );
    }
}

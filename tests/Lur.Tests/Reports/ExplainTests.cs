using Lur.Cli;
using Lur.Reports;
using Lur.Runs;
using Lur.Tests.Architecture;
using Lur.Tests.Cli;

namespace Lur.Tests.Reports;

public partial class ExplainTests
{
    private static Ended Explain(params string[] args) => Command.Run(["explain", .. args]);

    [Test]
    public void EveryColumnOfTheLogsIsExplained()
    {
        string[] columns = [.. ForgetLog.Header.Trim().Split(','), .. TrainRun.LogHeader.Trim().Split(',')];
        Assert.That(columns, Does.Contain("second_order_share").And.Contain("validation_loss"));
        Assert.That(columns.Where(c => Glossary.Find(c) is null), Is.Empty);
        Assert.That(RunFixture.LogHeader, Is.EqualTo(ForgetLog.Header.Trim()), "the fixture's log is that of a run");
    }

    [Test]
    public void EveryVerdictAndEveryColumnOfAComparisonIsExplained()
    {
        foreach (var verdict in Enum.GetNames<global::Lur.Metrics.Verdict>())
            Assert.That(Glossary.Find(verdict), Is.Not.Null, verdict);
        var classifiers = new Comparison([], null, "", "", "");
        foreach (var comparison in new[] { classifiers, classifiers with { Draws = true } })
        {
            foreach (var column in ComparisonTable.Shown(comparison).Columns)
            {
                Assert.That(Glossary.Find(column.Key), Is.Not.Null, column.Key);
                Assert.That(Glossary.Find(column.Header), Is.SameAs(Glossary.Find(column.Key)), column.Header);
            }

            foreach (
                var column in ComparisonTable
                    .Data(comparison)
                    .Columns.Select(c => c.Header.Replace("_std", "", StringComparison.Ordinal).Split("gap_")[^1])
            )
                Assert.That(Glossary.Find(column), Is.Not.Null, column);
        }
    }

    [Test]
    public void EveryNumberOfModelsThatDrawHasAnEntryOfItsOwnAndAColumnOrAGap()
    {
        Assert.That(DrawnNumbers.Names.Select(n => Glossary.Find(n)?.Term), Is.Unique.And.All.Not.Null);
        var shown = DrawnTable.Columns.Select(c => c.Column.Key).ToArray();
        Assert.That(shown, Is.SubsetOf(DrawnNumbers.Names).And.Unique);
        // A loss by itself says nothing; its gap is shown.
        Assert.That(DrawnNumbers.Names.Except(shown), Is.EquivalentTo(DrawnNumbers.Compared));
    }

    [Test]
    public void EveryColumnOfEveryTableIsExplained()
    {
        // Columns are written out where their tables are made: new Column("key", "Header"), or new("key", "Header") in a list of them.
        var columns = new[] { "src/Lur.Cli", "src/Lur.Reports" }
            .SelectMany(folder => Repository.Files(folder, ".cs"))
            .SelectMany(f => ColumnInText().Matches(Repository.Read(f)).Select(m => (File: f, Key: m.Groups[1].Value)))
            .ToArray();
        Assert.That(columns.Select(c => c.Key).Distinct().Count(), Is.GreaterThan(50), "the pattern finds the columns");
        Assert.That(columns.Select(c => c.Key), Is.SupersetOf(new[] { "attack", "inside", "stage", "needs", "unlearnedForget" }));
        Repository.AssertNone(
            columns.Where(c => Glossary.Find(c.Key) is null).Select(c => $"{c.File}: {c.Key}"),
            "Columns without an entry in the glossary:"
        );
        foreach (var attack in global::Lur.Metrics.MembershipAttacks.Names(vector: true))
            Assert.That(Glossary.AttackTitle(attack), Does.EndWith("attack").Or.EndWith("(published form)"), attack);
    }

    // A sentence with a full stop is the description of a command, not a header.
    [System.Text.RegularExpressions.GeneratedRegex(
        """new(?: Column)?\("(\w+)", (?:"(?:[^"]*[^".])?"|[\w.]+)(?: \+ \w+)?(?:, Right: true)?\)"""
    )]
    private static partial System.Text.RegularExpressions.Regex ColumnInText();

    [Test]
    public void TermsAreUniqueAndHaveTwoSentences()
    {
        Assert.That(
            Glossary
                .All.SelectMany(e => e.Aliases.Append(e.Term))
                .GroupBy(n => Glossary.Find(n)!.Term + "/" + n.ToLowerInvariant())
                .Where(g => g.Count() > 1)
                .Select(g => g.Key),
            Is.Empty
        );
        foreach (var e in Glossary.All)
        {
            foreach (var name in e.Aliases.Append(e.Term))
                Assert.That(Glossary.Find(name), Is.SameAs(e), $"{name} is claimed twice");
            Assert.That(e.What, Does.EndWith(".").And.Not.Contain("\n"), e.Term);
            Assert.That(e.Reading, Does.EndWith(".").And.Not.Contain("\n"), e.Term);
        }
    }

    [TestCase("ua", "UA, unlearning accuracy [%]")]
    [TestCase("Second-Order Share", "Second-order share: alpha |h| / |v|")]
    [TestCase("forgottenClassTestAccuracy", "FTA")]
    public void ATermIsTwoLines(string term, string expected)
    {
        var (code, output, error) = Explain(term);
        Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")));
        var lines = output.TrimEnd().Split(Environment.NewLine);
        Assert.That(lines, Has.Length.EqualTo(2));
        Assert.That(lines[0], Does.StartWith(expected));
        Assert.That(lines[1], Does.StartWith("How to read it: "));
    }

    [Test]
    public void SeveralTermsAreExplainedInTheirOrderAndAPhraseIsOne()
    {
        var (code, output, error) = Explain("ua", "mia");
        Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")));
        var lines = output.TrimEnd().Split(Environment.NewLine);
        Assert.That(lines, Has.Length.EqualTo(5));
        Assert.That((lines[0], lines[2], lines[3]), Is.EqualTo((lines[0], "", lines[3])));
        Assert.That(lines[0], Does.StartWith("UA,"));
        Assert.That(lines[3], Does.StartWith("MIA,"));
        Assert.That(Explain("second", "order", "share").Output, Does.StartWith("Second-order share"));
        (code, output, error) = Explain("ua", "xyzzy");
        Assert.That((code, output), Is.EqualTo((ExitCode.Failed, "")), error);
    }

    [Test]
    public void TheVerdictSaysWhatIsCompared()
    {
        var text = Explain("verdict").Output;
        foreach (var compared in new[] { "UA, RA, TA and MIA", "every kept class", "membership attack", "--relearn", "three references" })
            Assert.That(text, Does.Contain(compared));
    }

    [TestCase("cosin", "cosine")]
    [TestCase("gradient", "retain_gradient")]
    [TestCase("xyzzy", "lists every term")]
    public void AnUnknownTermIsMetHalfway(string term, string expected)
    {
        var (code, output, error) = Explain(term);
        Assert.That((code, output), Is.EqualTo((ExitCode.Failed, "")));
        Assert.That(error.Trim(), Does.StartWith($"lur: '{term}' is not explained").And.Contain(expected).And.Not.Contain("\n"));
    }

    [Test]
    public void WithoutATermAllAreListed()
    {
        var (code, output, _) = Explain();
        Assert.That(code, Is.EqualTo(ExitCode.Done));
        Assert.That(output.TrimEnd().Split(Environment.NewLine), Has.Length.EqualTo(Glossary.All.Count + 1));
    }
}

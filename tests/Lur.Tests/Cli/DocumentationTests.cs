using System.Text.RegularExpressions;
using Lur.Cli;
using Lur.Tests.Architecture;

namespace Lur.Tests.Cli;

/// <summary>What the README and docs/ tell a reader to type exists.</summary>
public partial class DocumentationTests
{
    private static string[] Pages => ["README.md", .. Repository.Files("docs", ".md")];

    [Test]
    public void EveryTargetNamedInThePagesExists()
    {
        string[] targets = [.. TaskName().Matches(Repository.Read("build.cake")).Select(m => m.Groups[1].Value)];
        Assert.That(targets, Does.Contain("Demo").And.Contain("Test"));
        var violations = new List<string>();
        foreach (var page in Pages)
        {
            violations.AddRange(
                TargetOption()
                    .Matches(Repository.Read(page))
                    .Select(m => m.Groups[1].Value)
                    .Where(t => !targets.Contains(t))
                    .Select(t => $"{page}: --target={t}")
            );
        }
        Repository.AssertNone(violations, "Targets that build.cake does not have:");
    }

    [Test]
    public void EveryCommandInThePagesParses()
    {
        var violations = new List<string>();
        var count = 0;
        foreach (var page in Pages)
        {
            var code = false;
            foreach (var line in Repository.Lines(page))
            {
                if (line.StartsWith("```", StringComparison.Ordinal))
                    code = !code;
                if (!code || CommandInText().Match(line) is not { Success: true } match)
                    continue;
                count++;
                var parsed = CommandLine.CreateRoot().Parse(match.Groups[1].Value.Split('#')[0].Trim());
                violations.AddRange(parsed.Errors.Select(e => $"{page}: {line.Trim()}: {e.Message}"));
            }
        }
        Repository.AssertNone(violations, "Commands that lur does not take:");
        Assert.That(count, Is.Positive, "No command was found in the pages; the pattern is wrong.");
    }

    [Test]
    public void LinksBetweenPagesLead()
    {
        var violations = new List<string>();
        foreach (var page in Pages)
        {
            var folder = Path.GetDirectoryName(Path.Combine(Repository.Root, page))!;
            violations.AddRange(
                Link()
                    .Matches(Repository.Read(page))
                    .Select(m => m.Groups[1].Value)
                    .Where(target => !Path.Exists(Path.Combine(folder, target)))
                    .Select(target => $"{page}: {target}")
            );
        }
        Repository.AssertNone(violations, "Links to files that are not there:");
    }

    [GeneratedRegex("Task\\(\"(\\w+)\"\\)")]
    private static partial Regex TaskName();

    [GeneratedRegex(@"--target=(\w+)")]
    private static partial Regex TargetOption();

    [GeneratedRegex(@"^\s*(?:\$ )?(?:artifacts/lur/)?lur (.+)$")]
    private static partial Regex CommandInText();

    [GeneratedRegex(@"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();
}

using System.Text.RegularExpressions;
using Lur.Cli;
using Lur.Device;
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

    /// <summary>Every link of every page leads to a file, and to a heading of it where it names one.</summary>
    [Test]
    public void LinksBetweenPagesLead()
    {
        var violations = new List<string>();
        foreach (var page in Repository.Files("", ".md"))
        {
            var folder = Path.GetDirectoryName(page)!;
            foreach (var (target, heading) in Links(page))
            {
                var path = target.Length == 0 ? page : Path.Combine(folder, target);
                if (!Path.Exists(Path.Combine(Repository.Root, path)))
                    violations.Add($"{page}: {target}");
                else if (heading.Length > 0 && !Headings(path).Contains(heading))
                    violations.Add($"{page}: {target}#{heading}");
            }
        }
        Repository.AssertNone(violations, "Links to files or headings that are not there:");
    }

    /// <summary>A page or a picture that nothing links to is not found.</summary>
    [Test]
    public void EveryPageAndPictureIsLinked()
    {
        var linked = Pages
            .SelectMany(page => Links(page).Select(l => Path.GetRelativePath(".", Path.Combine(Path.GetDirectoryName(page)!, l.Target))))
            .ToHashSet();
        Repository.AssertNone(Repository.Files("docs", ".md", ".svg").Where(f => !linked.Contains(f)), "Pages that no page links to:");
    }

    [Test]
    public void KernelsNamedOnThePageOfAStepExist()
    {
        var kernels = KernelCatalog.Files.SelectMany(file => file.Kernels).Select(kernel => kernel.Name).ToHashSet();
        string[] named = [.. NameInText().Matches(Repository.Read("docs/step.md")).Select(m => m.Groups[1].Value)];
        Assert.That(named, Does.Contain("step_guard").And.Contain("step_commit"));
        Assert.That(named.Where(name => !kernels.Contains(name)), Is.Empty);
    }

    /// <summary>The lines that the first hour breaks are in the files, and the tests that are said to speak exist.</summary>
    [Test]
    public void WhatTheFirstHourBreaksIsThere()
    {
        var page = Repository.Read("docs/first-hour.md");
        string[] files = ["kernels/methods/lur.cu", "src/Lur/Optimizers/LearningRateSchedule.cs"];
        string[] lines = [.. RemovedLine().Matches(page).Select(m => m.Groups[1].Value)];
        Assert.That(lines, Has.Length.EqualTo(files.Length));
        foreach (var (file, line) in files.Zip(lines))
            Assert.That(Repository.Read(file), Does.Contain(line), file);
        var tests = typeof(DocumentationTests)
            .Assembly.GetTypes()
            .SelectMany(t => t.GetMethods().Select(m => $"{t.Name}.{m.Name}"))
            .ToHashSet();
        string[] named = [.. TestInText().Matches(page).Select(m => m.Groups[1].Value)];
        Assert.That(named, Has.Length.EqualTo(5));
        Assert.That(named.Where(name => !tests.Contains(name)), Is.Empty);
    }

    private static IEnumerable<(string Target, string Heading)> Links(string page) =>
        Link().Matches(Repository.Read(page)).Select(m => (m.Groups[1].Value, m.Groups[2].Value));

    /// <summary>Headings as a renderer names them: lower case, without punctuation, hyphens for spaces.</summary>
    private static IEnumerable<string> Headings(string page) =>
        Repository
            .Lines(page)
            .Where(line => line.StartsWith('#'))
            .Select(line =>
                string.Concat(line.TrimStart('#').Trim().ToLowerInvariant().Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_'))
                    .Replace(' ', '-')
            );

    [GeneratedRegex("Task\\(\"(\\w+)\"\\)")]
    private static partial Regex TaskName();

    [GeneratedRegex(@"--target=(\w+)")]
    private static partial Regex TargetOption();

    [GeneratedRegex(@"^\s*(?:\$ )?(?:artifacts/lur/)?lur (.+)$")]
    private static partial Regex CommandInText();

    [GeneratedRegex(@"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^-(    .+)$", RegexOptions.Multiline)]
    private static partial Regex RemovedLine();

    [GeneratedRegex(@"`(\w+Tests\.\w+)")]
    private static partial Regex TestInText();

    [GeneratedRegex("`([a-z]+(?:_[a-z]+)+)`")]
    private static partial Regex NameInText();
}

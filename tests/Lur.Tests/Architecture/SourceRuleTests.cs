using System.Text.RegularExpressions;

namespace Lur.Tests.Architecture;

/// <summary>Rules that are about the text of the sources.</summary>
public partial class SourceRuleTests
{
    private const int KernelLines = 250,
        CSharpLines = 300,
        MethodLines = 50;
    private const int Columns = 140;
    private const string Excuse = "over budget";

    /// <summary>
    /// Folders that every Linux machine has, paths that are meant not to exist, and parts of this repository that follow
    /// a root in string concatenations; any other absolute path is one machine's own.
    /// </summary>
    private static readonly string[] s_commonFolders =
    [
        "usr",
        "etc",
        "proc",
        "sys",
        "dev",
        "tmp",
        "lib",
        "lib64",
        "bin",
        "sbin",
        "var",
        "opt",
        "nowhere",
        "nonexistent",
        "kernels",
    ];

    private static readonly string[] s_textEndings =
    [
        ".cs",
        ".csproj",
        ".props",
        ".targets",
        ".cu",
        ".cuh",
        ".cpp",
        ".h",
        ".md",
        ".json",
        ".sh",
        ".cake",
        ".config",
        ".xml",
        ".py",
        ".runsettings",
        "run",
    ];

    [Test]
    public void TheLibraryIsReproducible()
    {
        // Random numbers come from RandomStream (Philox), times from a clock that the caller gives.
        Repository.AssertNone(Matches("src/Lur", NotReproducible()), "Not reproducible:");
    }

    [Test]
    public void KernelsKeepTheirBudget() =>
        Repository.AssertNone(
            TooLong(Repository.Files("kernels", ".cu", ".cuh"), KernelLines),
            $"Kernel files of more than {KernelLines} lines:"
        );

    [Test]
    public void CSharpFilesKeepTheirBudget() =>
        Repository.AssertNone(TooLong(Repository.Files("", ".cs"), CSharpLines), $"C# files of more than {CSharpLines} lines:");

    [Test]
    public void MethodsKeepTheirBudget()
    {
        var violations = new List<string>();
        foreach (var file in Repository.Files("src", ".cs").Where(file => !IsExcused(file)))
        {
            violations.AddRange(
                Members(Repository.Lines(file)).Where(m => m.Length > MethodLines).Select(m => $"{file}:{m.Line}: {m.Length} lines")
            );
        }
        Repository.AssertNone(violations, $"Bodies of more than {MethodLines} lines:");
    }

    /// <summary>The formatters leave comments and texts in quotes as long as they are.</summary>
    [Test]
    public void LinesKeepTheirBudget()
    {
        var violations =
            from file in Repository.Files("", ".cs", ".cu", ".cuh", ".cpp", ".h")
            from line in Repository.Lines(file).Select((text, i) => (text, number: i + 1))
            where line.text.Length > Columns
            select $"{file}:{line.number}: {line.text.Length} columns";
        Repository.AssertNone(violations, $"Lines of more than {Columns} columns:");
    }

    [Test]
    public void OnlyACommentIsAnExcuse()
    {
        Assert.That(HasExcuse(["class C;", "    // Over budget: one table."]));
        Assert.That(HasExcuse(["var text = \"over budget\"; // a title"]), Is.False);
    }

    [Test]
    public void TheMethodScanCountsBodies()
    {
        string[] text = ["namespace N;", "class C", "{", "    void M()", "    {", "        if (x)", "        {", "        }", "    }", "}"];
        Assert.That(Members(text).ToArray(), Is.EqualTo(new[] { (4, 3) }));
    }

    [Test]
    public void EveryKernelFileStartsWithItsSpecification()
    {
        var violations = Repository
            .Files("kernels", ".cu")
            .Where(file => Repository.Lines(file).TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal)).Count() < 3);
        Repository.AssertNone(violations, "Kernel files without a header comment of at least three lines:");
    }

    [Test]
    public void PublicMembersAreDocumented()
    {
        // The compiler enforces it (CS1591 as an error), unless a project switches it off.
        string[] projects = ["src/Lur/Lur.csproj", "src/Lur.Cuda/Lur.Cuda.csproj", "src/Lur.Reports/Lur.Reports.csproj"];
        Repository.AssertNone(
            projects.Where(p => Repository.Read(p).Contains("1591", StringComparison.Ordinal)),
            "CS1591 is switched off:"
        );
        Assert.That(Repository.Read("Directory.Build.props"), Does.Contain("<GenerateDocumentationFile>true<"));
    }

    [Test]
    public void NoPathOfOneMachine()
    {
        var violations = new List<string>();
        foreach (var file in TextFiles())
        {
            var lines = Repository.Lines(file);
            for (var i = 0; i < lines.Length; i++)
            {
                violations.AddRange(
                    AbsolutePath()
                        .Matches(lines[i])
                        .Where(m => !s_commonFolders.Contains(m.Groups[1].Value))
                        .Select(m => $"{file}:{i + 1}: {m.Value}...")
                );
            }
        }
        Repository.AssertNone(violations, "Absolute paths that other machines do not have:");
    }

    [Test]
    public void CommentsPointOnlyToWhatAReaderHas()
    {
        // Papers and pages of this repository; "methods 1.3" or "design 7" were sections of documents that it does not hold.
        var violations = Repository
            .Files("", ".cs", ".cu", ".cuh", ".cpp", ".h", ".md")
            .SelectMany(file => Repository.Lines(file).Select((line, i) => (file, line, number: i + 1)))
            .Where(l => SectionElsewhere().IsMatch(l.line))
            .Select(l => $"{l.file}:{l.number}: {l.line.Trim()}");
        Repository.AssertNone(violations, "References to documents that are not in the repository:");
    }

    [Test]
    public void ContinuousIntegrationNamesNoHost() =>
        Assert.That(HostName().Matches(Repository.Read(".ci/run")).Select(m => m.Value), Is.Empty);

    [Test]
    public void TextFilesEndWithOneNewline()
    {
        var violations = TextFiles()
            .Where(file =>
            {
                var text = Repository.Read(file);
                return text.Length > 0 && (!text.EndsWith('\n') || text.EndsWith("\n\n", StringComparison.Ordinal) || text.Contains('\r'));
            });
        Repository.AssertNone(violations, "Files without exactly one line feed at the end, or with carriage returns:");
    }

    private static IEnumerable<string> TextFiles() =>
        Repository.Files("", s_textEndings).Where(f => Path.GetFileName(f) != "packages.lock.json");

    private static bool IsExcused(string file) => HasExcuse(Repository.Lines(file));

    /// <summary>An excuse is a comment; the same words in the code are none.</summary>
    private static bool HasExcuse(IEnumerable<string> lines) =>
        lines.Any(line =>
            line.TrimStart().StartsWith("//", StringComparison.Ordinal) && line.Contains(Excuse, StringComparison.OrdinalIgnoreCase)
        );

    private static IEnumerable<string> TooLong(IEnumerable<string> files, int budget) =>
        files
            .Select(file => (file, count: Repository.Lines(file).Length))
            .Where(f => f.count > budget && !IsExcused(f.file))
            .Select(f => $"{f.file}: {f.count} lines; shorten it or say in the file why it is {Excuse}");

    private static IEnumerable<string> Matches(string folder, Regex pattern) =>
        from file in Repository.Files(folder, ".cs")
        from line in Repository.Lines(file).Select((text, i) => (text, number: i + 1))
        where !line.text.TrimStart().StartsWith("//", StringComparison.Ordinal) && pattern.IsMatch(line.text)
        select $"{file}:{line.number}: {line.text.Trim()}";

    /// <summary>
    /// First line and length of every member's body. Relies on the formatter: a brace on its own line, indented like its header.
    /// </summary>
    private static IEnumerable<(int Line, int Length)> Members(string[] lines)
    {
        var typeIndent = 0;
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim() != "{")
                continue;
            var indent = lines[i].IndexOf('{');
            var header = Header(lines, i);
            if (TypeHeader().IsMatch(header) || header.StartsWith("namespace ", StringComparison.Ordinal))
            {
                typeIndent = indent;
                continue;
            }
            var end = Array.FindIndex(
                lines,
                i,
                line => line.Length > indent && line[indent] == '}' && line.AsSpan(0, indent).Trim().IsEmpty
            );
            if (end < 0 || indent < typeIndent)
                continue;
            yield return (i, end - i - 1);
            i = end;
        }
    }

    private static string Header(string[] lines, int brace)
    {
        var first = brace;
        while (
            first > 0
            && lines[first - 1].Trim() is { Length: > 0 } above
            && !above.EndsWith(';')
            && !above.EndsWith('}')
            && above != "{"
            && !above.StartsWith("//", StringComparison.Ordinal)
            && !(above.StartsWith('[') && above.EndsWith(']'))
        )
            first--;
        return string.Join(' ', lines[first..brace].Select(line => line.Trim()));
    }

    [GeneratedRegex(@"\bnew (System\.)?Random\s*\(|\bRandom\.Shared\b|\bDateTime(Offset)?\.(Now|UtcNow)\b")]
    private static partial Regex NotReproducible();

    [GeneratedRegex(@"(?<=^|[\s""'(=])/([a-z][a-z0-9_]*)/[A-Za-z0-9_.]")]
    private static partial Regex AbsolutePath();

    [GeneratedRegex(@"\b[a-z0-9-]+\.(org|com|net|io|dev)\b|\b\d{1,3}(\.\d{1,3}){3}\b")]
    private static partial Regex HostName();

    [GeneratedRegex(@"[(;,] ?(methods|design) [0-9]+(\.[0-9]+)?[),;]")]
    private static partial Regex SectionElsewhere();

    [GeneratedRegex(@"^(\w+ )*(class|struct|record|interface|enum) \w+")]
    private static partial Regex TypeHeader();
}

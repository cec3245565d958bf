using System.Text.RegularExpressions;

namespace Lur.Tests.Architecture;

/// <summary>Rules that are about the text of the kernels.</summary>
public partial class KernelRuleTests
{
    private static readonly string[] s_folders = ["operators", "losses", "vectors", "methods", "inputs", "lane", "gpu"];

    [Test]
    public void EveryKernelFileLiesInAFolderOfItsKind()
    {
        var stray = Repository
            .Files("kernels", ".cu", ".cuh")
            .Where(file =>
                file.Split('/') is not [_, var folder, _] || !(file.EndsWith(".cuh") ? folder == "include" : s_folders.Contains(folder))
            );
        Repository.AssertNone(stray, $"Outside kernels/include and kernels/{{{string.Join(", ", s_folders)}}}:");
    }

    [Test]
    public void HeadersAreIncludedByOneSpelling()
    {
        // In-memory headers are found by the text between the quotes: under two names one would be included twice.
        var other =
            from file in Repository.Files("kernels", ".cu", ".cuh")
            from line in Repository.Lines(file)
            where line.StartsWith("#include", StringComparison.Ordinal) && !Include().IsMatch(line)
            select $"{file}: {line}";
        Repository.AssertNone(other, "Not #include \"include/name.cuh\":");
    }

    [GeneratedRegex("^#include \"include/[a-z0-9_]+\\.cuh\"$")]
    private static partial Regex Include();
}

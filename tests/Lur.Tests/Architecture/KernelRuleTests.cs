using System.Text.RegularExpressions;
using Lur.Device;

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

    [Test]
    public void EveryKernelIsLaunchedByTheLibrary()
    {
        var source = string.Join('\n', Repository.Files("src/Lur", ".cs").Select(Repository.Read));
        var idle =
            from file in Repository.Files("kernels", ".cu")
            from Match kernel in Kernel().Matches(Repository.Read(file))
            let launcher = string.Concat(kernel.Groups[1].Value.Split('_').Select(w => char.ToUpperInvariant(w[0]) + w[1..]))
            where !Regex.IsMatch(source, $@"\.{launcher}\b")
            select $"{file}: {kernel.Groups[1].Value}";
        Repository.AssertNone(idle, "Kernels that nothing in src/Lur launches:");
    }

    [Test]
    public void PointersAreRestrictUnlessTheSpecificationAllowsUseInPlace()
    {
        // "y may be x": both lack __restrict__, and the generated launcher lets both be one buffer. Where it was tried and
        // brought nothing, the header says so.
        var violations =
            from file in KernelCatalog.Files
            let allowed = InPlace()
                .Matches(Repository.Read($"kernels/{file.Path}"))
                .SelectMany(m => m.Groups[1].Captures.Concat(m.Groups[2].Captures))
            where !Repository.Read($"kernels/{file.Path}").Contains("// Tried: __restrict__", StringComparison.Ordinal)
            from kernel in file.Kernels
            from p in kernel.Parameters
            where p.IsPointer && !p.IsRestrict && allowed.All(name => name.Value != p.Name)
            select $"kernels/{file.Path}: {kernel.Name}({p.Name})";
        Repository.AssertNone(violations, "Pointers without __restrict__ of which no comment says 'A may be B':");
    }

    [Test]
    public void LongListsOfSizesAreOneArgument()
    {
        const int most = 8;
        var lists =
            from file in KernelCatalog.Files
            from kernel in file.Kernels
            let sizes = kernel.Parameters.Count(p => !p.IsPointer && p.Type is ("int" or "long long"))
            where sizes > most
            select $"kernels/{file.Path}: {kernel.Name} takes {sizes}";
        Repository.AssertNone(lists, $"More than {most} sizes, which a struct of kernels/include/geometry.cuh would hold:");
    }

    [Test]
    public void HeadersDefineNothingThatIsNotUsed()
    {
        var text = string.Join('\n', Repository.Files("kernels", ".cu", ".cuh").Select(Repository.Read));
        var words = Word().Matches(Comment().Replace(text, "")).CountBy(m => m.Value).ToDictionary();
        // Overloads and the two targets of prelude.cuh define a name more than once.
        var defined = Defined().Matches(text).Select(m => m.Groups[1].Success ? m.Groups[1].Value : m.Groups[2].Value).CountBy(n => n);
        Repository.AssertNone(defined.Where(d => words[d.Key] <= d.Value).Select(d => d.Key), "Defined in a kernel file and not used:");
    }

    [GeneratedRegex(@"\bKERNEL\s+(?:COOPERATIVE\s+)?(\w+)\s*\(")]
    private static partial Regex Kernel();

    [GeneratedRegex(@"\b(\w+) may be (\w+)(?: or (?<2>\w+))*")]
    private static partial Regex InPlace();

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\bDEVICE\s+(?:static\s+)?[\w:<>,\s*&]*?\b(\w+)\s*\(|^#define\s+(\w+)", RegexOptions.Multiline)]
    private static partial Regex Defined();

    [GeneratedRegex("^#include \"include/[a-z0-9_]+\\.cuh\"$")]
    private static partial Regex Include();
}

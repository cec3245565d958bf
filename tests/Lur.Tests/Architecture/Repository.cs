namespace Lur.Tests.Architecture;

/// <summary>The source tree the tests were built from.</summary>
internal static class Repository
{
    private static readonly HashSet<string> s_notSources = new(StringComparer.Ordinal)
    {
        ".git",
        "bin",
        "obj",
        "artifacts",
        "out",
        "runs",
        "tools",
        "TestResults",
        "BenchmarkDotNet.Artifacts",
        ".vs",
        ".idea",
        "__pycache__",
        "node_modules",
    };

    /// <summary>The folder of Lur.Native.sln; the test is not run where the tests lie without their sources.</summary>
    public static string Root
    {
        get
        {
            for (var folder = new DirectoryInfo(TestContext.CurrentContext.TestDirectory); folder is not null; folder = folder.Parent)
            {
                if (File.Exists(Path.Combine(folder.FullName, "Lur.Native.sln")))
                    return folder.FullName;
            }
            Assert.Ignore("The source tree is not around the tests (a bundle), so its rules are not checked here.");
            return "";
        }
    }

    /// <summary>All files with one of the endings under a folder, as paths relative to the root, in a fixed order.</summary>
    public static IReadOnlyList<string> Files(string under, params string[] endings)
    {
        string root = Root,
            start = Path.Combine(root, under);
        if (!Directory.Exists(start))
            return [];
        var found = new List<string>();
        Collect(new DirectoryInfo(start), found);
        return
        [
            .. found
                .Select(path => Path.GetRelativePath(root, path))
                .Where(path => endings.Length == 0 || endings.Any(e => path.EndsWith(e, StringComparison.Ordinal)))
                .Order(StringComparer.Ordinal),
        ];
    }

    public static string Read(string relative) => File.ReadAllText(Path.Combine(Root, relative));

    public static string[] Lines(string relative) => File.ReadAllLines(Path.Combine(Root, relative));

    /// <summary>Fails with one line per violation; an empty list passes.</summary>
    public static void AssertNone(IEnumerable<string> violations, string rule)
    {
        string[] all = [.. violations];
        Assert.That(all, Is.Empty, $"{rule}{Environment.NewLine}{string.Join(Environment.NewLine, all.Take(30))}");
    }

    private static void Collect(DirectoryInfo folder, List<string> found)
    {
        found.AddRange(folder.EnumerateFiles().Select(file => file.FullName));
        foreach (var child in folder.EnumerateDirectories().Where(d => !s_notSources.Contains(d.Name) && d.LinkTarget is null))
            Collect(child, found);
    }
}

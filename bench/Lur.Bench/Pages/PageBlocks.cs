using System.Text.RegularExpressions;

namespace Lur.Bench.Pages;

/// <summary>The parts of the pages that are made from files of results: each lies between <c>&lt;!-- KIND:NAME --&gt;</c> and
/// <c>&lt;!-- /KIND:NAME --&gt;</c>, and nothing between the two is typed by hand.</summary>
internal static partial class PageBlocks
{
    /// <summary>The pages, from the root of the repository.</summary>
    public static readonly string[] Pages = ["docs/results.md", "README.md"];

    private static readonly Dictionary<string, (string Path, string Command, Func<string, string> Render)> s_bench = new(
        StringComparer.Ordinal
    )
    {
        ["methods"] = ("bench/results/Methods.json", "./build.sh --target=Bench --filter='*MethodBenchmarks*'", BenchTables.Methods),
        ["runs"] = ("bench/results/Methods.json", "./build.sh --target=Bench --filter='*MethodBenchmarks*'", BenchTables.Runs),
        ["peers"] = ("bench/results/Peers.json", "./build.sh --target=Bench --filter=peers", BenchTables.Peers),
        ["unet-peers"] = ("bench/results/UNetPeers.json", "./build.sh --target=Bench --filter=unet-peers", BenchTables.UNetPeers),
        ["gpu"] = (GpuResults.Path, "./build.sh --target=GpuResults --from=FOLDER", GpuTables.Render),
        ["launch"] = ("bench/results/Launch.json", "./build.sh --target=Bench --filter='*LaunchBenchmarks*'", BenchTables.Launch),
    };

    /// <summary>Rewrites the pages of a folder.</summary>
    /// <returns>0, the exit code.</returns>
    public static int Rewrite(string root)
    {
        foreach (var page in Pages)
        {
            var path = Path.Combine(root, page);
            if (!File.Exists(path))
                throw new UserErrorException($"There is no '{page}' here; run the command from the root of the repository.");
            var before = File.ReadAllText(path);
            var after = Render(before, name => Path.Combine(root, name) is var p && File.Exists(p) ? File.ReadAllText(p) : null);
            if (after != before)
                File.WriteAllText(path, after);
            Console.WriteLine(after != before ? $"rewrote the tables of {page}" : $"the tables of {page} are those of the results");
        }
        return 0;
    }

    /// <summary>The text with every block made anew.</summary>
    /// <param name="text">The text.</param>
    /// <param name="read">Text of a file of results by its path from the root, or null where there is none.</param>
    /// <exception cref="UserErrorException">A block has a name that is not known, or is not closed.</exception>
    public static string Render(string text, Func<string, string?> read)
    {
        var blocks = Block().Matches(text);
        if (Marker().Count(text) != 2 * blocks.Count)
            throw new UserErrorException("A block of a page is not closed by a marker of the same name.");
        return Block()
            .Replace(
                text,
                m =>
                    $"<!-- {m.Groups["name"].Value} "
                    + $"-->\n{Content(m.Groups["kind"].Value, m.Groups["key"].Value, read).TrimEnd('\n')}\n<!-- "
                    + $"/{m.Groups["name"].Value} -->"
            );
    }

    private static string Content(string kind, string key, Func<string, string?> read)
    {
        if (kind == "sentence")
            return Filled($"recipes/measured/{key}.json", $"lur repro {key}", ReproTable.Sentence, read);
        if (kind == "repro")
            return Filled($"recipes/measured/{key}.json", $"lur repro {key}", ReproTable.Render, read);
        return s_bench.TryGetValue(key, out var known)
            ? Filled(known.Path, known.Command, known.Render, read)
            : throw new UserErrorException(
                $"A page has a block bench:{key}, and there are only {string.Join(", ", s_bench.Keys.Select(k => "bench:" + k))}."
            );
    }

    private static string Filled(string path, string command, Func<string, string> render, Func<string, string?> read) =>
        read(path) is { } json ? render(json) : $"Not measured: there is no `{path}`; `{command}` makes it.";

    [GeneratedRegex(@"<!-- (?<name>(?<kind>bench|repro|sentence):(?<key>[a-z0-9-]+)) -->\n(?s:(?<content>.*?))<!-- /\k<name> -->")]
    private static partial Regex Block();

    [GeneratedRegex("<!-- /?(bench|repro|sentence):[^ ]* -->")]
    private static partial Regex Marker();
}

namespace Lur.Reports;

/// <summary>A term of tables, logs and reports.</summary>
/// <param name="Term">Name, as columns and files write it.</param>
/// <param name="Title">Name for people.</param>
/// <param name="What">What it is, one sentence.</param>
/// <param name="Reading">How to read it, one sentence.</param>
/// <param name="Unit">Unit of its numbers; empty for none.</param>
/// <param name="Aliases">Other names of the same.</param>
public sealed record GlossaryEntry(
    string Term,
    string Title,
    string What,
    string Reading,
    string Unit = "",
    params IReadOnlyList<string> Aliases
)
{
    /// <summary>The abbreviation where there is one: the part of the title before a comma.</summary>
    public string Short => Title.Split(',')[0];
}

/// <summary>What every column, metric and verdict means, for 'lur explain' and the reports.</summary>
public static partial class Glossary
{
    /// <summary>Every term: metrics first, then what logs and tables have beside them.</summary>
    public static IReadOnlyList<GlossaryEntry> All { get; } =
    [.. Metrics, .. Drawing, .. Verdicts, .. Columns, .. Records, .. Kernels, .. Concepts, .. Attacks, .. Descriptions];

    /// <summary>Finds a term by name, title or alias; case, spaces, dashes and underscores do not count.</summary>
    public static GlossaryEntry? Find(string name) =>
        All.FirstOrDefault(e => e.Aliases.Append(e.Term).Append(e.Title).Append(e.Short).Any(n => Key(n) == Key(name)));

    /// <summary>Title of a membership attack for tables.</summary>
    /// <param name="name">One of <see cref="Lur.Metrics.MembershipAttacks.Names"/>.</param>
    public static string AttackTitle(string name) => Find("attack_" + name)?.Title ?? name;

    /// <summary>Terms that resemble a name: one contains the other, or a letter or two differ.</summary>
    public static IReadOnlyList<string> Near(string name)
    {
        var key = Key(name);
        return
        [
            .. All.Where(e =>
                    e.Aliases.Append(e.Term)
                        .Select(Key)
                        .Any(k =>
                            (key.Length > 1 && (k.Contains(key, StringComparison.Ordinal) || key.Contains(k, StringComparison.Ordinal)))
                            || Spelling.Distance(k, key) <= (key.Length > 4 ? 2 : 1)
                        )
                )
                .Select(e => e.Term)
                .Take(8),
        ];
    }

    private static string Key(string name) => string.Concat(name.Where(char.IsLetterOrDigit)).ToLowerInvariant();
}

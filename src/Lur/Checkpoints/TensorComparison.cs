using System.Text;

namespace Lur.Checkpoints;

/// <summary>A tensor that a model expects in a checkpoint.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Shape">Its extents in the file's (OIHW) order.</param>
/// <param name="Type">Its element type, or null when any floating type will do.</param>
/// <param name="Optional">True if a file without it is fine, such as torch's <c>num_batches_tracked</c>.</param>
public sealed record ExpectedTensor(string Name, IReadOnlyList<long> Shape, TensorType? Type = null, bool Optional = false);

/// <summary>The difference between the tensors a model expects and those a file holds.</summary>
public sealed class TensorComparison
{
    private const int ShownPerKind = 12;

    private TensorComparison(IReadOnlyList<string> missing, IReadOnlyList<string> extra, IReadOnlyList<string> misshapen, string? hint)
    {
        Missing = missing;
        Extra = extra;
        Misshapen = misshapen;
        Hint = hint;
    }

    /// <summary>Expected tensors that the file lacks, with shape.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>Tensors of the file that nobody expects, with type and shape.</summary>
    public IReadOnlyList<string> Extra { get; }

    /// <summary>Tensors whose shape or element type differs, with both.</summary>
    public IReadOnlyList<string> Misshapen { get; }

    /// <summary>A likely cause with its remedy, or null.</summary>
    public string? Hint { get; }

    /// <summary>True if nothing differs.</summary>
    public bool IsMatch => Missing.Count + Extra.Count + Misshapen.Count == 0;

    /// <summary>Compares.</summary>
    /// <param name="expected">What the model expects.</param>
    /// <param name="found">What the file holds.</param>
    public static TensorComparison Compare(IEnumerable<ExpectedTensor> expected, IEnumerable<TensorInfo> found)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(found);
        var wanted = expected.ToList();
        var held = found.ToDictionary(t => t.Name, StringComparer.Ordinal);
        var names = wanted.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        List<string> missing = [],
            misshapen = [];
        foreach (var e in wanted)
        {
            if (!held.TryGetValue(e.Name, out var t))
            {
                if (!e.Optional)
                    missing.Add($"{e.Name} {TensorInfo.TextOf(e.Shape)}");
            }
            else if (!t.Shape.SequenceEqual(e.Shape) || !TypeFits(e, t))
            {
                misshapen.Add(
                    $"{e.Name}: file {t.Type.Name()} {t.ShapeText}, expected "
                        + $"{e.Type?.Name() ?? "floating"} {TensorInfo.TextOf(e.Shape)}"
                );
            }
        }
        var extra = held.Values.Where(t => !names.Contains(t.Name)).ToList();
        return new TensorComparison(
            missing,
            [.. extra.Select(t => $"{t.Name} {t.Type.Name()} {t.ShapeText}")],
            misshapen,
            FindPrefix(names, extra)
        );
    }

    /// <summary>Compares and fails with the whole difference in one message.</summary>
    /// <param name="file">The file.</param>
    /// <param name="expected">What the model expects.</param>
    /// <param name="model">The model's name, for the message.</param>
    /// <exception cref="UserErrorException">Something is missing, extra or misshapen.</exception>
    public static void Require(SafeTensorsFile file, IEnumerable<ExpectedTensor> expected, string model)
    {
        ArgumentNullException.ThrowIfNull(file);
        Require(file.Path, file.Tensors, expected, model);
    }

    /// <summary>As above, for the tensors of several files.</summary>
    /// <param name="path">What messages call the files.</param>
    /// <param name="found">What they hold.</param>
    /// <param name="expected">What the model expects.</param>
    /// <param name="model">The model's name, for the message.</param>
    /// <exception cref="UserErrorException">Something is missing, extra or misshapen.</exception>
    public static void Require(string path, IEnumerable<TensorInfo> found, IEnumerable<ExpectedTensor> expected, string model)
    {
        var difference = Compare(expected, found);
        if (!difference.IsMatch)
            throw new UserErrorException(
                $"'{path}' does not fit the model {model}: {difference.Summary}.{Environment.NewLine}{difference}"
            );
    }

    /// <summary>The counts, such as <c>2 missing, 1 misshapen</c>.</summary>
    public string Summary =>
        string.Join(
            ", ",
            new[] { (Missing.Count, "missing"), (Extra.Count, "extra"), (Misshapen.Count, "misshapen") }
                .Where(k => k.Item1 > 0)
                .Select(k => $"{k.Item1} {k.Item2}")
        );

    /// <summary>The difference, one tensor a line, at most twelve of a kind, the hint last.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach ((var kind, var list) in new[] { ("missing", Missing), ("extra", Extra), ("misshapen", Misshapen) })
        {
            foreach (var line in list.Take(ShownPerKind))
                text.Append("  ").Append(kind.PadRight(10)).AppendLine(line);
            if (list.Count > ShownPerKind)
                text.Append("  ").Append(kind.PadRight(10)).AppendLine($"and {list.Count - ShownPerKind} more");
        }
        if (Hint is not null)
            text.Append("  hint: ").AppendLine(Hint);
        return text.ToString().TrimEnd();
    }

    private static bool TypeFits(ExpectedTensor e, TensorInfo t) => e.Type is { } type ? t.Type == type : t.Type.IsFloating();

    // DataParallel and wrapper modules prefix every name ("module.", "model."): the commonest reason that nothing fits.
    private static string? FindPrefix(HashSet<string> names, List<TensorInfo> extra)
    {
        foreach (var prefix in extra.Select(t => t.Name[..(t.Name.IndexOf('.', StringComparison.Ordinal) + 1)]).Distinct())
            if (
                prefix.Length > 0
                && extra.Any(t => t.Name.StartsWith(prefix, StringComparison.Ordinal) && names.Contains(t.Name[prefix.Length..]))
            )
                return $"the names in the file carry the prefix '{prefix}'; save the inner module, or strip the prefix.";
        return null;
    }
}

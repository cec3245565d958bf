namespace Lur.Device;

/// <summary>The table of what each kernel may occupy on a GPU, kernels/budget.txt.</summary>
internal static class KernelBudget
{
    /// <summary>Of the table in the repository.</summary>
    public const string Path = "kernels/budget.txt";

    private static readonly Lazy<OrderedDictionary<(string File, string Kernel), KernelOccupancy[]>> s_rows = new(Read);

    private static readonly Lazy<Dictionary<string, KernelOccupancy[]>> s_kernels = new(() =>
        Rows.ToDictionary(r => r.Key.Kernel, r => r.Value, StringComparer.Ordinal)
    );

    /// <summary>Headings of the numbers of a row.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["float sm_80", "float sm_90", "double sm_80", "double sm_90"];

    /// <summary>By file and kernel, in the order of the table.</summary>
    public static IReadOnlyDictionary<(string File, string Kernel), KernelOccupancy[]> Rows => s_rows.Value;

    /// <summary>Where a row has its numbers for a precision and an architecture of 80 or 90.</summary>
    public static int Column(Precision precision, int architecture) =>
        (precision == Precision.Float32 ? 0 : 2) + (architecture == 80 ? 0 : 1);

    /// <summary>What a kernel may occupy, by its name alone; null for a product or a copy.</summary>
    public static KernelOccupancy? Of(string kernel, Precision precision, int architecture) =>
        s_kernels.Value.TryGetValue(kernel, out var row) ? row[Column(precision, architecture)] : null;

    private static OrderedDictionary<(string, string), KernelOccupancy[]> Read()
    {
        var rows = new OrderedDictionary<(string, string), KernelOccupancy[]>();
        using var stream = typeof(KernelBudget).Assembly.GetManifestResourceStream("Lur.Device.KernelBudget.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (
                line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [var file, var kernel, .. { Length: 4 } numbers]
                && file[0] != '#'
            )
                rows.Add((file, kernel), [.. numbers.Select(KernelOccupancy.Parse)]);
        }
        return rows;
    }
}

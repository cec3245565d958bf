using Lur.Device;

namespace Lur.Tests.Bindings;

/// <summary>The table of what each kernel may occupy on a GPU, tests/Lur.Tests/Bindings/kernel-budget.txt.</summary>
internal static class KernelBudget
{
    /// <summary>Of the table in the repository.</summary>
    public const string Path = "tests/Lur.Tests/Bindings/kernel-budget.txt";

    private static readonly Lazy<IReadOnlyDictionary<(string File, string Kernel), KernelOccupancy[]>> s_rows = new(Read);

    /// <summary>Headings of the numbers of a row.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["float sm_80", "float sm_90", "double sm_80", "double sm_90"];

    /// <summary>By file and kernel, in the order of the table.</summary>
    public static IReadOnlyDictionary<(string File, string Kernel), KernelOccupancy[]> Rows => s_rows.Value;

    /// <summary>Where a row has its numbers for a precision and an architecture of 80 or 90.</summary>
    public static int Column(Precision precision, int architecture) =>
        (precision == Precision.Float32 ? 0 : 2) + (architecture == 80 ? 0 : 1);

    private static OrderedDictionary<(string, string), KernelOccupancy[]> Read()
    {
        var rows = new OrderedDictionary<(string, string), KernelOccupancy[]>();
        foreach (var line in File.ReadLines(System.IO.Path.Combine(AppContext.BaseDirectory, "Bindings", "kernel-budget.txt")))
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

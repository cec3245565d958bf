using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Lur.Bench;

/// <summary>Managed bytes that a call allocates, measured in a benchmark's set-up.</summary>
/// <remarks>BenchmarkDotNet's MemoryDiagnoser reads what all threads of the process allocated around a single call of these
/// benchmarks, and a call is long: now and then 2 to 5 KB of the runtime's own threads fall into it. A benchmark that only reads
/// the clock for 150 ms shows them as well, with 0 B on its own thread.</remarks>
internal static class Allocations
{
    private static readonly Dictionary<string, double> s_bytes = [];

    /// <summary>Measures: what the calling thread allocates in all calls, and what all threads allocate in the call where that is
    /// least (the threads that load batches are part of a step; those of the runtime are not part of every one). The larger of
    /// the two, by call, is kept.</summary>
    /// <param name="key">Type, method and parameters, see <see cref="KeyOf"/>.</param>
    /// <param name="calls">Calls.</param>
    /// <param name="call">One call.</param>
    public static void Measure(string key, int calls, Action call)
    {
        call();
        long own = 0,
            everyone = long.MaxValue;
        for (var i = 0; i < calls; i++)
        {
            var (total, thread) = (GC.GetTotalAllocatedBytes(true), GC.GetAllocatedBytesForCurrentThread());
            call();
            own += GC.GetAllocatedBytesForCurrentThread() - thread;
            everyone = Math.Min(everyone, GC.GetTotalAllocatedBytes(true) - total);
        }

        s_bytes[key] = Math.Max((double)own / calls, everyone);
    }

    /// <summary>The key of a benchmark.</summary>
    public static string KeyOf(string type, string method, params string[] parameters) => string.Join('/', [type, method, .. parameters]);

    /// <summary>Bytes a call; NaN where nothing was measured.</summary>
    public static double Of(string key) => s_bytes.GetValueOrDefault(key, double.NaN);

    /// <summary>Bytes a call of a benchmark of BenchmarkDotNet.</summary>
    public static double Of(BenchmarkCase c) =>
        Of(KeyOf(c.Descriptor.Type.Name, c.Descriptor.WorkloadMethod.Name, [.. c.Parameters.Items.Select(p => p.Value?.ToString() ?? "")]));
}

/// <summary>A column whose text is a function of the benchmark.</summary>
/// <param name="name">Heading.</param>
/// <param name="legend">Explanation below the table.</param>
/// <param name="text">Text of a benchmark, or null where it has none.</param>
internal sealed class TextColumn(string name, string legend, Func<BenchmarkCase, string?> text) : IColumn
{
    public static TextColumn Allocated { get; } =
        new(
            "Allocated",
            "managed bytes of a call, measured in the set-up",
            c => Allocations.Of(c) is var bytes && double.IsNaN(bytes) ? null : bytes.ToString("F0", CultureInfo.InvariantCulture) + " B"
        );

    public string Id => nameof(TextColumn) + "." + name;

    public string ColumnName => name;

    /// <summary>Else a column with the same text in every row would be left out.</summary>
    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => legend;

    public bool IsAvailable(Summary summary) => summary.BenchmarksCases.Any(c => text(c) is not null);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => text(benchmarkCase) ?? "-";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);
}

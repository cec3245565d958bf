using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Lur.Bench;

/// <summary>Least bytes a kernel must move, on the method that times it: every vector it reads and every one it writes, once.</summary>
/// <param name="vectors">Vectors of <see cref="VectorBenchmarks.Count"/> floats.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MovesVectorsAttribute(int vectors) : Attribute
{
    /// <summary>Bytes.</summary>
    public long Bytes { get; } = 4L * vectors * VectorBenchmarks.Count;
}

/// <summary>Bytes moved at the least, and the bandwidth that this means at the measured median.</summary>
/// <param name="name">Heading.</param>
/// <param name="legend">Explanation below the table.</param>
/// <param name="value">Text from bytes and seconds.</param>
internal sealed class BandwidthColumn(string name, string legend, Func<long, double, string> value) : IColumn
{
    public static IColumn[] All { get; } =
    [
        new BandwidthColumn(
            "MB",
            "vectors read and written once, 10^6 bytes",
            (bytes, _) => (bytes / 1e6).ToString("F0", CultureInfo.InvariantCulture)
        ),
        new BandwidthColumn(
            "GB/s",
            "those bytes over the median",
            (bytes, seconds) => (bytes / 1e9 / seconds).ToString("F1", CultureInfo.InvariantCulture)
        ),
    ];

    public string Id => "Bandwidth." + name;

    public string ColumnName => name;

    public bool AlwaysShow => false;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => legend;

    public bool IsAvailable(Summary summary) => summary.BenchmarksCases.Any(c => Moves(c) is not null);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) =>
        Moves(benchmarkCase) is { } moves && summary[benchmarkCase]?.ResultStatistics is { } statistics
            ? value(moves.Bytes, statistics.Median / 1e9)
            : "-";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    private static MovesVectorsAttribute? Moves(BenchmarkCase c) =>
        (MovesVectorsAttribute?)Attribute.GetCustomAttribute(c.Descriptor.WorkloadMethod, typeof(MovesVectorsAttribute));
}

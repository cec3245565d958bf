using System.Globalization;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Unlearning;

namespace Lur.Bench;

/// <summary>One step of LUR, of ScissorHands (one memory and five) and, for scale, of SalUn and FT: the same model, data and
/// batch size. A step of LUR, ScissorHands and NegGrad+ sees a retain and a forget batch, one of SalUn and FT a single batch.</summary>
public class MethodBenchmarks
{
    private static readonly (string Name, string Method, (string, string)[] Options)[] s_variants =
    [
        ("LUR exact", "lur", [("hvp", "exact")]),
        ("LUR fd", "lur", [("hvp", "fd")]),
        ("LUR none", "lur", [("hvp", "none")]),
        ("ScissorHands, 1 memory", "scissorhands", [("memory", "1")]),
        ("ScissorHands, 5 memories", "scissorhands", [("memory", "5")]),
        ("NegGrad+", "neggrad", []),
        ("SalUn", "salun", []),
        ("FT", "ft", []),
    ];

    private ComputeDevice _device = null!;
    private DataSource _source = null!;
    private TrainedModel _model = null!;
    private UnlearningMethod _method = null!;

    /// <summary>Device megabytes by case and variant, for the column; filled by the set-up, which runs in this process.</summary>
    internal static Dictionary<string, double> DeviceMegabytes { get; } = [];

    /// <summary>Model and batch size.</summary>
    [Params("resnet18:w16 64", "resnet18:w64 32")]
    public string Case { get; set; } = "";

    /// <summary>Method and variant.</summary>
    [ParamsSource(nameof(Variants))]
    public string Variant { get; set; } = "";

    /// <summary>The variants.</summary>
    public static IEnumerable<string> Variants => s_variants.Select(v => v.Name);

    /// <summary>Binds the method, runs its preparations, and checks that a step is finite before it is timed.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var parts = Case.Split(' ');
        var (_, name, options) = s_variants.First(v => v.Name == Variant);
        _device = ComputeDevice.Open();
        _source = DataSource.Open("synthetic:train=1024,test=16,seed=1", new DataOptions());
        var spec = ResNetSpec.Parse(parts[0], 10, 32, 32, 3);
        _model = new TrainedModel(_device, Precision.Float32, ResNet.Build(spec), spec.ToString(), _source.Train.ClassNames, new InputNormalization([0.5, 0.5, 0.5], [0.25, 0.25, 0.25]));
        _model.Initialize(1);
        var set = ForgetSet.Resolve(["random:50%"], _source.Train, [.. Enumerable.Range(0, _source.Train.Count)], 1);
        var definition = MethodCatalog.Find(name);
        var given = options.Append(("batch", parts[1])).Append(("lr", "0.0001")).Append(("epochs", "1000")).ToDictionary(o => o.Item1, o => o.Item2, StringComparer.Ordinal);
        _method = definition.Bind(definition.Read(given))(new UnlearningTask(_model, _source.Train, set, 1));
        foreach (var preparation in _method.Preparations) preparation.Run();
        var telemetry = _method.RunStep();
        if (telemetry.Skipped || !(double.IsFinite(telemetry.RetainLoss) || double.IsFinite(telemetry.ForgetLoss))) throw new InvalidOperationException($"The step of {Variant} to be timed is not finite.");
        DeviceMegabytes[Case + Variant] = (_method.Program!.Report!.ArenaBytes + _method.VectorBytes + (2 * _model.Parameters.Bytes) + _model.Buffers.Bytes) / 1e6;
    }

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Cleanup()
    {
        _method.Dispose();
        _model.Dispose();
        _source.Dispose();
        _device.Dispose();
    }

    /// <summary>One step.</summary>
    [Benchmark]
    public StepTelemetry Step() => _method.RunStep();
}

/// <summary>What the method of a row takes on the device: arena, flat vectors, parameters, momentum.</summary>
internal sealed class DeviceMemoryColumn : IColumn
{
    public string Id => nameof(DeviceMemoryColumn);

    public string ColumnName => "Device MB";

    public bool AlwaysShow => false;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => "planned device memory of a step, 10^6 bytes";

    public bool IsAvailable(Summary summary) => summary.BenchmarksCases.Any(c => c.Descriptor.Type == typeof(MethodBenchmarks));

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        var key = string.Concat(new[] { nameof(MethodBenchmarks.Case), nameof(MethodBenchmarks.Variant) }.Select(p => benchmarkCase.Parameters[p]?.ToString()));
        return MethodBenchmarks.DeviceMegabytes.TryGetValue(key, out var megabytes) ? megabytes.ToString("F1", CultureInfo.InvariantCulture) : "-";
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);
}

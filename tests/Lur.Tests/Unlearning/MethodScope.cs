using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>A small model with data and a forget set, and methods that run on it; disposes of them together.</summary>
internal sealed class MethodScope : IDisposable
{
    private readonly DataSource _source = DataSource.Open("synthetic:train=96,test=20,seed=3");

    public MethodScope(Precision precision = Precision.Float32, string forget = "random:40")
    {
        var spec = ResNetSpec.Parse("resnet[1,1]:w4:stem7", 10, 32, 32, 3);
        Model = new TrainedModel(TestDevices.Default, precision, ResNet.Build(spec), spec.ToString(),
            [.. Enumerable.Range(0, 10).Select(i => $"c{i}")], new InputNormalization([0.5, 0.5, 0.5], [0.25, 0.25, 0.25]));
        Model.Initialize(7);
        Start = Model.Parameters.ToArray();
        Task = new UnlearningTask(Model, _source.Train, ForgetSet.Resolve([forget], _source.Train, [.. Enumerable.Range(0, 96)], 1), 11);
    }

    public TrainedModel Model { get; }

    public UnlearningTask Task { get; }

    /// <summary>Parameters before the method.</summary>
    public double[] Start { get; }

    /// <summary>Makes a method by name with options given as name, value, name, value.</summary>
    public UnlearningMethod Create(string name, params string[] options)
    {
        var given = options.Chunk(2).ToDictionary(o => o[0], o => o[1], StringComparer.Ordinal);
        var definition = MethodCatalog.Find(name);
        return definition.Bind(definition.Read(given))(Task);
    }

    /// <summary>Runs a method to its end.</summary>
    public static IReadOnlyList<StepTelemetry> Run(UnlearningMethod method)
    {
        foreach (var preparation in method.Preparations) preparation.Run();
        var telemetry = new List<StepTelemetry>();
        while (method.Step < method.Steps) telemetry.Add(method.RunStep());
        method.Finish();
        return telemetry;
    }

    /// <summary>Makes a method and runs it to its end.</summary>
    public IReadOnlyList<StepTelemetry> Run(string name, params string[] options)
    {
        using var method = Create(name, options);
        return Run(method);
    }

    public void Dispose()
    {
        Model.Dispose();
        _source.Dispose();
    }
}

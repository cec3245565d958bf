using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Steps;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>A small model with data and a forget set, and methods that run on it.</summary>
internal sealed class MethodScope : IDisposable
{
    private const int Samples = 96,
        Height = 9,
        Width = 8,
        Classes = 10;
    private readonly Noise _data = new();

    public MethodScope(Precision precision = Precision.Float32, string forget = "random:40", ComputeDevice? device = null)
    {
        var spec = ModelFamilies.Parse("resnet[1,1]:w4:stem3", new ImageSize(Height, Width, 3), Classes);
        Model = new Model(
            device ?? TestDevices.Default,
            precision,
            spec,
            _data.ClassNames,
            new InputNormalization([0.5, 0.5, 0.5], [0.25, 0.25, 0.25])
        );
        Model.Initialize(7);
        Start = Model.Parameters.ToArray();
        Task = new UnlearningTask(Model, _data, ForgetSet.Resolve([forget], _data, [.. Enumerable.Range(0, Samples)], 1), 11);
    }

    public Model Model { get; }

    public UnlearningTask Task { get; }

    /// <summary>Parameters before the method.</summary>
    public double[] Start { get; }

    /// <summary>Makes a method by name with options given as name, value, name, value; a later value wins.</summary>
    public UnlearningMethod Create(string name, params string[] options) => Create(Task, name, options);

    /// <summary>As <see cref="Create(string, string[])"/>, for any task: the one place of the tests that knows how a method is
    /// made.</summary>
    public static UnlearningMethod Create(UnlearningTask task, string name, params string[] options)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var option in options.Chunk(2))
            given[option[0]] = option[1];
        var definition = MethodCatalog.Find(name);
        return definition.Make(task, definition.Read(given));
    }

    /// <summary>Options of a short run of any method, those of them that it has.</summary>
    public static string[] Short(string name)
    {
        var has = MethodCatalog.Find(name).Options.Select(o => o.Name).ToHashSet();
        string[] wanted = ["batch", "8", "forget-batch", "4", "epochs", "12", "max-epochs", "12", "lr", "0.01", "no-augment", "true"];
        return [.. wanted.Chunk(2).Where(o => has.Contains(o[0])).SelectMany(o => o)];
    }

    /// <summary>What a method reads.</summary>
    public static MethodNeeds Needs(string name) => MethodCatalog.Find(name).Needs;

    /// <summary>Runs a method to its end.</summary>
    public static IReadOnlyList<StepTelemetry> Run(UnlearningMethod method) => RunAll(method).Steps;

    /// <summary>Runs a method to its end; what its preparations and its steps reported.</summary>
    public static (IReadOnlyList<PreparationReport> Preparations, IReadOnlyList<StepTelemetry> Steps) RunAll(UnlearningMethod method)
    {
        var reports = method.Preparations.Select(p => p.Run()).ToArray();
        var telemetry = new List<StepTelemetry>();
        while (method.Step < method.Steps)
            telemetry.Add(method.RunStep());
        method.Finish();
        return (reports, telemetry);
    }

    /// <summary>Makes a method and runs it to its end.</summary>
    public IReadOnlyList<StepTelemetry> Run(string name, params string[] options)
    {
        using var method = Create(name, options);
        return Run(method);
    }

    /// <summary>The same with every step given before the one before it is read, as a run does.</summary>
    public IReadOnlyList<StepTelemetry> RunAhead(string name, params string[] options)
    {
        using var method = Create(name, options);
        foreach (var preparation in method.Preparations)
            preparation.Run();
        var telemetry = new List<StepTelemetry>();
        while (method.Step < method.Steps || method.Pending > 0)
        {
            if (method.Step < method.Steps)
                method.Enqueue();
            if (method.Pending > 1 || method.Step >= method.Steps)
                Add(method.Read());
        }

        method.Finish();
        return telemetry;

        void Add((long Index, StepTelemetry Telemetry) step)
        {
            Assert.That(step.Index, Is.EqualTo(telemetry.Count));
            telemetry.Add(step.Telemetry);
        }
    }

    public void Dispose() => Model.Dispose();

    /// <summary>Images of noise, brighter with the class: drawn in no time, unlike scenes.</summary>
    private sealed class Noise : IImageDataset
    {
        public string Name => "noise";

        public int Count => Samples;

        public int Channels => 3;

        public int Height => MethodScope.Height;

        public int Width => MethodScope.Width;

        public IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, Classes).Select(i => $"c{i}")];

        public int Label(int index) => index * 7 % Classes;

        public void CopyImage(int index, Span<byte> chw)
        {
            var random = new Lur.Tensors.RandomStream((ulong)index, "noise");
            for (var i = 0; i < chw.Length; i++)
                chw[i] = (byte)((Label(index) * 15) + random.Below(100));
        }

        public void Dispose() { }
    }
}

using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>A tiny UNet with data and a class to forget, and methods that run on it.</summary>
internal sealed class DiffusionScope : IDisposable
{
    public const int Forgotten = 1;
    private readonly Pictures _data = new();

    public DiffusionScope(
        Precision precision = Precision.Float32,
        string model = "unet:c4:m1,2:r1:g2:attn4:k3",
        string forget = "class:1",
        ComputeDevice? device = null,
        Func<string, bool>? trained = null
    )
    {
        var spec = ModelFamilies.Parse(model, new ImageSize(8, 8, 1), 3);
        Model = new Model(device ?? TestDevices.Default, precision, spec, _data.ClassNames, new InputNormalization([0.5], [0.5]), trained)
        {
            Augmentation = Augmentation.FlipOnly,
        };
        Model.Initialize(7, WeightInitialization.TorchDefault);
        Start = Model.Parameters.ToArray();
        Task = new UnlearningTask(Model, _data, ForgetSet.Resolve([forget], _data, [.. Enumerable.Range(0, _data.Count)], 1), 11);
    }

    public Model Model { get; }

    public UnlearningTask Task { get; }

    /// <summary>Parameters before the method.</summary>
    public double[] Start { get; }

    /// <summary>Makes a method by name with options given as name, value, name, value; a later value wins.</summary>
    public UnlearningMethod Create(string name, params string[] options)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var option in options.Chunk(2))
            given[option[0]] = option[1];
        var definition = MethodCatalog.Find(name, MethodTask.Diffusion);
        return definition.Make(Task, definition.Read(given));
    }

    /// <summary>Makes a method and runs it to its end.</summary>
    public IReadOnlyList<StepTelemetry> Run(string name, params string[] options)
    {
        using var method = Create(name, options);
        return MethodScope.Run(method);
    }

    /// <summary>Options of a short run of any method, those of them that it has.</summary>
    public static string[] Short(string name)
    {
        var has = MethodCatalog.Find(name, MethodTask.Diffusion).Options.Select(o => o.Name).ToHashSet();
        string[] wanted =
        [
            "batch",
            "4",
            "steps",
            "3",
            "epochs",
            "1",
            "lr",
            "0.001",
            "trim-batches",
            "2",
            "replay",
            "2",
            "replay-steps",
            "2",
            "fisher-draws",
            "2",
        ];
        return [.. wanted.Chunk(2).Where(o => has.Contains(o[0])).SelectMany(o => o)];
    }

    public void Dispose() => Model.Dispose();

    /// <summary>Grey images of noise, brighter with the class.</summary>
    private sealed class Pictures : IImageDataset
    {
        public string Name => "pictures";

        public int Count => 31;

        public int Channels => 1;

        public int Height => 8;

        public int Width => 8;

        public IReadOnlyList<string> ClassNames { get; } = ["a", "b", "c"];

        public int Label(int index) => index % 3;

        public void CopyImage(int index, Span<byte> chw)
        {
            var random = new RandomStream((ulong)index, "pictures");
            for (var i = 0; i < chw.Length; i++)
                chw[i] = (byte)((Label(index) * 60) + random.Below(100));
        }

        public void Dispose() { }
    }
}

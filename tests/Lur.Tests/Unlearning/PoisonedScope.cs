using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>A set whose images can be turned into numbers that are none.</summary>
public enum Poison
{
    None,

    /// <summary>The retain set's images.</summary>
    Retain,

    /// <summary>The forget set's images.</summary>
    Forget,

    /// <summary>One running variance of the model.</summary>
    Statistic,
}

/// <summary>A small model whose third channel is normalised by a deviation so small that a white pixel of it is infinite, or so
/// large that its square is, while a black one is 0: poisoned images are white there, the others black.</summary>
internal sealed class PoisonedScope : IDisposable
{
    private readonly Images _data = new();

    /// <summary>Creates model, data and task.</summary>
    /// <param name="infinite">Pixels are infinite, in double; else 1e37 in float, which only sums of squares cannot hold.</param>
    public PoisonedScope(bool infinite)
    {
        // 255 times the smallest normal number has a reciprocal that 255 cannot bring to infinity: below it, in double.
        var (precision, deviation) = infinite ? (Precision.Float64, 1e-310) : (Precision.Float32, 2e-38);
        var spec = ResNetSpec.Parse("resnet[1,1]:w4:stem3", Images.Classes, _data.Height, _data.Width, _data.Channels);
        Model = new Model(
            TestDevices.Default,
            precision,
            ResNet.Build(spec),
            spec.ToString(),
            _data.ClassNames,
            new InputNormalization([0.5, 0.5, 0], [0.25, 0.25, deviation])
        )
        {
            Augmentation = Augmentation.None,
        };
        Model.Initialize(7);
        var set = ForgetSet.Resolve(["class:3"], _data, [.. Enumerable.Range(0, _data.Count)], 1);
        Task = new UnlearningTask(Model, _data, set, 11);
        _data.Forget = [.. set.Forget];
    }

    public Model Model { get; }

    public UnlearningTask Task { get; }

    /// <summary>Poisons images that are read from now on, or a statistic at once.</summary>
    public void Add(Poison poison)
    {
        _data.Poison = poison;
        if (poison != Poison.Statistic)
            return;
        var statistics = Model.Buffers.ToArray();
        statistics[Model.Buffers.Layout.Slots.First(s => s.Kind == Lur.Tensors.ParameterKind.RunningVariance).Offset] = double.NaN;
        Model.Buffers.Set(statistics);
    }

    public void Dispose() => Model.Dispose();

    private sealed class Images : IImageDataset
    {
        public const int Classes = 5;

        public HashSet<int> Forget { get; set; } = [];

        public volatile Poison Poison;

        public string Name => "poisoned";

        public int Count => 40;

        public int Channels => 3;

        public int Height => 7;

        public int Width => 6;

        public IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, Classes).Select(i => $"c{i}")];

        public int Label(int index) => index * 7 % Classes;

        public void CopyImage(int index, Span<byte> chw)
        {
            var random = new Lur.Tensors.RandomStream((ulong)index, "poisoned");
            foreach (ref var pixel in chw)
                pixel = (byte)((Label(index) * 30) + random.Below(100));
            var poisoned = Poison == (Forget.Contains(index) ? Poison.Forget : Poison.Retain);
            chw[(2 * Height * Width)..].Fill(poisoned ? byte.MaxValue : (byte)0);
        }

        public void Dispose() { }
    }
}

using Lur.Device;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>Per-channel normalisation inside the model: x = (pixel / 255 - mean) / std.</summary>
/// <param name="Mean">Mean per channel, of pixels in [0, 1].</param>
/// <param name="Std">Standard deviation per channel.</param>
public sealed record InputNormalization(IReadOnlyList<double> Mean, IReadOnlyList<double> Std);

/// <summary>How convolution filters start.</summary>
public enum WeightInitialization
{
    /// <summary>Normal with deviation sqrt(2 / fan out) (He et al. 2015), as torchvision's and the papers' ResNets.</summary>
    KaimingNormal,

    /// <summary>Uniform in +-1/sqrt(fan in), what torch gives a Conv2d that nobody initialises. Under batch normalisation
    /// the scale of a filter only divides its learning rate, and these are about half as large: short runs learn faster.
    /// ResNet-18 of width 16, 10,000 CIFAR-10 images, first of 20 epochs: 25.7 % of the training images right, and 19.6 %
    /// with the other; torch 1.13 shows the same two (25.7 and 21.2 %).</summary>
    TorchDefault,
}

/// <summary>A network with its weights and running statistics on a device.</summary>
public sealed class Model : IDisposable
{
    /// <summary>A model with zero weights, unit running variances and zero running means.</summary>
    /// <param name="device">Device that holds it.</param>
    /// <param name="precision">Element type.</param>
    /// <param name="network">Architecture.</param>
    /// <param name="architecture">Text that names the architecture, e.g. <c>resnet18:w64:stem3</c>.</param>
    /// <param name="classNames">Names of the outputs.</param>
    /// <param name="normalization">Normalisation inside the model.</param>
    public Model(
        ComputeDevice device,
        Precision precision,
        Network network,
        string architecture,
        IReadOnlyList<string> classNames,
        InputNormalization normalization
    )
    {
        Device = device;
        Precision = precision;
        Network = network;
        Architecture = architecture;
        ClassNames = classNames;
        Normalization = normalization;
        Parameters = new FlatVector(device, precision, network.Parameters, "parameters");
        Buffers = new FlatVector(device, precision, network.Buffers, "running statistics") { Initial = SetUnitVariances };
    }

    /// <summary>Device that holds the model.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Element type.</summary>
    public Precision Precision { get; }

    /// <summary>Architecture.</summary>
    public Network Network { get; }

    /// <summary>Text that names the architecture.</summary>
    public string Architecture { get; }

    /// <summary>Names of the outputs.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Number of outputs.</summary>
    public int Classes => ClassNames.Count;

    /// <summary>Normalisation inside the model.</summary>
    public InputNormalization Normalization { get; }

    /// <summary>Random changes of its training images; every step that augments makes these. Never
    /// <see cref="Augmentation.Auto"/>.</summary>
    public Augmentation Augmentation { get; set; } = Augmentation.CropAndFlip;

    /// <summary>Trained tensors.</summary>
    public FlatVector Parameters { get; }

    /// <summary>Running statistics.</summary>
    public FlatVector Buffers { get; }

    /// <summary>Batches that updated the running statistics since the model was created or loaded (torch's
    /// num_batches_tracked, less what the file had).</summary>
    public long BatchesTracked { get; set; }

    /// <summary>num_batches_tracked of each normalisation layer as the file had it, by tensor name.</summary>
    public Dictionary<string, long> TrackedAtLoad { get; } = new(StringComparer.Ordinal);

    /// <summary>Header of the file the model was imported from (the JSON text with its padding), or null.</summary>
    public string? ImportedHeader { get; set; }

    /// <summary>Draws initial weights: filters as the scheme says, matrices and biases uniform in +-1/sqrt(fan in),
    /// normalisation 1 and 0. Every tensor has a stream of its own, so the weights of a tensor do not depend on the
    /// others.</summary>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="scheme">Distribution of the filters.</param>
    public void Initialize(ulong seed, WeightInitialization scheme = WeightInitialization.KaimingNormal)
    {
        // Tensor by tensor: a host copy of all weights would be the largest object of a process that trains on the CPU.
        var values = new float[Parameters.Layout.Slots.Max(s => s.Count)];
        foreach (var slot in Parameters.Layout.Slots)
        {
            var random = new RandomStream(seed, "initialize/" + slot.Name);
            var target = values.AsSpan(0, slot.Count);
            switch (slot.Kind)
            {
                case ParameterKind.Filter when scheme == WeightInitialization.KaimingNormal:
                    var deviation = (float)Math.Sqrt(2.0 / slot.FanOut);
                    foreach (ref var value in target)
                        value = deviation * random.Normal();
                    break;
                case ParameterKind.NormalizationScale:
                    target.Fill(1);
                    break;
                case ParameterKind.NormalizationShift:
                    target.Clear();
                    break;
                default:
                    // The bias of a fully connected layer uses the fan-in of its matrix, which precedes it (torch's default).
                    var fanIn =
                        slot.Kind == ParameterKind.Bias ? Parameters.Layout.Slots.Last(s => s.End == slot.Offset).FanIn : slot.FanIn;
                    var bound = (float)(1 / Math.Sqrt(fanIn));
                    foreach (ref var value in target)
                        value = random.Uniform(-bound, bound);
                    break;
            }

            Parameters.Set(slot, target);
        }
    }

    /// <summary>Sets the running statistics of an untrained model: mean 0, variance 1, no batch tracked.</summary>
    public void ResetRunningStatistics()
    {
        SetUnitVariances(Buffers);
        BatchesTracked = 0;
        foreach (var name in TrackedAtLoad.Keys)
            TrackedAtLoad[name] = 0;
    }

    private static void SetUnitVariances(FlatVector buffers)
    {
        var initial = new float[buffers.Count];
        foreach (var slot in buffers.Layout.Slots)
        {
            if (slot.Kind == ParameterKind.RunningVariance)
                initial.AsSpan(slot.Offset, slot.Count).Fill(1);
        }

        buffers.Set(initial);
    }

    /// <summary>Allocates a copy on the same device.</summary>
    public Model Clone()
    {
        var copy = new Model(Device, Precision, Network, Architecture, ClassNames, Normalization)
        {
            Augmentation = Augmentation,
            BatchesTracked = BatchesTracked,
            ImportedHeader = ImportedHeader,
        };
        foreach (var (name, count) in TrackedAtLoad)
            copy.TrackedAtLoad[name] = count;
        copy.Parameters.CopyFrom(Parameters);
        copy.Buffers.CopyFrom(Buffers);
        return copy;
    }

    /// <summary>Frees the vectors.</summary>
    public void Dispose()
    {
        Parameters.Dispose();
        Buffers.Dispose();
    }
}

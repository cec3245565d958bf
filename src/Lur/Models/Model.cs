using Lur.Device;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>A network with its weights and running statistics on a device.</summary>
public sealed class Model : IDisposable
{
    /// <summary>A model with zero weights and an untrained one's running statistics; it takes memory when it is first used.</summary>
    /// <param name="device">Device that holds it.</param>
    /// <param name="precision">Element type.</param>
    /// <param name="spec">Architecture.</param>
    /// <param name="classNames">Names of the outputs.</param>
    /// <param name="normalization">Normalisation inside the model.</param>
    /// <param name="trained">Which weights are trained, by name; null: all. See <see cref="Layers.Network.TrainOnly"/>.</param>
    public Model(
        ComputeDevice device,
        Precision precision,
        ModelSpec spec,
        IReadOnlyList<string> classNames,
        InputNormalization normalization,
        Func<string, bool>? trained = null
    )
        : this(device, precision, spec, Build(spec, trained), classNames, normalization) { }

    private static Network Build(ModelSpec spec, Func<string, bool>? trained)
    {
        var network = spec.Build();
        if (trained is not null)
            network.TrainOnly(trained);
        return network;
    }

    /// <summary>A model on a network that the spec has built.</summary>
    internal Model(
        ComputeDevice device,
        Precision precision,
        ModelSpec spec,
        Network network,
        IReadOnlyList<string> classNames,
        InputNormalization normalization,
        WeightMemory? memory = null,
        Model? owner = null,
        Packing packing = Packing.None
    )
    {
        Device = device;
        Precision = precision;
        Spec = spec;
        Network = network;
        ClassNames = classNames;
        Normalization = normalization;
        Parameters =
            owner is not null ? owner.Parameters
            : memory is null ? new FlatVector(device, precision, network.Parameters, "parameters")
            : new FlatVector(device, precision, network.Parameters, "parameters", memory.Parameters);
        Frozen = owner?.Frozen ?? new FlatVector(device, precision, network.Frozen, "frozen parameters", packing);
        Buffers =
            memory is null || network.Buffers.Count == 0
                ? new FlatVector(device, precision, network.Buffers, "running statistics")
                {
                    Initial = v => Draw(v, v.Layout.Slots, 0, default),
                }
                : new FlatVector(device, precision, network.Buffers, "running statistics", memory.Statistics);
    }

    /// <summary>Device that holds the model.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Element type.</summary>
    public Precision Precision { get; }

    /// <summary>What steps that train it round the factors of products to; all else is in <see cref="Precision"/>.</summary>
    public ProductPrecision Products { get; set; }

    /// <summary>Architecture.</summary>
    public ModelSpec Spec { get; }

    /// <summary>The network that the spec builds.</summary>
    public Network Network { get; }

    /// <summary>Text that names the architecture, e.g. <c>resnet18:w64:stem3</c>.</summary>
    public string Architecture => Spec.Text;

    /// <summary>Extent of the output's last axis.</summary>
    public int Outputs => Spec.Outputs;

    /// <summary>Names of the outputs.</summary>
    public IReadOnlyList<string> ClassNames { get; private set; }

    /// <summary>Tensors of the late part, which trimming may reset unless it is told others; the head is among them.</summary>
    public IReadOnlyList<ParameterSlot> LateTensors => [.. Parameters.Layout.Slots.Where(Spec.IsLate)];

    /// <summary>Tensors of the layer that makes the output.</summary>
    public IReadOnlyList<ParameterSlot> Head => [.. Parameters.Layout.Slots.Where(Spec.IsHead)];

    /// <summary>Normalisation inside the model.</summary>
    public InputNormalization Normalization { get; }

    /// <summary>Random changes of its training images in every step that augments; never <see cref="Augmentation.Auto"/>.</summary>
    public Augmentation Augmentation { get; set; } = Augmentation.CropAndFlip;

    /// <summary>What its samples are where they are latents, float32 numbers, and no pixels; null for pixels.</summary>
    public LatentSpace? Latents { get; set; }

    /// <summary>Trained tensors.</summary>
    public FlatVector Parameters { get; }

    /// <summary>Weights that are not trained; empty unless the network says so. Nothing that trains writes to it.</summary>
    public FlatVector Frozen { get; }

    /// <summary>Running statistics.</summary>
    public FlatVector Buffers { get; }

    /// <summary>The vector that a tensor of the network lies in.</summary>
    public FlatVector Holding(ParameterSlot slot) =>
        slot.IsState ? Buffers
        : slot.IsFrozen ? Frozen
        : Parameters;

    internal IEnumerable<ParameterSlot> Weights => Network.StateOrder.Where(s => !s.IsState);

    /// <summary>Batches that updated the running statistics since the model was created or loaded (torch's
    /// num_batches_tracked, less what the file had).</summary>
    public long BatchesTracked { get; set; }

    /// <summary>num_batches_tracked of each normalisation layer as the file had it, by tensor name.</summary>
    public Dictionary<string, long> TrackedAtLoad { get; } = new(StringComparer.Ordinal);

    /// <summary>Header of the file the model was imported from (the JSON text with its padding), or null.</summary>
    public string? ImportedHeader { get; set; }

    /// <summary>What the task of the model has to know of it, as text by name; written into its file.</summary>
    public SortedDictionary<string, string> TaskSettings { get; } = new(StringComparer.Ordinal);

    /// <summary>What it has seen and what it has forgotten; written into its file.</summary>
    public ModelHistory History { get; set; } = new();

    /// <summary>Draws initial weights as each tensor's <see cref="ParameterSlot.Initializer"/> says. Every tensor has a stream of
    /// its own, so the weights of a tensor do not depend on the others.</summary>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="scheme">Distribution of the filters.</param>
    public void Initialize(ulong seed, WeightInitialization scheme = WeightInitialization.KaimingNormal)
    {
        Draw(Parameters, Parameters.Layout.Slots, seed, scheme);
        Draw(Frozen, Frozen.Layout.Slots, seed, scheme);
    }

    /// <summary>Sets the running statistics of an untrained model: mean 0, variance 1, no batch tracked.</summary>
    public void ResetRunningStatistics()
    {
        Draw(Buffers, [.. Buffers.Layout.Slots.Where(s => s.Kind != ParameterKind.Given)], 0, default);
        BatchesTracked = 0;
        foreach (var name in TrackedAtLoad.Keys)
            TrackedAtLoad[name] = 0;
    }

    /// <summary>Allocates a copy on the same device.</summary>
    public Model Clone()
    {
        var copy = Described(new Model(Device, Precision, Spec, Network, ClassNames, Normalization, null, null, Frozen.Packing));
        copy.Parameters.CopyFrom(Parameters);
        copy.Frozen.CopyFrom(Frozen);
        copy.Buffers.CopyFrom(Buffers);
        return copy;
    }

    // What it has beside its weights.
    private Model Described(Model other)
    {
        (other.Augmentation, other.BatchesTracked) = (Augmentation, BatchesTracked);
        (other.ImportedHeader, other.History) = (ImportedHeader, History);
        (other.Latents, other.Products) = (Latents, Products);
        foreach (var (name, count) in TrackedAtLoad)
            other.TrackedAtLoad[name] = count;
        foreach (var (name, text) in TaskSettings)
            other.TaskSettings[name] = text;
        return other;
    }

    /// <summary>A model of the same network, classes and history whose weights are memory of a program, with what that holds.</summary>
    /// <param name="memory">The memory.</param>
    public Model Over(WeightMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        var other = Described(new Model(Device, Precision, Spec, Network, ClassNames, Normalization, memory));
        other.Frozen.CopyFrom(Frozen);
        return other;
    }

    /// <summary>This model with other prompts. It takes over the weights: the old one is of no use, and needs no disposal.</summary>
    /// <param name="prompts">The prompts, which are its classes.</param>
    /// <param name="rows">Rows of the prompts and, last, of no prompt, [prompts + 1, rows, width].</param>
    /// <exception cref="ArgumentException">The model takes no prompts, or the numbers are not as many.</exception>
    public Model WithPrompts(IReadOnlyList<string> prompts, ReadOnlySpan<double> rows)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        if (Spec is not UNetSpec { Condition: ClassCondition.Prompt, Encoder: null } unet)
            throw new ArgumentException($"{Architecture} is not given rows of prompts.", nameof(prompts));
        var spec = unet with { ClassCount = prompts.Count, NullRow = true };
        var model = Described(new Model(Device, Precision, spec, Build(spec, Network.Trained), prompts, Normalization, null, this));
        model.Buffers.Set(rows);
        Buffers.Dispose();
        return model;
    }

    /// <summary>A copy of what a smaller network has of this one's tensors, by their names.</summary>
    /// <param name="spec">The network; every trained tensor of it is one of this model's.</param>
    internal Model WithNetwork(ModelSpec spec)
    {
        var model = Described(new Model(Device, Precision, spec, ClassNames, Normalization));
        TensorCopies.Copy(this, model);
        return model;
    }

    /// <summary>Allocates a copy with further outputs. The new rows of the head are drawn, the old ones and everything before them
    /// are this model's.</summary>
    /// <param name="names">Names of the further outputs.</param>
    /// <param name="seed">Seed of the draws.</param>
    public Model WithOutputs(IReadOnlyList<string> names, ulong seed)
    {
        var spec = Spec with { Outputs = Outputs + names.Count };
        var copy = new Model(Device, Precision, spec, [.. ClassNames, .. names], Normalization, Network.Trained)
        {
            Augmentation = Augmentation,
            BatchesTracked = BatchesTracked,
        };
        foreach (var slot in copy.Weights.Where(copy.Spec.IsHead))
            Draw(copy.Holding(slot), [slot], seed, WeightInitialization.KaimingNormal);
        TensorCopies.Copy(this, copy);
        copy.Buffers.CopyFrom(Buffers);
        return copy;
    }

    /// <summary>Takes over the state of a copy made by <see cref="WithOutputs"/>, without its further outputs.</summary>
    public void TakeFrom(Model widened)
    {
        TensorCopies.Copy(widened, this);
        Buffers.CopyFrom(widened.Buffers);
        BatchesTracked = widened.BatchesTracked;
    }

    /// <summary>Puts the classes into another order: what is computed for each stays the same.</summary>
    /// <param name="order">For each class the place it had before.</param>
    public void ReorderOutputs(IReadOnlyList<int> order)
    {
        ArgumentNullException.ThrowIfNull(order);
        foreach (var slot in Weights.Where(Spec.HasClassAxis))
        {
            if (Precision == Precision.Float64)
                Reorder<double>(slot, order);
            else
                Reorder<float>(slot, order);
        }

        ClassNames = [.. order.Select(c => ClassNames[c])];
    }

    /// <summary>Frees the vectors.</summary>
    public void Dispose()
    {
        Parameters.Dispose();
        Frozen.Dispose();
        Buffers.Dispose();
    }

    private void Reorder<T>(ParameterSlot slot, IReadOnlyList<int> order)
        where T : unmanaged
    {
        var rows = new T[slot.Count];
        Holding(slot).Read<T>(slot.Offset, rows);
        var ordered = new T[rows.Length];
        var width = rows.Length / slot.Shape[0];
        // A row behind those of the classes, for none of them, stays.
        rows.CopyTo(ordered, 0);
        for (var row = 0; row < order.Count; row++)
            rows.AsSpan(order[row] * width, width).CopyTo(ordered.AsSpan(row * width));
        Holding(slot).Write<T>(slot.Offset, ordered);
    }

    // Tensor by tensor: a host copy of all weights would be the largest object of a process that trains on the CPU.
    private static void Draw(FlatVector vector, IReadOnlyList<ParameterSlot> slots, ulong seed, WeightInitialization scheme)
    {
        var values = new float[slots.Select(s => s.Count).DefaultIfEmpty().Max()];
        foreach (var slot in slots)
        {
            var target = values.AsSpan(0, slot.Count);
            slot.Initializer.Draw(new RandomStream(seed, "initialize/" + slot.Name), target, scheme);
            Packed.Round(vector.Packing, target);
            vector.Set(slot, target);
        }
    }
}

using Lur.Device;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Hosting;

/// <summary>A tensor of a model.</summary>
/// <param name="Name">Its name in files.</param>
/// <param name="Shape">Its extents in files and in the arrays of a caller, outermost first; filters are [output, input, row,
/// column].</param>
/// <param name="DeviceShape">Its extents in the memory of the device; filters are [output, row, column, input].</param>
public sealed record LurTensor(string Name, IReadOnlyList<long> Shape, IReadOnlyList<int> DeviceShape)
{
    /// <summary>First element in the flat vector of the weights, or in that of the running statistics. The same for an architecture and
    /// a version of Lur.</summary>
    public int Offset { get; init; }

    /// <summary>True for a running statistic.</summary>
    public bool IsStatistic { get; init; }

    /// <summary>Number of elements.</summary>
    public int Count => DeviceShape.Aggregate(1, (product, extent) => product * extent);
}

/// <summary>A model of an engine whose weights and running statistics a program reads and replaces. A job is given the path of a file:
/// what is set here counts for it once it is saved.</summary>
/// <remarks>Not safe for use by two threads at once.</remarks>
public sealed class LurModel : IDisposable
{
    private readonly Model _model;
    private readonly Dictionary<string, ParameterSlot> _slots;

    /// <summary>Takes a model over.</summary>
    /// <param name="model">The model; disposed of with this.</param>
    public LurModel(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _slots = model.Network.StateOrder.ToDictionary(slot => model.Spec.FileNames(slot)[0], StringComparer.Ordinal);
        Tensors =
        [
            .. _slots.Select(pair => new LurTensor(
                pair.Key,
                model.Spec.FileShapes(pair.Value)[0],
                [.. Sequences.Range(0, pair.Value.Shape.Rank).Select(axis => pair.Value.Shape[axis])]
            )
            {
                Offset = pair.Value.Offset,
                IsStatistic = IsStatistic(pair.Value),
            }),
        ];
    }

    /// <summary>The architecture, as <c>lur train --model</c> takes it.</summary>
    public string Architecture => _model.Architecture;

    /// <summary>Names of the classes.</summary>
    public IReadOnlyList<string> Classes => _model.ClassNames;

    /// <summary>Its tensors, in the order of its file.</summary>
    public IReadOnlyList<LurTensor> Tensors { get; }

    /// <summary>Copies a tensor to the host.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="values">Receives its elements in the order of <see cref="LurTensor.Shape"/>; as many as it has.</param>
    /// <exception cref="UserErrorException">There is no such tensor, or it has another number of elements.</exception>
    /// <exception cref="ObjectDisposedException">The model or its engine was disposed.</exception>
    public void Read(string name, Span<float> values)
    {
        var slot = Find(name, values.Length);
        var memory = new float[slot.Count];
        Vector(slot).Read<float>(slot.Offset, memory);
        _model.Spec.Family.ToFile<float>(slot, memory, values);
    }

    /// <summary>Replaces a tensor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="values">Its elements in the order of <see cref="LurTensor.Shape"/>; as many as it has.</param>
    /// <exception cref="UserErrorException">There is no such tensor, it has another number of elements, or a value is none that a model
    /// can have (NaN, infinity, a negative variance); the tensor is as it was.</exception>
    /// <exception cref="ObjectDisposedException">The model or its engine was disposed.</exception>
    public void Write(string name, ReadOnlySpan<float> values)
    {
        var slot = RequireUsable(name, values);
        var memory = new float[slot.Count];
        _model.Spec.Family.FromFile(slot, values, memory);
        Vector(slot).Write<float>(slot.Offset, memory);
    }

    /// <summary>Refuses what <see cref="Write"/> would refuse; nothing is written.</summary>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="values">Its elements.</param>
    /// <exception cref="UserErrorException">As there.</exception>
    public void Require(string name, ReadOnlySpan<float> values) => _ = RequireUsable(name, values);

    private ParameterSlot RequireUsable(string name, ReadOnlySpan<float> values)
    {
        var slot = Find(name, values.Length);
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
                throw new UserErrorException($"The values given for tensor '{name}' hold NaN or infinity; the model would not be usable.");
            // Its root divides.
            if (slot.Kind == ParameterKind.RunningVariance && value < 0)
                throw new UserErrorException($"The values given for tensor '{name}' hold the negative variance {value}.");
        }

        return slot;
    }

    /// <summary>Where a tensor lies on the device, for programs that have kernels of their own: <see cref="LurTensor.Count"/> floats in
    /// the order of <see cref="LurTensor.DeviceShape"/>. The address holds as long as the model; where the CPU computes it is one of
    /// the process's memory. No work of Lur is under way there when a member of this class has returned; a program's own is to be
    /// waited for before the next call.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="UserErrorException">There is no such tensor.</exception>
    /// <exception cref="ObjectDisposedException">The model or its engine was disposed.</exception>
    public DevicePointer<float> Pointer(string name)
    {
        var slot = Find(name, null);
        var pointer = Vector(slot).At(slot).Pointer.As<float>();
        // Memory that is taken only now is filled in stream order.
        _model.Device.Synchronize();
        return pointer;
    }

    /// <summary>Writes the model into a file, atomically.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="UserErrorException">It cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        ModelFile.Save(_model, path);
    }

    /// <summary>Frees its memory.</summary>
    public void Dispose() => _model.Dispose();

    private FlatVector Vector(ParameterSlot slot) => _model.Holding(slot);

    private static bool IsStatistic(ParameterSlot slot) => slot.IsState;

    private ParameterSlot Find(string name, int? count)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!_slots.TryGetValue(name, out var slot))
            throw new UserErrorException(
                $"The model {Architecture} has no tensor '{name}'; {Spelling.DidYouMean(name, _slots.Keys, "see its list of tensors.")}"
            );
        return count is null || count == slot.Count
            ? slot
            : throw new UserErrorException($"Tensor '{name}' has {slot.Count} elements; {count} were given.");
    }
}

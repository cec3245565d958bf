namespace Lur.Tensors;

/// <summary>What a parameter is, which decides its layout in a file and whether trimming may touch it.</summary>
public enum ParameterKind
{
    /// <summary>Convolution filter, KRSC in memory, OIHW in files.</summary>
    Filter,

    /// <summary>Matrix of a fully connected layer, [out, in].</summary>
    Matrix,

    /// <summary>Bias of a fully connected layer.</summary>
    Bias,

    /// <summary>Scale of a normalisation layer.</summary>
    NormalizationScale,

    /// <summary>Shift of a normalisation layer.</summary>
    NormalizationShift,

    /// <summary>Running mean: state, not trained.</summary>
    RunningMean,

    /// <summary>Running variance (unbiased, as torch): state, not trained.</summary>
    RunningVariance,

    /// <summary>Numbers that a network is given: state, not trained.</summary>
    Given,
}

/// <summary>One named tensor inside a flat vector.</summary>
/// <param name="Name">torch state_dict name, e.g. <c>layer1.0.conv1.weight</c>.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Shape">Shape in memory (filters: K, R, S, C).</param>
/// <param name="Offset">First element in the flat vector.</param>
/// <param name="Initializer">How its elements start.</param>
public sealed record ParameterSlot(string Name, ParameterKind Kind, Shape Shape, int Offset, Initializer Initializer)
{
    /// <summary>Number of elements.</summary>
    public int Count => Shape.Count;

    /// <summary>One past the last element.</summary>
    public int End => Offset + Count;

    /// <summary>Inputs that feed one output: R*S*C of a filter, the row length of a matrix, 1 otherwise.</summary>
    public int FanIn => Kind is ParameterKind.Filter or ParameterKind.Matrix ? Count / Shape[0] : 1;

    /// <summary>True for what is not trained.</summary>
    public bool IsState => Kind is ParameterKind.RunningMean or ParameterKind.RunningVariance or ParameterKind.Given;

    /// <summary>True for a tensor of a network that is not trained: it lies in a vector of its own kind, and gradients, tangents and
    /// the state of optimisers have no place for it.</summary>
    public bool IsFrozen { get; init; }

    /// <summary>True for the scale and shift of a normalisation layer; trimming leaves them alone.</summary>
    public bool IsNormalization => Kind is ParameterKind.NormalizationScale or ParameterKind.NormalizationShift;
}

/// <summary>Names, shapes and offsets of the tensors of a flat vector, without gaps and in the order of the file format.
/// Parameters, gradients, momentum, tangents, masks and look-ahead weights of a model all share one layout.</summary>
public sealed class ParameterLayout
{
    private readonly List<ParameterSlot> _slots = [];
    private readonly Dictionary<string, ParameterSlot> _byName = new(StringComparer.Ordinal);
    private readonly List<ParameterSlot> _all = [];
    private readonly ParameterLayout? _frozen;
    private readonly Func<string, bool>? _trained;

    /// <summary>An empty layout.</summary>
    public ParameterLayout() { }

    /// <summary>An empty layout of the tensors that are trained; what is not goes elsewhere.</summary>
    /// <param name="trained">Whether a tensor of a name is trained.</param>
    /// <param name="frozen">Receives those that are not.</param>
    internal ParameterLayout(Func<string, bool> trained, ParameterLayout frozen) => (_trained, _frozen) = (trained, frozen);

    /// <summary>The tensors, in order of offset.</summary>
    public IReadOnlyList<ParameterSlot> Slots => _slots;

    /// <summary>All tensors that were added, in that order, with those that went to the layout of the frozen ones.</summary>
    internal IReadOnlyList<ParameterSlot> All => _all;

    /// <summary>Number of elements of the flat vector.</summary>
    public int Count { get; private set; }

    /// <summary>Appends a tensor.</summary>
    /// <param name="name">torch state_dict name.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="shape">Shape in memory.</param>
    /// <param name="initializer">How its elements start; zeros if nothing is said.</param>
    /// <exception cref="ArgumentException">The name is already there.</exception>
    /// <exception cref="UserErrorException">The vector would have more elements than 32 bits count.</exception>
    public ParameterSlot Add(string name, ParameterKind kind, Shape shape, Initializer? initializer = null)
    {
        var own = _trained?.Invoke(name) ?? true;
        if ((own ? _frozen : this)?.Find(name) is not null)
            throw new ArgumentException($"The tensor '{name}' is there twice.", nameof(name));
        var slot = (own ? this : _frozen!).Append(new ParameterSlot(name, kind, shape, 0, initializer ?? Initializer.Zero), !own);
        _all.Add(slot);
        return slot;
    }

    private ParameterSlot Append(ParameterSlot slot, bool frozen)
    {
        var (name, shape) = (slot.Name, slot.Shape);
        slot = slot with { Offset = Count, IsFrozen = frozen };
        if (!_byName.TryAdd(name, slot))
            throw new ArgumentException($"The tensor '{name}' is there twice.", nameof(slot));
        var count = Count + Sequences.Range(0, shape.Rank).Aggregate(1.0, (product, axis) => product * shape[axis]);
        if (count > int.MaxValue)
            throw new UserErrorException(
                $"The network has more than {int.MaxValue} parameters and states up to '{name}', which is the most there may be; give a "
                    + "smaller width or fewer blocks."
            );
        _slots.Add(slot);
        Count = (int)count;
        return slot;
    }

    /// <summary>Finds a tensor by name.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public ParameterSlot this[string name] =>
        _byName.TryGetValue(name, out var slot) ? slot : throw new KeyNotFoundException($"No tensor is named '{name}'.");

    /// <summary>Finds a tensor by name, or null.</summary>
    public ParameterSlot? Find(string name) => _byName.GetValueOrDefault(name);
}

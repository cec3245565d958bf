using Lur.Device;
using Lur.Tensors;

namespace Lur.Layers;

/// <summary>How normalisation layers behave in a pass.</summary>
public enum NormalizationMode
{
    /// <summary>Batch statistics; running statistics are updated.</summary>
    TrainAndUpdate,

    /// <summary>Batch statistics; running statistics are left alone.</summary>
    Train,

    /// <summary>Running statistics: a fixed affine map.</summary>
    Frozen,
}

/// <summary>One evaluation of a network on one batch with one parameter vector, inside a step program. Holds what the
/// passes share: where weights come from, where gradients go, and what each layer kept from its forward pass.</summary>
/// <remarks>Order of use: <see cref="Network.Forward(NetworkPass, Value)"/>, then optionally backward, forward tangent, backward
/// tangent.</remarks>
public sealed class NetworkPass
{
    private readonly Dictionary<(Value Of, ValueRole Role), Value> _companions = [];
    private readonly HashSet<Value> _written = [];
    private readonly Dictionary<int, Value> _zeros = [];
    private readonly Dictionary<int, object> _caches = [];

    /// <summary>Creates a pass.</summary>
    /// <param name="program">Program the operations are appended to.</param>
    /// <param name="name">Prefix of buffer names, e.g. <c>retain</c>.</param>
    /// <param name="batch">Batch size.</param>
    /// <param name="weights">Parameters to evaluate at.</param>
    /// <param name="buffers">Running statistics.</param>
    /// <param name="mode">Behaviour of normalisation layers.</param>
    public NetworkPass(Program program, string name, int batch, FlatVector weights, FlatVector buffers, NormalizationMode mode)
    {
        Program = program;
        Name = name;
        Batch = batch;
        Weights = weights;
        Buffers = buffers;
        Mode = mode;
    }

    /// <summary>Program under construction.</summary>
    public Program Program { get; }

    /// <summary>Prefix of buffer names.</summary>
    public string Name { get; }

    /// <summary>Batch size.</summary>
    public int Batch { get; }

    /// <summary>Parameters to evaluate at.</summary>
    public FlatVector Weights { get; }

    /// <summary>The weights that are not trained; null for a network without.</summary>
    public FlatVector? Frozen { get; init; }

    /// <summary>Running statistics.</summary>
    public FlatVector Buffers { get; }

    /// <summary>Behaviour of normalisation layers.</summary>
    public NormalizationMode Mode { get; }

    /// <summary>Where the backward pass writes parameter gradients (overwritten, not added to).</summary>
    public FlatVector? Gradients { get; set; }

    /// <summary>Tangent of the parameters (the v of H v), read by the tangent passes.</summary>
    public FlatVector? WeightTangents { get; set; }

    /// <summary>Where the backward tangent pass writes the tangent of the parameter gradients (H v).</summary>
    public FlatVector? GradientTangents { get; set; }

    /// <summary>True to give the network's inputs a gradient too: <see cref="GradientOf(Value)"/> of the network's input then is that of
    /// the loss with respect to it. The layers skip it otherwise.</summary>
    public bool WithInputGradient { get; init; }

    /// <summary>True when no backward pass follows, so that layers keep nothing.</summary>
    public bool Inference { get; init; }

    /// <summary>Where dropout draws; null: it drops nothing.</summary>
    public RandomSource? Random { get; init; }

    /// <summary>The network's inputs, by number.</summary>
    internal Value[] Inputs { get; set; } = [];

    /// <summary>Outputs of the nodes, by index.</summary>
    internal Value[] Outputs { get; set; } = [];

    /// <summary>Shorthand for the launchers.</summary>
    public LaunchSet Launch => Program.Launch;

    /// <summary>Device of the program.</summary>
    public ComputeDevice Device => Program.Device;

    /// <summary>Declares an activation of this pass.</summary>
    public Value Activation(string name, Shape shape) => Program.Real($"{Name}/{name}", ValueRole.Activation, shape);

    /// <summary>Declares a small result kept for a later pass.</summary>
    public Value Cache(string name, Shape shape) => Program.Real($"{Name}/{name}", ValueRole.Cache, shape);

    /// <summary>The tangent of an activation, declared on first use.</summary>
    public Value TangentOf(Value activation) => Companion(activation, ValueRole.Tangent, "tangent");

    /// <summary>The tangent of an activation, or zeros for one that has none.</summary>
    internal Value TangentOf(Value activation, bool exists)
    {
        var known = exists || _companions.ContainsKey((activation, ValueRole.Tangent));
        var tangent = TangentOf(activation);
        if (!known)
            Program.Clear(tangent);
        return tangent;
    }

    /// <summary>The buffer that receives the gradient with respect to an activation, and whether it holds a contribution
    /// already (an activation with several consumers), in which case the caller adds to it.</summary>
    public Value GradientOf(Value activation, out bool accumulate) =>
        Accumulated(activation, ValueRole.Gradient, "gradient", out accumulate);

    /// <summary>The finished gradient with respect to an activation.</summary>
    public Value GradientOf(Value activation) => Companion(activation, ValueRole.Gradient, "gradient");

    /// <summary>As <see cref="GradientOf(Value, out bool)"/> for the tangent of the gradient.</summary>
    public Value TangentGradientOf(Value activation, out bool accumulate) =>
        Accumulated(activation, ValueRole.TangentGradient, "tangent-gradient", out accumulate);

    /// <summary>The finished tangent of the gradient with respect to an activation.</summary>
    public Value TangentGradientOf(Value activation) => Companion(activation, ValueRole.TangentGradient, "tangent-gradient");

    /// <summary>A tensor of the weights, from the vector where it lies; one that is packed there is widened for the operation that asks,
    /// and its memory is free behind it.</summary>
    public Operand<Real> WeightOf(ParameterSlot slot) => WeightsFrom(slot, slot.Count);

    /// <summary>The same with tensors that lie directly behind it.</summary>
    /// <param name="slot">The first tensor.</param>
    /// <param name="count">Elements of all.</param>
    internal Operand<Real> WeightsFrom(ParameterSlot slot, int count)
    {
        var vector = slot.IsFrozen ? Frozen! : Weights;
        if (vector.Packing == Packing.None)
            return vector.At(slot);
        var wide = Program.Real($"{Name}/{slot.Name}/widened", ValueRole.Workspace, new Shape(count));
        var (shape, narrow) = (Device.Elements(count), vector.Narrow(slot.Offset, count));
        if (vector.Packing == Packing.Float16)
            Launch.Widen.WidenFloat16(shape, wide, narrow, count);
        else
            Launch.Widen.WidenBfloat16(shape, wide, narrow, count);
        return wide;
    }

    /// <summary>Its tangent; zeros for one that is not trained. For small tensors: a layer leaves the term of a large one out.</summary>
    internal Operand<Real> WeightTangentOf(ParameterSlot slot) => slot.IsFrozen ? Zeros(slot.Count) : WeightTangents!.At(slot);

    /// <summary>A tensor's place in a vector of gradients; for one that is not trained, a place that nothing reads. For small tensors,
    /// where a kernel writes two of them.</summary>
    internal Operand<Real> PlaceOf(ParameterSlot slot, FlatVector vector) =>
        slot.IsFrozen ? Program.Real($"{Name}/{slot.Name}/not trained", ValueRole.Workspace, new Shape(slot.Count)) : vector.At(slot);

    private Value Zeros(int count)
    {
        if (!_zeros.TryGetValue(count, out var zeros))
        {
            _zeros.Add(count, zeros = Cache($"zeros[{count}]", new Shape(count)));
            Program.Clear(zeros);
        }

        return zeros;
    }

    /// <summary>Stores what a layer keeps between its passes.</summary>
    public void Remember(int node, object cache) => _caches[node] = cache;

    /// <summary>What a layer kept.</summary>
    /// <exception cref="InvalidOperationException">Its forward pass has not run in this pass.</exception>
    public T Recall<T>(int node) =>
        _caches.TryGetValue(node, out var cache)
            ? (T)cache
            : throw new InvalidOperationException($"Pass '{Name}': the forward pass of node {node} comes before its other passes.");

    private Value Accumulated(Value activation, ValueRole role, string suffix, out bool accumulate)
    {
        var value = Companion(activation, role, suffix);
        accumulate = !_written.Add(value);
        return value;
    }

    private Value Companion(Value activation, ValueRole role, string suffix)
    {
        if (!_companions.TryGetValue((activation, role), out var value))
        {
            value = Program.Real($"{activation.Name}.{suffix}", role, activation.Shape);
            _companions.Add((activation, role), value);
        }

        return value;
    }
}

using Lur.Tensors;

namespace Lur.Layers;

/// <summary>A directed acyclic graph of layers in execution order, with the layouts of its parameters and state.</summary>
public sealed class Network
{
    private readonly List<NetworkInput> _inputs = [];
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<Layer, bool> _registered = []; // and whether it has trained parameters
    private readonly List<Layer> _order = []; // in which they were registered
    private readonly List<ParameterSlot> _state = [];

    /// <summary>Creates an empty network without inputs; see <see cref="AddInput"/>.</summary>
    public Network() { }

    /// <summary>Creates an empty network whose first input, -1, is images.</summary>
    /// <param name="height">Image height, pixels.</param>
    /// <param name="width">Image width, pixels.</param>
    /// <param name="channels">Image channels.</param>
    public Network(int height, int width, int channels) => AddInput(NetworkInput.Images, new Shape(height, width, channels));

    /// <summary>What the network is given at every evaluation.</summary>
    public IReadOnlyList<NetworkInput> Inputs => _inputs;

    /// <summary>Image height in pixels: of the first input.</summary>
    public int Height => Images[0];

    /// <summary>Image width in pixels: of the first input.</summary>
    public int Width => Images[1];

    /// <summary>Image channels: of the first input.</summary>
    public int Channels => Images[2];

    private Shape Images => _inputs[0].Sample ?? throw new InvalidOperationException("The first input is no images.");

    /// <summary>Layers in execution order.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Trained tensors.</summary>
    public ParameterLayout Parameters { get; private set; } = new();

    /// <summary>Weights that are not trained, see <see cref="TrainOnly"/>; none where nothing is said.</summary>
    public ParameterLayout Frozen { get; private set; } = new();

    /// <summary>State tensors (running statistics).</summary>
    public ParameterLayout Buffers { get; private set; } = new();

    /// <summary>Which weights are trained, by name; null: all.</summary>
    public Func<string, bool>? Trained { get; private set; }

    /// <summary>Number of weights, trained or not.</summary>
    public int WeightCount => Parameters.Count + Frozen.Count;

    /// <summary>Says which weights are trained. The others move to <see cref="Frozen"/>, in the order they had, so that gradients,
    /// tangents and all vectors of an optimiser are as long as the trained ones alone; what does not depend on those has no tangent and no
    /// backward pass. To be said before a vector is made of the network's layouts, which are made anew.</summary>
    /// <param name="trained">Whether a tensor of a name is trained; null for all.</param>
    public void TrainOnly(Func<string, bool>? trained)
    {
        (Trained, Frozen, Buffers) = (trained, new ParameterLayout(), new ParameterLayout());
        Parameters = trained is null ? new ParameterLayout() : new ParameterLayout(trained, Frozen);
        Layer[] layers = [.. _order];
        _order.Clear();
        _registered.Clear();
        _state.Clear();
        foreach (var layer in layers)
            Register(layer);
        for (var i = 0; i < _nodes.Count; i++)
            _nodes[i] = Placed(i, _nodes[i].Layer, _nodes[i].Inputs);
    }

    /// <summary>Adds an input.</summary>
    /// <param name="name">Name, by which <see cref="Forward(NetworkPass, ReadOnlySpan{ValueTuple{string, Value}})"/> is given it.</param>
    /// <param name="sample">Shape without the batch; null for one number a row, [N].</param>
    /// <returns>The index that layers read it by: -1 for the first, -2 for the second, and so on.</returns>
    public int AddInput(string name, Shape? sample)
    {
        if (_inputs.Any(i => i.Name == name))
            throw new ArgumentException($"The input '{name}' is there twice.", nameof(name));
        _inputs.Add(new NetworkInput(name, sample));
        return -_inputs.Count;
    }

    /// <summary>Appends a layer and registers its tensors.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="inputs">Node indices it reads; below 0 the network's inputs.</param>
    /// <returns>The index of the new node.</returns>
    public int Add(Layer layer, params int[] inputs)
    {
        var index = _nodes.Count;
        if (inputs.Any(i => i < -_inputs.Count || i >= index))
            throw new ArgumentException($"'{layer.Name}' reads a node or an input that does not exist yet.", nameof(inputs));
        Register(layer);
        _nodes.Add(Placed(index, layer, inputs));
        return index;
    }

    private Node Placed(int index, Layer layer, IReadOnlyList<int> inputs)
    {
        var tangents = inputs.Select(i => i >= 0 && _nodes[i].HasTangent).ToValues();
        return new Node(index, layer, inputs, tangents, _registered[layer] || tangents.Contains(true));
    }

    /// <summary>Registers a layer's tensors now, ahead of <see cref="Add"/>, where torch lists modules in another order than
    /// they run (the shortcut of a residual block). A second registration does nothing.</summary>
    public void Register(Layer layer)
    {
        if (_registered.ContainsKey(layer))
            return;
        var (trained, parameters, buffers) = (Parameters.Slots.Count, Parameters.All.Count, Buffers.Slots.Count);
        layer.Register(Parameters, Buffers);
        _registered.Add(layer, Parameters.Slots.Count > trained);
        _order.Add(layer);
        _state.AddRange(Parameters.All.Skip(parameters));
        _state.AddRange(Buffers.Slots.Skip(buffers));
    }

    /// <summary>Parameters and state in the order of torch's state_dict: module by module, parameters before buffers.</summary>
    public IReadOnlyList<ParameterSlot> StateOrder => _state;

    /// <summary>Output shape of every node for a batch size.</summary>
    /// <exception cref="ArgumentException">A layer cannot take its input.</exception>
    public Shape[] Shapes(int batch)
    {
        var shapes = new Shape[_nodes.Count];
        foreach (var node in _nodes)
        {
            shapes[node.Index] = node.Layer.OutputShape(
                node.Inputs.Select(i => i < 0 ? _inputs[-i - 1].Batched(batch) : shapes[i]).ToValues()
            );
        }

        return shapes;
    }

    /// <summary>Appends the forward pass of a network with one input.</summary>
    /// <param name="pass">The pass.</param>
    /// <param name="input">Images [N, H, W, C].</param>
    /// <returns>Output of the last layer.</returns>
    public Value Forward(NetworkPass pass, Value input) => Forward(pass, (_inputs[0].Name, input));

    /// <summary>Appends the forward pass.</summary>
    /// <param name="pass">The pass.</param>
    /// <param name="inputs">A value for every input, by name and in any order.</param>
    /// <returns>Output of the last layer.</returns>
    /// <exception cref="ArgumentException">An input is missing, unknown or of another shape, nothing reads a layer's output, or the pass
    /// is not given the weights that are not trained.</exception>
    public Value Forward(NetworkPass pass, params ReadOnlySpan<(string Name, Value Value)> inputs)
    {
        RequireReaders();
        if ((pass.Frozen?.Count ?? 0) != Frozen.Count)
            throw new ArgumentException($"The network has {Frozen.Count} weights that are not trained; the pass '{pass.Name}' has others.");
        pass.Inputs = Given(inputs, pass.Batch);
        pass.Outputs = new Value[_nodes.Count];
        foreach (var node in _nodes)
            pass.Outputs[node.Index] = node.Layer.Forward(pass, node);
        return pass.Outputs[^1];
    }

    private Value[] Given(ReadOnlySpan<(string Name, Value Value)> inputs, int batch)
    {
        var values = new Value[_inputs.Count];
        foreach (var (name, value) in inputs)
        {
            var at = _inputs.FindIndex(i => i.Name == name);
            var names = string.Join(", ", _inputs.Select(i => i.Name));
            if (at < 0)
                throw new ArgumentException($"The network has no input '{name}'; it has {names}.", nameof(inputs));
            var expected = _inputs[at].Batched(batch);
            values[at] =
                value.Shape == expected
                    ? value
                    : throw new ArgumentException($"The input '{name}' is {value.Shape}, expected {expected}.", nameof(inputs));
        }

        var missing = Array.IndexOf(values, null);
        return missing < 0
            ? values
            : throw new ArgumentException($"The network is not given its input '{_inputs[missing].Name}'.", nameof(inputs));
    }

    // Nothing would write the gradient of an output that nothing reads.
    private void RequireReaders()
    {
        var read = _nodes.SelectMany(n => n.Inputs).ToHashSet();
        if (_nodes.SkipLast(1).FirstOrDefault(n => !read.Contains(n.Index)) is { } dead)
            throw new ArgumentException($"Nothing reads the output of '{dead.Layer.Name}'; only that of the last layer may be left.");
    }

    /// <summary>Appends the backward pass. The caller has written the gradient of the output (see
    /// <see cref="NetworkPass.GradientOf(Value, out bool)"/>).</summary>
    public void Backward(NetworkPass pass)
    {
        for (var i = _nodes.Count - 1; i >= 0; i--)
            Backward(pass, _nodes[i]);
    }

    /// <summary>Appends the tangent of the forward pass. The inputs have no tangent.</summary>
    /// <returns>Tangent of the output.</returns>
    public Value ForwardTangent(NetworkPass pass)
    {
        foreach (var node in _nodes.Where(n => n.HasTangent))
            node.Layer.ForwardTangent(pass, node);
        return pass.TangentOf(Output(pass, _nodes[^1]), _nodes[^1].HasTangent);
    }

    /// <summary>Appends the tangent of the backward pass. The caller has written the tangent of the output's gradient.</summary>
    public void BackwardTangent(NetworkPass pass)
    {
        for (var i = _nodes.Count - 1; i >= 0; i--)
            BackwardTangent(pass, _nodes[i]);
    }

    /// <summary>Appends the backward pass and its tangent together, node by node: a gradient lives until its own tangent is
    /// taken, not until the last one's. The caller has written the gradient of the output and its tangent.</summary>
    public void BackwardWithTangent(NetworkPass pass)
    {
        for (var i = _nodes.Count - 1; i >= 0; i--)
        {
            Backward(pass, _nodes[i]);
            BackwardTangent(pass, _nodes[i]);
        }
    }

    private static void Backward(NetworkPass pass, Node node)
    {
        if (node.HasTangent || pass.WithInputGradient)
            node.Layer.Backward(pass, node);
    }

    private static void BackwardTangent(NetworkPass pass, Node node)
    {
        if (node.HasTangent)
            node.Layer.BackwardTangent(pass, node);
    }

    /// <summary>Activation that a node reads as its input number <paramref name="which"/>.</summary>
    public static Value Input(NetworkPass pass, Node node, int which = 0)
    {
        var index = node.Inputs[which];
        return index < 0 ? pass.Inputs[-index - 1] : pass.Outputs[index];
    }

    /// <summary>Activation that a node wrote.</summary>
    public static Value Output(NetworkPass pass, Node node) => pass.Outputs[node.Index];

    /// <summary>Tangent of what a node reads; zeros where that does not depend on the weights. A layer that can leave such a
    /// tangent out asks <see cref="Node.HasInputTangent"/> first.</summary>
    public static Value InputTangent(NetworkPass pass, Node node, int which = 0) =>
        pass.TangentOf(Input(pass, node, which), node.HasInputTangent(which));

    /// <summary>True when a node's backward pass writes the gradient of an input: where it depends on the weights, or where the
    /// network's inputs are to have a gradient.</summary>
    public static bool NeedsInputGradient(NetworkPass pass, Node node, int which = 0) =>
        pass.WithInputGradient || node.HasInputTangent(which);
}

/// <summary>Something that a network is given at every evaluation: images, time steps, a condition.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Sample">Shape without the batch; null for one number a row.</param>
public sealed record NetworkInput(string Name, Shape? Sample)
{
    /// <summary>Shape of a batch of it.</summary>
    public Shape Batched(int batch) => Sample?.Batched(batch) ?? new Shape(batch);

    /// <summary>Name of the input that images go to.</summary>
    public const string Images = "images";
}

using Lur.Tensors;

namespace Lur.Layers;

/// <summary>A directed acyclic graph of layers in execution order, with the layouts of its parameters and state.</summary>
public sealed class Network
{
    private readonly List<Node> _nodes = [];
    private readonly HashSet<Layer> _registered = [];
    private readonly List<ParameterSlot> _state = [];

    /// <summary>Creates an empty network.</summary>
    /// <param name="height">Image height, pixels.</param>
    /// <param name="width">Image width, pixels.</param>
    /// <param name="channels">Image channels.</param>
    public Network(int height, int width, int channels) => (Height, Width, Channels) = (height, width, channels);

    /// <summary>Image height in pixels.</summary>
    public int Height { get; }

    /// <summary>Image width in pixels.</summary>
    public int Width { get; }

    /// <summary>Image channels.</summary>
    public int Channels { get; }

    /// <summary>Layers in execution order.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Trained tensors.</summary>
    public ParameterLayout Parameters { get; } = new();

    /// <summary>State tensors (running statistics).</summary>
    public ParameterLayout Buffers { get; } = new();

    /// <summary>Appends a layer and registers its tensors.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="inputs">Node indices it reads; -1 is the network's input.</param>
    /// <returns>The index of the new node.</returns>
    public int Add(Layer layer, params int[] inputs)
    {
        var index = _nodes.Count;
        if (inputs.Any(i => i < -1 || i >= index))
            throw new ArgumentException($"'{layer.Name}' reads a node that does not exist yet.", nameof(inputs));
        Register(layer);
        _nodes.Add(new Node(index, layer, inputs));
        return index;
    }

    /// <summary>Registers a layer's tensors now, ahead of <see cref="Add"/>, where torch lists modules in another order than
    /// they run (the shortcut of a residual block). A second registration does nothing.</summary>
    public void Register(Layer layer)
    {
        if (!_registered.Add(layer))
            return;
        var (parameters, buffers) = (Parameters.Slots.Count, Buffers.Slots.Count);
        layer.Register(Parameters, Buffers);
        _state.AddRange(Parameters.Slots.Skip(parameters));
        _state.AddRange(Buffers.Slots.Skip(buffers));
    }

    /// <summary>Parameters and state in the order of torch's state_dict: module by module, parameters before buffers.</summary>
    public IReadOnlyList<ParameterSlot> StateOrder => _state;

    /// <summary>Output shape of every node for a batch size.</summary>
    /// <exception cref="ArgumentException">A layer cannot take its input.</exception>
    public Shape[] Shapes(int batch)
    {
        var shapes = new Shape[_nodes.Count];
        var input = new Shape(batch, Height, Width, Channels);
        foreach (var node in _nodes)
        {
            shapes[node.Index] = node.Layer.OutputShape([.. node.Inputs.Select(i => i < 0 ? input : shapes[i])]);
        }

        return shapes;
    }

    /// <summary>Appends the forward pass.</summary>
    /// <param name="pass">The pass.</param>
    /// <param name="input">Images [N, H, W, C].</param>
    /// <returns>Output of the last layer (logits [N, classes]).</returns>
    public Value Forward(NetworkPass pass, Value input)
    {
        var outputs = new Value[_nodes.Count];
        pass.Remember(InputKey, input);
        pass.Remember(OutputsKey, outputs);
        foreach (var node in _nodes)
            outputs[node.Index] = node.Layer.Forward(pass, node);
        return outputs[^1];
    }

    /// <summary>Appends the backward pass. The caller has written the gradient of the output (see
    /// <see cref="NetworkPass.GradientOf(Value, out bool)"/>).</summary>
    public void Backward(NetworkPass pass)
    {
        for (var i = _nodes.Count - 1; i >= 0; i--)
            _nodes[i].Layer.Backward(pass, _nodes[i]);
    }

    /// <summary>Appends the tangent of the forward pass. The images have no tangent.</summary>
    /// <returns>Tangent of the output.</returns>
    public Value ForwardTangent(NetworkPass pass)
    {
        foreach (var node in _nodes)
            node.Layer.ForwardTangent(pass, node);
        return pass.TangentOf(Output(pass, _nodes[^1]));
    }

    /// <summary>Appends the tangent of the backward pass. The caller has written the tangent of the output's gradient.</summary>
    public void BackwardTangent(NetworkPass pass)
    {
        for (var i = _nodes.Count - 1; i >= 0; i--)
            _nodes[i].Layer.BackwardTangent(pass, _nodes[i]);
    }

    /// <summary>Appends the backward pass and its tangent together, node by node: a gradient lives until its own tangent is
    /// taken, not until the last one's. The caller has written the gradient of the output and its tangent.</summary>
    public void BackwardWithTangent(NetworkPass pass)
    {
        for (var i = _nodes.Count - 1; i >= 0; i--)
        {
            _nodes[i].Layer.Backward(pass, _nodes[i]);
            _nodes[i].Layer.BackwardTangent(pass, _nodes[i]);
        }
    }

    private const int InputKey = -1,
        OutputsKey = -2;

    /// <summary>Activation that a node reads as its input number <paramref name="which"/>.</summary>
    public static Value Input(NetworkPass pass, Node node, int which = 0) =>
        node.Inputs[which] < 0 ? pass.Recall<Value>(InputKey) : pass.Recall<Value[]>(OutputsKey)[node.Inputs[which]];

    /// <summary>Activation that a node wrote.</summary>
    public static Value Output(NetworkPass pass, Node node) => pass.Recall<Value[]>(OutputsKey)[node.Index];

    /// <summary>True when a node's input is the images, which need no gradient and have no tangent.</summary>
    public static bool ReadsImages(Node node, int which = 0) => node.Inputs[which] < 0;

    /// <summary>True when a node's backward pass writes the gradient of an input: always, but for images that need none.</summary>
    public static bool NeedsInputGradient(NetworkPass pass, Node node, int which = 0) =>
        pass.WithInputGradient || !ReadsImages(node, which);
}

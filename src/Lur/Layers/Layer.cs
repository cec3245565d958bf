using Lur.Tensors;

namespace Lur.Layers;

/// <summary>A differentiable operator with one output and as many inputs as it says. Its four passes append operations to
/// the program of a <see cref="NetworkPass"/>; formulas are in the header comments of the kernels.</summary>
/// <remarks>Notation: y = f(x, w); d = gradient, t = tangent, td = tangent of a gradient. Layouts: activations [N, H, W, C].</remarks>
public abstract class Layer
{
    /// <summary>Creates a layer.</summary>
    /// <param name="name">torch module name, e.g. <c>layer1.0.conv1</c>; prefix of its tensors.</param>
    protected Layer(string name) => Name = name;

    /// <summary>torch module name.</summary>
    public string Name { get; }

    /// <summary>Shape of the output for given input shapes (including the batch).</summary>
    public abstract Shape OutputShape(ReadOnlySpan<Shape> inputs);

    /// <summary>Adds the layer's trained tensors and its state to the layouts of a model, in torch's order.</summary>
    public virtual void Register(ParameterLayout parameters, ParameterLayout buffers) { }

    /// <summary>y = f(x, w).</summary>
    /// <returns>The output activation.</returns>
    public abstract Value Forward(NetworkPass pass, Node node);

    /// <summary>Given dy, writes the gradient of every input that needs one and of the layer's parameters.</summary>
    public abstract void Backward(NetworkPass pass, Node node);

    /// <summary>ty = (df/dx) tx + (df/dw) tw.</summary>
    public abstract void ForwardTangent(NetworkPass pass, Node node);

    /// <summary>Tangent of the backward pass: given dy, its tangent tdy, tx and tw, writes the tangents of the input
    /// gradients and of the parameter gradients.</summary>
    public abstract void BackwardTangent(NetworkPass pass, Node node);
}

/// <summary>A layer placed in a network.</summary>
/// <param name="Index">Position in execution order.</param>
/// <param name="Layer">The layer.</param>
/// <param name="Inputs">Indices of the nodes whose outputs it reads; an input of the network is below 0.</param>
/// <param name="InputTangents">For each of them whether it depends on the weights. What does not has no tangent and needs no
/// gradient.</param>
/// <param name="HasTangent">Whether the output does.</param>
public sealed record Node(int Index, Layer Layer, IReadOnlyList<int> Inputs, IReadOnlyList<bool> InputTangents, bool HasTangent)
{
    /// <summary>True when an input depends on the weights, so that it has a tangent.</summary>
    public bool HasInputTangent(int which = 0) => InputTangents[which];
}

using Lur.Device;
using Lur.Tensors;

namespace Lur.Layers;

/// <summary>2-D convolution without bias, square filter, padding (size - 1) / 2. x [N, H, W, C], w [K, R, S, C] (OIHW in
/// files), y [N, H', W', K]. All four passes are the three bilinear maps of <see cref="ConvolutionOperator"/>:
/// y = F(x, w), dx = D(dy, w), dw = G(x, dy), so ty = F(tx, w) + F(x, tw), tdx = D(tdy, w) + D(dy, tw),
/// tdw = G(tx, dy) + G(x, tdy).</summary>
public sealed class Convolution : Layer
{
    private readonly int _inChannels,
        _outChannels,
        _size,
        _stride;
    private ParameterSlot _weight = null!;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">torch module name.</param>
    /// <param name="inChannels">C.</param>
    /// <param name="outChannels">K.</param>
    /// <param name="size">R = S.</param>
    /// <param name="stride">Step in both directions.</param>
    public Convolution(string name, int inChannels, int outChannels, int size, int stride)
        : base(name) => (_inChannels, _outChannels, _size, _stride) = (inChannels, outChannels, size, stride);

    private sealed record Cache(ConvolutionOperator Operator, Value X, Value Y);

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers)
    {
        var (shape, taps) = (new Shape(_outChannels, _size, _size, _inChannels), _size * _size);
        _weight = parameters.Add(
            Name + ".weight",
            ParameterKind.Filter,
            shape,
            Initializer.Filter(taps * _inChannels, taps * _outChannels)
        );
    }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        var geometry = Geometry(inputs[0]);
        return new Shape(geometry.N, geometry.OutH, geometry.OutW, geometry.K);
    }

    private ConvolutionShape Geometry(Shape x)
    {
        if (x.Innermost != _inChannels)
        {
            throw new ArgumentException($"'{Name}' takes {_inChannels} channels; its input has {x.Innermost}.");
        }

        return new ConvolutionShape(x[0], x[1], x[2], _inChannels, _outChannels, _size, _size, _stride, (_size - 1) / 2);
    }

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var shape = Geometry(x.Shape);
        var op = new ConvolutionOperator(pass.Launch, shape);
        var y = pass.Activation($"{Name}/y", new Shape(shape.N, shape.OutH, shape.OutW, shape.K));
        pass.Remember(node.Index, new Cache(op, x, y));
        var w = pass.Weights.At(_weight);
        op.Forward(y, x, w, false, Scratch(pass, op, "forward"));
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (op, x, y) = pass.Recall<Cache>(node.Index);
        var dy = pass.GradientOf(y);
        var dw = pass.Gradients!.At(_weight);
        op.FilterGradient(dw, x, dy, false, Scratch(pass, op, "filter-gradient"));
        if (!Network.NeedsInputGradient(pass, node))
            return;
        var w = pass.Weights.At(_weight);
        var dx = pass.GradientOf(x, out var accumulate);
        op.InputGradient(dx, dy, w, accumulate, Scratch(pass, op, "input-gradient"));
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var (op, x, y) = pass.Recall<Cache>(node.Index);
        var ty = pass.TangentOf(y);
        var w = pass.Weights.At(_weight);
        var tw = pass.WeightTangents!.At(_weight);
        if (Network.ReadsImages(node))
        {
            op.Forward(ty, x, tw, false, Scratch(pass, op, "forward-tangent"));
            return;
        }

        var tx = pass.TangentOf(x);
        op.ForwardPair(ty, tx, w, x, tw, false, Scratch(pass, op, "forward-tangent"));
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (op, x, y) = pass.Recall<Cache>(node.Index);
        var dy = pass.GradientOf(y);
        var tdy = pass.TangentGradientOf(y);
        var tdw = pass.GradientTangents!.At(_weight);
        if (Network.ReadsImages(node))
        {
            op.FilterGradient(tdw, x, tdy, false, Scratch(pass, op, "filter-gradient-tangent"));
            return;
        }

        var tx = pass.TangentOf(x);
        op.FilterGradientPair(tdw, tx, dy, x, tdy, false, Scratch(pass, op, "filter-gradient-tangent"));
        var w = pass.Weights.At(_weight);
        var tw = pass.WeightTangents!.At(_weight);
        var tdx = pass.TangentGradientOf(x, out var accumulate);
        op.InputGradientPair(tdx, tdy, w, dy, tw, accumulate, Scratch(pass, op, "input-gradient-tangent"));
    }

    private Value? Scratch(NetworkPass pass, ConvolutionOperator op, string what) =>
        pass.Program.Scratch($"{pass.Name}/{Name}/{what}/scratch", op.WorkspaceBytes / pass.Program.Precision.Size());
}

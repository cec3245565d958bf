using Lur.Device;
using Lur.Tensors;

namespace Lur.Layers;

/// <summary>2-D convolution with or without bias. x [N, H, W, C], w [K, R, S, C] (OIHW in files), b [K],
/// y [N, H', W', K]. All four passes are the three bilinear maps of <see cref="ConvolutionOperator"/>:
/// y = F(x, w) + b, dx = D(dy, w), dw = G(x, dy), db = sum dy, so ty = F(tx, w) + F(x, tw) + tb, tdx = D(tdy, w) + D(dy, tw),
/// tdw = G(tx, dy) + G(x, tdy), tdb = sum tdy.</summary>
public sealed class Convolution : Layer
{
    private readonly int _inChannels,
        _outChannels,
        _height,
        _width,
        _stride;
    private readonly Padding _rows,
        _columns;
    private readonly bool _hasBias;
    private ParameterSlot _weight = null!;
    private ParameterSlot? _bias;

    /// <summary>Creates a layer with square filters.</summary>
    /// <param name="name">torch module name.</param>
    /// <param name="inChannels">C.</param>
    /// <param name="outChannels">K.</param>
    /// <param name="size">R = S.</param>
    /// <param name="stride">Step in both directions.</param>
    /// <param name="padding">Zeros around the image; <see cref="Padding.Same"/> if nothing is said.</param>
    /// <param name="bias">True to add a number per output channel.</param>
    public Convolution(string name, int inChannels, int outChannels, int size, int stride = 1, Padding? padding = null, bool bias = false)
        : base(name)
    {
        (_inChannels, _outChannels, _height, _width, _stride) = (inChannels, outChannels, size, size, stride);
        _rows = _columns = padding ?? Padding.Same(size);
        _hasBias = bias;
    }

    /// <summary>Creates a layer with rectangular filters, stride 1 and padding that keeps the size.</summary>
    /// <param name="name">torch module name.</param>
    /// <param name="inChannels">C.</param>
    /// <param name="outChannels">K.</param>
    /// <param name="size">R and S, odd.</param>
    /// <param name="bias">True to add a number per output channel.</param>
    public Convolution(string name, int inChannels, int outChannels, (int Height, int Width) size, bool bias = false)
        : base(name)
    {
        (_inChannels, _outChannels, (_height, _width), _stride) = (inChannels, outChannels, size, 1);
        (_rows, _columns, _hasBias) = (Padding.Same(size.Height), Padding.Same(size.Width), bias);
    }

    private sealed record Cache(ConvolutionOperator Operator, Value X, Value Y);

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers)
    {
        var (shape, taps) = (new Shape(_outChannels, _height, _width, _inChannels), _height * _width);
        var filter = Initializer.Filter(taps * _inChannels, taps * _outChannels);
        _weight = parameters.Add(Name + ".weight", ParameterKind.Filter, shape, filter);
        if (_hasBias)
        {
            var uniform = Initializer.Uniform(taps * _inChannels);
            _bias = parameters.Add(Name + ".bias", ParameterKind.Bias, new Shape(_outChannels), uniform);
        }
    }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        var geometry = Geometry(inputs[0]);
        geometry.Validate();
        return new Shape(geometry.N, geometry.OutH, geometry.OutW, geometry.K);
    }

    private ConvolutionShape Geometry(Shape x)
    {
        if (x.Rank != 4 || x.Innermost != _inChannels)
            throw new ArgumentException($"'{Name}' takes images of {_inChannels} channels; its input is {x}.");
        return new ConvolutionShape(x[0], x[1], x[2], _inChannels, _outChannels, _height, _width, _stride, _rows.Begin)
        {
            PadEnd = _rows.End,
            Columns = _columns,
        };
    }

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var shape = Geometry(x.Shape);
        var op = new ConvolutionOperator(pass.Launch, shape);
        var y = pass.Activation($"{Name}/y", new Shape(shape.N, shape.OutH, shape.OutW, shape.K));
        pass.Remember(node.Index, new Cache(op, x, y));
        op.Forward(y, x, pass.WeightOf(_weight), false, Scratch(pass, op, "forward"));
        if (_bias is not null)
            BiasRow.Add(pass, y, pass.WeightOf(_bias));
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (op, x, y) = pass.Recall<Cache>(node.Index);
        var dy = pass.GradientOf(y);
        if (!_weight.IsFrozen)
            op.FilterGradient(pass.Gradients!.At(_weight), x, dy, false, Scratch(pass, op, "filter-gradient"));
        if (_bias is { IsFrozen: false })
            BiasRow.Sum(pass, pass.Gradients!.At(_bias), dy);
        if (!Network.NeedsInputGradient(pass, node))
            return;
        var w = pass.WeightOf(_weight);
        var dx = pass.GradientOf(x, out var accumulate);
        op.InputGradient(dx, dy, w, accumulate, Scratch(pass, op, "input-gradient"));
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var (op, x, y) = pass.Recall<Cache>(node.Index);
        var (ty, w) = (pass.TangentOf(y), pass.WeightOf(_weight));
        if (!_weight.IsFrozen && node.HasInputTangent())
            op.ForwardPair(ty, pass.TangentOf(x), w, x, pass.WeightTangents!.At(_weight), false, PairScratch(pass, op, "forward-tangent"));
        else if (!_weight.IsFrozen)
            op.Forward(ty, x, pass.WeightTangents!.At(_weight), false, Scratch(pass, op, "forward-tangent"));
        else if (node.HasInputTangent())
            op.Forward(ty, pass.TangentOf(x), w, false, Scratch(pass, op, "forward-tangent"));
        else
            pass.Program.Clear(ty);
        if (_bias is { IsFrozen: false })
            BiasRow.Add(pass, ty, pass.WeightTangents!.At(_bias));
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (op, x, y) = pass.Recall<Cache>(node.Index);
        var (dy, tdy) = (pass.GradientOf(y), pass.TangentGradientOf(y));
        if (_bias is { IsFrozen: false })
            BiasRow.Sum(pass, pass.GradientTangents!.At(_bias), tdy);
        if (_weight.IsFrozen)
        {
            if (node.HasInputTangent())
                op.InputGradient(
                    pass.TangentGradientOf(x, out var more),
                    tdy,
                    pass.WeightOf(_weight),
                    more,
                    Scratch(pass, op, "input-gradient-tangent")
                );
            return;
        }

        var tdw = pass.GradientTangents!.At(_weight);
        if (!node.HasInputTangent())
        {
            op.FilterGradient(tdw, x, tdy, false, Scratch(pass, op, "filter-gradient-tangent"));
            return;
        }

        var tx = pass.TangentOf(x);
        op.FilterGradientPair(tdw, tx, dy, x, tdy, false, PairScratch(pass, op, "filter-gradient-tangent"));
        var (w, tw) = (pass.WeightOf(_weight), pass.WeightTangents!.At(_weight));
        var tdx = pass.TangentGradientOf(x, out var accumulate);
        op.InputGradientPair(tdx, tdy, w, dy, tw, accumulate, Scratch(pass, op, "input-gradient-tangent"));
    }

    private Value? Scratch(NetworkPass pass, ConvolutionOperator op, string what) => Scratch(pass, op.WorkspaceBytes, what);

    private Value? PairScratch(NetworkPass pass, ConvolutionOperator op, string what) => Scratch(pass, op.PairWorkspaceBytes, what);

    private Value? Scratch(NetworkPass pass, long bytes, string what) =>
        pass.Program.Scratch($"{pass.Name}/{Name}/{what}/scratch", bytes / pass.Program.Precision.Size());
}

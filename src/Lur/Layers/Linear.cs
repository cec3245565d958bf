using Lur.Device;
using Lur.Tensors;

namespace Lur.Layers;

/// <summary>Fully connected layer y = x W^T + b, with or without b. x [..., in], W [out, in], y [..., out]; a bilinear map plus a bias
/// row, so tangents are two matrix products each: ty = tx W^T + x tW^T + tb, tdx = tdy W + dy tW, tdW = tdy^T x + dy^T tx.</summary>
public sealed class Linear : Layer
{
    private readonly int _in,
        _out;
    private readonly bool _hasBias;
    private ParameterSlot _weight = null!;
    private ParameterSlot? _bias;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">torch module name.</param>
    /// <param name="inputs">Length of an input row.</param>
    /// <param name="outputs">Length of an output row.</param>
    /// <param name="bias">True to add a number per output.</param>
    public Linear(string name, int inputs, int outputs, bool bias = true)
        : base(name) => (_in, _out, _hasBias) = (inputs, outputs, bias);

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers)
    {
        _weight = parameters.Add(Name + ".weight", ParameterKind.Matrix, new Shape(_out, _in), Initializer.Uniform(_in));
        if (_hasBias)
            _bias = parameters.Add(Name + ".bias", ParameterKind.Bias, new Shape(_out), Initializer.Uniform(_in));
    }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>
        inputs[0].Innermost == _in
            ? inputs[0].WithInnermost(_out)
            : throw new ArgumentException($"'{Name}' takes {_in} inputs; it gets {inputs[0].Innermost}.");

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", OutputShape([x.Shape]));
        Product(pass, y, x, pass.WeightOf(_weight), 0);
        if (_bias is not null)
            BiasRow.Add(pass, y, pass.WeightOf(_bias));
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (x, dy) = (Network.Input(pass, node), pass.GradientOf(Network.Output(pass, node)));
        if (!_weight.IsFrozen)
            WeightGradient(pass, pass.Gradients!.At(_weight), dy, x, 0);
        if (_bias is { IsFrozen: false })
            BiasRow.Sum(pass, pass.Gradients!.At(_bias), dy);
        if (!Network.NeedsInputGradient(pass, node))
            return;
        var dx = pass.GradientOf(x, out var accumulate);
        InputGradient(pass, dx, dy, pass.WeightOf(_weight), accumulate ? 1 : 0);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var ty = pass.TangentOf(Network.Output(pass, node));
        if (!_weight.IsFrozen)
            Product(pass, ty, x, pass.WeightTangents!.At(_weight), 0);
        else if (!node.HasInputTangent())
            pass.Program.Clear(ty);
        if (node.HasInputTangent())
            Product(pass, ty, pass.TangentOf(x), pass.WeightOf(_weight), _weight.IsFrozen ? 0 : 1);
        if (_bias is { IsFrozen: false })
            BiasRow.Add(pass, ty, pass.WeightTangents!.At(_bias));
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (x, y) = (Network.Input(pass, node), Network.Output(pass, node));
        var (dy, tdy) = (pass.GradientOf(y), pass.TangentGradientOf(y));
        if (!_weight.IsFrozen)
            WeightGradient(pass, pass.GradientTangents!.At(_weight), tdy, x, 0);
        if (_bias is { IsFrozen: false })
            BiasRow.Sum(pass, pass.GradientTangents!.At(_bias), tdy);
        if (!node.HasInputTangent())
            return;
        if (!_weight.IsFrozen)
            WeightGradient(pass, pass.GradientTangents!.At(_weight), dy, pass.TangentOf(x), 1);
        var tdx = pass.TangentGradientOf(x, out var accumulate);
        InputGradient(pass, tdx, tdy, pass.WeightOf(_weight), accumulate ? 1 : 0);
        if (!_weight.IsFrozen)
            InputGradient(pass, tdx, dy, pass.WeightTangents!.At(_weight), 1);
    }

    private void Product(NetworkPass pass, Value y, Value x, Operand<Real> w, double beta) =>
        pass.Launch.Products.Run(false, true, x.Shape.Rows, _out, _in, 1, x, _in, w, _in, beta, y, _out);

    private void WeightGradient(NetworkPass pass, Operand<Real> dw, Value dy, Value x, double beta) =>
        pass.Launch.Products.Run(true, false, _out, _in, x.Shape.Rows, 1, dy, _out, x, _in, beta, dw, _in);

    private void InputGradient(NetworkPass pass, Value dx, Value dy, Operand<Real> w, double beta) =>
        pass.Launch.Products.Run(false, false, dy.Shape.Rows, _in, _out, 1, dy, _out, w, _in, beta, dx, _in);
}

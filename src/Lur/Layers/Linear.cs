using Lur.Device;
using Lur.Tensors;

namespace Lur.Layers;

/// <summary>Fully connected layer y = x W^T + b. x [N, in], W [out, in], y [N, out]; a bilinear map plus a bias row, so
/// tangents are two matrix products each: ty = tx W^T + x tW^T + tb, tdx = tdy W + dy tW, tdW = tdy^T x + dy^T tx.</summary>
public sealed class Linear : Layer
{
    private const int RowsPerChunk = 256;
    private readonly int _in,
        _out;
    private ParameterSlot _weight = null!,
        _bias = null!;

    /// <summary>Creates the layer.</summary>
    public Linear(string name, int inputs, int outputs)
        : base(name) => (_in, _out) = (inputs, outputs);

    /// <summary>Length of an input row.</summary>
    public int Inputs => _in;

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers)
    {
        _weight = parameters.Add(Name + ".weight", ParameterKind.Matrix, new Shape(_out, _in), Initializer.Uniform(_in));
        _bias = parameters.Add(Name + ".bias", ParameterKind.Bias, new Shape(_out), Initializer.Uniform(_in));
    }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>
        inputs[0].Innermost == _in
            ? new Shape(inputs[0].Rows, _out)
            : throw new ArgumentException($"'{Name}' takes {_in} inputs; it gets {inputs[0].Innermost}.");

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", OutputShape([x.Shape]));
        var w = pass.Weights.At(_weight);
        var b = pass.Weights.At(_bias);
        Product(pass, y, x, w, 0);
        EmitBias(pass, "linear bias", y, b);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (x, dy) = (Network.Input(pass, node), pass.GradientOf(Network.Output(pass, node)));
        var (dw, w) = (pass.Gradients!.At(_weight), pass.Weights.At(_weight));
        WeightGradient(pass, dw, dy, x, 0);
        EmitBiasGradient(pass, "linear bias gradient", pass.Gradients!.At(_bias), dy);
        if (!Network.NeedsInputGradient(pass, node))
            return;
        var dx = pass.GradientOf(x, out var accumulate);
        InputGradient(pass, dx, dy, w, accumulate ? 1 : 0);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var ty = pass.TangentOf(Network.Output(pass, node));
        var (w, tw) = (pass.Weights.At(_weight), pass.WeightTangents!.At(_weight));
        Product(pass, ty, x, tw, 0);
        if (!Network.ReadsImages(node))
        {
            var tx = pass.TangentOf(x);
            Product(pass, ty, tx, w, 1);
        }

        EmitBias(pass, "linear bias tangent", ty, pass.WeightTangents!.At(_bias));
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (x, y) = (Network.Input(pass, node), Network.Output(pass, node));
        var (dy, tdy) = (pass.GradientOf(y), pass.TangentGradientOf(y));
        var (tdw, w, tw) = (pass.GradientTangents!.At(_weight), pass.Weights.At(_weight), pass.WeightTangents!.At(_weight));
        WeightGradient(pass, tdw, tdy, x, 0);
        EmitBiasGradient(pass, "linear bias gradient tangent", pass.GradientTangents!.At(_bias), tdy);
        if (Network.ReadsImages(node))
            return;
        var tx = pass.TangentOf(x);
        WeightGradient(pass, tdw, dy, tx, 1);
        var tdx = pass.TangentGradientOf(x, out var accumulate);
        InputGradient(pass, tdx, tdy, w, accumulate ? 1 : 0);
        InputGradient(pass, tdx, dy, tw, 1);
    }

    private void Product(NetworkPass pass, Value y, Value x, Operand<Real> w, double beta) =>
        pass.Launch.Products.Run(false, true, x.Shape.Rows, _out, _in, 1, x, _in, w, _in, beta, y, _out);

    private void WeightGradient(NetworkPass pass, Operand<Real> dw, Value dy, Value x, double beta) =>
        pass.Launch.Products.Run(true, false, _out, _in, x.Shape.Rows, 1, dy, _out, x, _in, beta, dw, _in);

    private void InputGradient(NetworkPass pass, Value dx, Value dy, Operand<Real> w, double beta) =>
        pass.Launch.Products.Run(false, false, dy.Shape.Rows, _in, _out, 1, dy, _out, w, _in, beta, dx, _in);

    private void EmitBias(NetworkPass pass, string what, Value y, Operand<Real> bias)
    {
        var (kernels, rows, n) = (pass.Launch.Bias, y.Shape.Rows, _out);
        var shape = pass.Device.Rows(rows, n);
        kernels.BiasForward(shape, y, y, bias, rows, n);
    }

    private void EmitBiasGradient(NetworkPass pass, string what, Operand<Real> db, Value dy)
    {
        var (kernels, rows, n) = (pass.Launch.Bias, dy.Shape.Rows, _out);
        var chunks = (rows + RowsPerChunk - 1) / RowsPerChunk;
        var partials = pass.Program.Real($"{dy.Name}/{what}/partials", ValueRole.Workspace, new Shape(chunks, n));
        var (stage1, stage2) = (pass.Device.Rows(chunks, n), pass.Device.Blocks(n));
        kernels.BiasBackwardSums(stage1, partials, dy, rows, n, chunks);
        kernels.BiasBackwardFinish(stage2, db, partials, n, chunks, 0);
    }
}

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
        pass.Program.Emit("linear forward", () => Product(pass, y.Pointer, x, w, 0), x, y);
        EmitBias(pass, "linear bias", y, b);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (x, dy) = (Network.Input(pass, node), pass.GradientOf(Network.Output(pass, node)));
        var (dw, w) = (pass.Gradients!.At(_weight), pass.Weights.At(_weight));
        pass.Program.Emit("linear weight gradient", () => WeightGradient(pass, dw, dy, x, 0), x, dy);
        EmitBiasGradient(pass, "linear bias gradient", pass.Gradients!.At(_bias), dy);
        if (!Network.NeedsInputGradient(pass, node))
            return;
        var dx = pass.GradientOf(x, out var accumulate);
        pass.Program.Emit("linear input gradient", () => InputGradient(pass, dx, dy, w, accumulate ? 1 : 0), dy, dx);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var ty = pass.TangentOf(Network.Output(pass, node));
        var (w, tw) = (pass.Weights.At(_weight), pass.WeightTangents!.At(_weight));
        pass.Program.Emit("linear forward_tangent", () => Product(pass, ty.Pointer, x, tw, 0), x, ty);
        if (!Network.ReadsImages(node))
        {
            var tx = pass.TangentOf(x);
            pass.Program.Emit("linear forward_tangent", () => Product(pass, ty.Pointer, tx, w, 1), tx, ty);
        }

        EmitBias(pass, "linear bias tangent", ty, pass.WeightTangents!.At(_bias));
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (x, y) = (Network.Input(pass, node), Network.Output(pass, node));
        var (dy, tdy) = (pass.GradientOf(y), pass.TangentGradientOf(y));
        var (tdw, w, tw) = (pass.GradientTangents!.At(_weight), pass.Weights.At(_weight), pass.WeightTangents!.At(_weight));
        pass.Program.Emit("linear weight gradient tangent", () => WeightGradient(pass, tdw, tdy, x, 0), x, tdy);
        EmitBiasGradient(pass, "linear bias gradient tangent", pass.GradientTangents!.At(_bias), tdy);
        if (Network.ReadsImages(node))
            return;
        var tx = pass.TangentOf(x);
        pass.Program.Emit("linear weight gradient tangent", () => WeightGradient(pass, tdw, dy, tx, 1), tx, dy);
        var tdx = pass.TangentGradientOf(x, out var accumulate);
        pass.Program.Emit("linear input gradient tangent", () => InputGradient(pass, tdx, tdy, w, accumulate ? 1 : 0), tdy, tdx);
        pass.Program.Emit("linear input gradient tangent", () => InputGradient(pass, tdx, dy, tw, 1), dy, tdx);
    }

    private void Product(NetworkPass pass, DevicePointer<Real> y, Value x, DevicePointer<Real> w, double beta) =>
        pass.Device.Gemm.Run(pass.Program.Precision, false, true, x.Shape.Rows, _out, _in, 1, x.Pointer, _in, w, _in, beta, y, _out);

    private void WeightGradient(NetworkPass pass, DevicePointer<Real> dw, Value dy, Value x, double beta) =>
        pass.Device.Gemm.Run(
            pass.Program.Precision,
            true,
            false,
            _out,
            _in,
            x.Shape.Rows,
            1,
            dy.Pointer,
            _out,
            x.Pointer,
            _in,
            beta,
            dw,
            _in
        );

    private void InputGradient(NetworkPass pass, Value dx, Value dy, DevicePointer<Real> w, double beta) =>
        pass.Device.Gemm.Run(
            pass.Program.Precision,
            false,
            false,
            dy.Shape.Rows,
            _in,
            _out,
            1,
            dy.Pointer,
            _out,
            w,
            _in,
            beta,
            dx.Pointer,
            _in
        );

    private void EmitBias(NetworkPass pass, string what, Value y, DevicePointer<Real> bias)
    {
        var (kernels, rows, n) = (pass.Kernels.Bias, y.Shape.Rows, _out);
        var shape = pass.Device.Rows(rows, n);
        pass.Program.Emit(what, () => kernels.BiasForward(shape, y.Pointer, y.Pointer, bias, rows, n), y);
    }

    private void EmitBiasGradient(NetworkPass pass, string what, DevicePointer<Real> db, Value dy)
    {
        var (kernels, rows, n) = (pass.Kernels.Bias, dy.Shape.Rows, _out);
        var chunks = (rows + RowsPerChunk - 1) / RowsPerChunk;
        var partials = pass.Program.Real($"{dy.Name}/{what}/partials", ValueRole.Workspace, new Shape(chunks, n));
        var (stage1, stage2) = (pass.Device.Rows(chunks, n), pass.Device.Blocks(n));
        pass.Program.Emit(what, () => kernels.BiasBackwardSums(stage1, partials.Pointer, dy.Pointer, rows, n, chunks), dy, partials);
        pass.Program.Emit(what, () => kernels.BiasBackwardFinish(stage2, db, partials.Pointer, n, chunks, 0), partials);
    }
}

using Lur.Device;
using Lur.Tensors;

namespace Lur.Layers;

/// <summary>A row of a table added at each position: y[n, t] = x[n, t] + table[t], x and y [N, T, width], table [length, width],
/// T &lt;= length. Formulas: <c>kernels/operators/position_embedding.cu</c>.</summary>
public sealed class PositionEmbedding : Layer
{
    private readonly int _length,
        _width;
    private ParameterSlot _table = null!;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">torch module name.</param>
    /// <param name="length">Rows of the table: the most positions of a sample.</param>
    /// <param name="width">Length of a row.</param>
    public PositionEmbedding(string name, int length, int width)
        : base(name) => (_length, _width) = (length, width);

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers) =>
        _table = parameters.Add(Name + ".weight", ParameterKind.Matrix, new Shape(_length, _width), Initializer.StandardNormal);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The input is not [N, T, width] with at most as many positions as the table.</exception>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>
        inputs[0].Rank == 3 && inputs[0][1] <= _length && inputs[0][2] == _width
            ? inputs[0]
            : throw new ArgumentException($"'{Name}' takes [N, {_length} or fewer, {_width}]; its input is {inputs[0]}.");

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var x = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", OutputShape([x.Shape]));
        Add(pass, y, x, pass.WeightOf(_table));
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var dy = pass.GradientOf(Network.Output(pass, node));
        Sum(pass, pass.Gradients, dy);
        if (Network.NeedsInputGradient(pass, node))
            Pass(pass, pass.GradientOf(Network.Input(pass, node), out var accumulate), dy, accumulate);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var (ty, tx) = (pass.TangentOf(Network.Output(pass, node)), Network.InputTangent(pass, node));
        if (_table.IsFrozen)
            Pass(pass, ty, tx, accumulate: false);
        else
            Add(pass, ty, tx, pass.WeightTangents!.At(_table));
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var tdy = pass.TangentGradientOf(Network.Output(pass, node));
        Sum(pass, pass.GradientTangents, tdy);
        if (node.HasInputTangent())
            Pass(pass, pass.TangentGradientOf(Network.Input(pass, node), out var accumulate), tdy, accumulate);
    }

    private void Add(NetworkPass pass, Value y, Value x, Operand<Real> table)
    {
        var (shape, s) = (pass.Device.Rows(x.Shape.Rows, _width), x.Shape);
        pass.Launch.PositionEmbedding.PositionEmbeddingForward(shape, y, x, table, s[0], s[1], _width);
    }

    private void Sum(NetworkPass pass, FlatVector? to, Value dy)
    {
        if (_table.IsFrozen)
            return;
        var (shape, s) = (pass.Device.Rows(_length, _width, dy.Shape.Count), dy.Shape);
        pass.Launch.PositionEmbedding.PositionEmbeddingBackward(shape, to!.At(_table), dy, s[0], s[1], _length, _width);
    }

    private static void Pass(NetworkPass pass, Value dx, Value dy, bool accumulate) =>
        pass.Launch.Add.AddBackward(pass.Device.Elements(dx.Shape.Count), dx, dy, dx.Shape.Count, 1, accumulate ? 1 : 0);
}

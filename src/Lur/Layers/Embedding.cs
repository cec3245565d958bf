using Lur.Device;
using Lur.Tensors;

namespace Lur.Layers;

/// <summary>A row of a table for each id: int [N] -> [N, width], or [N, T] -> [N, T, width]; zeros for an id below 0. Formulas:
/// <c>kernels/operators/embedding.cu</c>.</summary>
public sealed class Embedding : Layer
{
    private readonly int _rows,
        _width;
    private readonly string? _last;
    private ParameterSlot _table = null!;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">torch module name.</param>
    /// <param name="rows">Rows of the table; every id is below it.</param>
    /// <param name="width">Length of a row.</param>
    /// <param name="last">Name of the last row, where that is a tensor of its own; null: it is the table's.</param>
    public Embedding(string name, int rows, int width, string? last = null)
        : base(name) => (_rows, _width, _last) = (rows, width, last);

    /// <inheritdoc/>
    public override void Register(ParameterLayout parameters, ParameterLayout buffers)
    {
        var rows = _last is null ? _rows : _rows - 1;
        _table = parameters.Add(Name + ".weight", ParameterKind.Matrix, new Shape(rows, _width), Initializer.StandardNormal);
        // Directly behind the others: to the kernels it is one table.
        if (_last is null)
            return;
        var last = parameters.Add(_last, ParameterKind.Bias, new Shape(_width), Initializer.StandardNormal);
        if (last.IsFrozen != _table.IsFrozen)
            throw new UserErrorException($"'{_table.Name}' and '{last.Name}' are one table; name both of them to be trained, or neither.");
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The ids are neither [N] nor [N, T].</exception>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>
        inputs[0].Rank switch
        {
            1 => new(inputs[0][0], _width),
            2 => new(inputs[0][0], inputs[0][1], _width),
            _ => throw new ArgumentException($"'{Name}' takes ids [N] or [N, T]; it gets {inputs[0]}."),
        };

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var ids = Network.Input(pass, node);
        var y = pass.Activation($"{Name}/y", OutputShape([ids.Shape]));
        Look(pass, y, pass.WeightsFrom(_table, _rows * _width), ids);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node) =>
        Gather(pass, pass.Gradients, pass.GradientOf(Network.Output(pass, node)), Network.Input(pass, node));

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node) =>
        Look(pass, pass.TangentOf(Network.Output(pass, node)), pass.WeightTangents!.At(_table), Network.Input(pass, node));

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node) =>
        Gather(pass, pass.GradientTangents, pass.TangentGradientOf(Network.Output(pass, node)), Network.Input(pass, node));

    private void Look(NetworkPass pass, Value y, Operand<Real> table, Value ids) =>
        pass.Launch.Embedding.EmbeddingForward(pass.Device.Rows(y.Shape.Rows, _width), y, table, ids, y.Shape.Rows, _width);

    private void Gather(NetworkPass pass, FlatVector? gradients, Value dy, Value ids)
    {
        var (shape, n) = (pass.Device.Rows(_rows, _width), dy.Shape.Rows);
        if (!_table.IsFrozen)
            pass.Launch.Embedding.EmbeddingBackward(shape, gradients!.At(_table), dy, ids, n, _rows, _width);
    }
}

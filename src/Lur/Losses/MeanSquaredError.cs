using Lur.Device;

namespace Lur.Losses;

/// <summary>coefficient times the mean squared distance of an output from a constant target, the mean over all elements; a coefficient
/// below 0 drives it away. Formulas: <c>kernels/losses/mean_squared.cu</c>.</summary>
public sealed class MeanSquaredError : Loss
{
    private readonly Program _program;
    private readonly Value _output,
        _target;
    private readonly Value? _weights;
    private readonly double _coefficient;
    private readonly int _rows,
        _size;

    /// <summary>Records the forward pass of the loss.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="output">[N, ...].</param>
    /// <param name="target">Shape of the output; it has no gradient.</param>
    /// <param name="coefficient">1, or -1 to ascend.</param>
    /// <param name="weights">Weight of each row, real [N]; null: 1.</param>
    public MeanSquaredError(Program program, string name, Value output, Value target, double coefficient = 1, Value? weights = null)
    {
        if (target.Shape != output.Shape)
            throw new ArgumentException($"'{name}': the target is {target.Shape}, the output {output.Shape}.", nameof(target));
        (_program, _output, _target, _coefficient, _weights) = (program, output, target, coefficient, weights);
        (_rows, _size) = (output.Shape[0], output.Shape.Count / output.Shape[0]);
        RowLoss = program.Real($"{name}/loss", ValueRole.Output, new Shape(_rows));
        if (program.SumsAtOnce)
        {
            var pieces = LongRows.PiecesOf(_size);
            var partials = program.Raw($"{name}/loss/partials", ValueRole.Workspace, new Shape(_rows, pieces), sizeof(double));
            var (blocks, done) = (program.Device.Blocks((long)_rows * pieces), program.Counters(_rows));
            var kernels = program.Launch.MeanSquared;
            kernels.MeanSquaredPiecesForward(blocks, RowLoss, partials, done, output, target, weights, _rows, _size, coefficient);
            return;
        }

        var shape = program.Device.Blocks(_rows, _size);
        program.Launch.MeanSquared.MeanSquaredForward(shape, RowLoss, output, target, weights, _rows, _size, coefficient);
    }

    /// <inheritdoc/>
    public override Value RowLoss { get; }

    /// <inheritdoc/>
    public override bool HasAnswers => false;

    /// <summary>Adds the batch's sum of row losses and its number of rows; no answer is right or wrong.</summary>
    public override void Accumulate(Operand<double> totals) =>
        _program.Launch.MeanSquared.MeanSquaredTotals(_program.Device.Blocks(1), totals, RowLoss, _rows);

    /// <inheritdoc/>
    public override void Backward(Value gradient) =>
        _program.Launch.MeanSquared.MeanSquaredBackward(
            LongRows.Shape(_program.Device, _rows, _size),
            gradient,
            _output,
            _target,
            _weights,
            _rows,
            _size,
            _coefficient,
            1.0 / _rows
        );

    /// <inheritdoc/>
    public override void BackwardTangent(Value tangent, Value tangentGradient) =>
        _program.Launch.MeanSquared.MeanSquaredBackwardTangent(
            LongRows.Shape(_program.Device, _rows, _size),
            tangentGradient,
            tangent,
            _weights,
            _rows,
            _size,
            _coefficient,
            1.0 / _rows
        );
}

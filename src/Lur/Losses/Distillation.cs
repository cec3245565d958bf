namespace Lur.Losses;

/// <summary>A cross-entropy plus coefficient T^2 KL(teacher || student) of predictions softened by a temperature T
/// (<c>kernels/losses/distillation.cu</c>; Hinton, Vinyals, Dean 2015). The teacher's logits are constants.</summary>
public sealed class Distillation : Loss
{
    private readonly Program _program;
    private readonly SoftmaxCrossEntropy _crossEntropy;
    private readonly Value _student,
        _teacher,
        _labels;
    private readonly double _coefficient,
        _temperature;

    /// <summary>Records the forward pass.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="student">The student's logits, [N, classes].</param>
    /// <param name="teacher">The teacher's logits, [N, classes].</param>
    /// <param name="labels">int [N]; rows with negative labels are ignored.</param>
    /// <param name="crossEntropy">Factor of the cross-entropy.</param>
    /// <param name="coefficient">Factor of the divergence; negative to move away from the teacher.</param>
    /// <param name="temperature">T, above 0.</param>
    public Distillation(
        Program program,
        string name,
        Value student,
        Value teacher,
        Value labels,
        double crossEntropy,
        double coefficient,
        double temperature
    )
    {
        (_program, _student, _teacher, _labels) = (program, student, teacher, labels);
        (_coefficient, _temperature) = (coefficient, temperature);
        _crossEntropy = new SoftmaxCrossEntropy(program, name, student, labels, new LossSpec(crossEntropy, 0, 0));
        program.Launch.Distillation.DistillationForward(
            program.Device.Blocks(student.Shape[0]),
            RowLoss,
            student,
            teacher,
            labels,
            student.Shape[0],
            student.Shape[1],
            coefficient,
            temperature
        );
    }

    /// <inheritdoc/>
    public override Value RowLoss => _crossEntropy.RowLoss;

    /// <inheritdoc/>
    public override void Accumulate(Operand<double> totals) => _crossEntropy.Accumulate(totals);

    /// <inheritdoc/>
    public override void Backward(Value gradient)
    {
        _crossEntropy.Backward(gradient);
        _program.Launch.Distillation.DistillationBackward(
            _program.Device.Blocks(_student.Shape[0]),
            gradient,
            _student,
            _teacher,
            _labels,
            _student.Shape[0],
            _student.Shape[1],
            _coefficient,
            1.0 / _student.Shape[0],
            _temperature
        );
    }

    /// <inheritdoc/>
    public override void BackwardTangent(Value tangent, Value tangentGradient) =>
        throw new NotSupportedException("Distillation has no tangent pass; use it in methods of first order.");
}

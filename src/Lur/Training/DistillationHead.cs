using Lur.Layers;

namespace Lur.Training;

/// <summary>Adds coefficient T^2 KL(teacher || student) of predictions softened by a temperature T to a cross-entropy
/// (<c>kernels/losses/distillation.cu</c>; Hinton, Vinyals, Dean 2015). The teacher's logits are constants.</summary>
public sealed class DistillationHead
{
    private readonly NetworkPass _pass;
    private readonly Value _student,
        _teacher,
        _labels;
    private readonly double _coefficient,
        _temperature;

    /// <summary>Adds to the row losses of a head, behind its forward pass.</summary>
    /// <param name="pass">The student's pass.</param>
    /// <param name="loss">Head on the student's logits.</param>
    /// <param name="student">The student's logits, [N, classes].</param>
    /// <param name="teacher">The teacher's logits, [N, classes].</param>
    /// <param name="labels">int [N]; rows with negative labels are ignored.</param>
    /// <param name="coefficient">Factor of the divergence; negative to move away from the teacher.</param>
    /// <param name="temperature">T, above 0.</param>
    public DistillationHead(
        NetworkPass pass,
        LossHead loss,
        Value student,
        Value teacher,
        Value labels,
        double coefficient,
        double temperature
    )
    {
        (_pass, _student, _teacher, _labels, _coefficient, _temperature) = (pass, student, teacher, labels, coefficient, temperature);
        int n = student.Shape[0],
            classes = student.Shape[1];
        var (kernels, shape, rows) = (pass.Launch.Distillation, pass.Device.Blocks(n), loss.RowLoss);
        kernels.DistillationForward(shape, rows, student, teacher, labels, n, classes, coefficient, temperature);
    }

    /// <summary>Adds to the gradient of the logits that the head's backward pass has written.</summary>
    public void Backward()
    {
        int n = _student.Shape[0],
            classes = _student.Shape[1];
        var (kernels, shape, student, teacher, labels) = (_pass.Launch.Distillation, _pass.Device.Blocks(n), _student, _teacher, _labels);
        var (dz, inverse, coefficient, temperature) = (_pass.GradientOf(_student), 1.0 / n, _coefficient, _temperature);
        kernels.DistillationBackward(shape, dz, student, teacher, labels, n, classes, coefficient, inverse, temperature);
    }
}

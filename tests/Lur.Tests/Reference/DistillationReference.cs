namespace Lur.Tests.Reference;

/// <summary>distillation.cu in float64, row by row from the definition.</summary>
/// <param name="Classes">Length of a row.</param>
/// <param name="Coefficient">Factor of every row's loss.</param>
/// <param name="Temperature">T.</param>
/// <param name="InverseCount">Factor of the gradient.</param>
internal sealed record DistillationReference(int Classes, double Coefficient, double Temperature, double InverseCount)
{
    private double[] LogSoftmax(double[] m, int r)
    {
        double[] x = [.. m[(r * Classes)..((r + 1) * Classes)].Select(v => v / Temperature)];
        var logSum = x.Max() + Math.Log(x.Sum(v => Math.Exp(v - x.Max())));
        return [.. x.Select(v => v - logSum)];
    }

    public double[] Forward(double[] z, double[] s, int[] labels) =>
        [
            .. labels.Select(
                (label, r) =>
                {
                    var (p, q) = (LogSoftmax(z, r), LogSoftmax(s, r));
                    return label < 0 ? 0 : Coefficient * Temperature * Temperature * p.Zip(q, (a, b) => Math.Exp(b) * (b - a)).Sum();
                }
            ),
        ];

    public double[] Backward(double[] z, double[] s, int[] labels) =>
        [
            .. labels.SelectMany(
                (label, r) =>
                    LogSoftmax(z, r)
                        .Zip(
                            LogSoftmax(s, r),
                            (a, b) => label < 0 ? 0 : Coefficient * InverseCount * Temperature * (Math.Exp(a) - Math.Exp(b))
                        )
            ),
        ];
}

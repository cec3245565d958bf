namespace Lur.Tests.Reference;

/// <summary>The loss family of softmax_ce.cu in float64, row by row from the definition.</summary>
/// <param name="Classes">Length of a row.</param>
/// <param name="Coefficient">Factor of every row's loss.</param>
/// <param name="Smoothing">Share of the target that is spread over all classes; 1 = uniform.</param>
/// <param name="Cap">Largest cross-entropy that counts; not positive = none.</param>
/// <param name="InverseCount">Factor of the gradient, 1 / rows that count.</param>
internal sealed record SoftmaxReference(int Classes, double Coefficient, double Smoothing, double Cap, double InverseCount)
{
    private double[] Row(double[] m, int r) => m[(r * Classes)..((r + 1) * Classes)];

    private static double[] Softmax(double[] z)
    {
        var e = z.Select(v => Math.Exp(v - z.Max())).ToArray();
        return [.. e.Select(v => v / e.Sum())];
    }

    private double[] Target(int label) =>
        [.. Enumerable.Range(0, Classes).Select(j => (j == label ? 1 - Smoothing : 0) + Smoothing / Classes)];

    /// <summary>Cross-entropy against the target; log p is z - log sum exp z, which does not underflow.</summary>
    private double CrossEntropy(double[] z, int label)
    {
        var logSum = z.Max() + Math.Log(z.Sum(v => Math.Exp(v - z.Max())));
        return -Target(label).Zip(z, (q, v) => q == 0 ? 0 : q * (v - logSum)).Sum();
    }

    private bool Active(double[] z, int label) => label >= 0 && (Cap <= 0 || CrossEntropy(z, label) < Cap);

    public (double[] Loss, int[] Predicted, double[] Probability) Forward(double[] z, int[] labels)
    {
        var rows = Enumerable.Range(0, labels.Length).Select(r => (Z: Row(z, r), Label: labels[r])).ToArray();
        return (
            [.. rows.Select(v => v.Label < 0 ? 0 : Coefficient * (Active(v.Z, v.Label) ? CrossEntropy(v.Z, v.Label) : Cap))],
            [.. rows.Select(v => Array.IndexOf(v.Z, v.Z.Max()))],
            [.. rows.Select(v => v.Label < 0 ? 0 : Softmax(v.Z)[v.Label])]
        );
    }

    public double[] Backward(double[] z, int[] labels) =>
        PerRow(labels, (r, label) => Softmax(Row(z, r)).Zip(Target(label), (p, q) => Coefficient * InverseCount * (p - q)), z);

    public double[] BackwardTangent(double[] z, double[] tz, int[] labels) =>
        PerRow(
            labels,
            (r, _) =>
            {
                var p = Softmax(Row(z, r));
                var mean = p.Zip(Row(tz, r), (a, b) => a * b).Sum();
                return p.Zip(Row(tz, r), (a, t) => Coefficient * InverseCount * a * (t - mean));
            },
            z
        );

    private double[] PerRow(int[] labels, Func<int, int, IEnumerable<double>> active, double[] z) =>
        [.. labels.SelectMany((label, r) => Active(Row(z, r), label) ? active(r, label) : new double[Classes])];
}

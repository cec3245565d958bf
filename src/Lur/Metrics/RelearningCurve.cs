namespace Lur.Metrics;

/// <summary>Accuracies after some steps of training an unlearned model again.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="ForgetAccuracy">Accuracy on the forget set, percent.</param>
/// <param name="TestAccuracy">Accuracy on the test set, percent.</param>
public readonly record struct RelearningPoint(int Step, double ForgetAccuracy, double TestAccuracy);

/// <summary>How fast a forgotten set comes back when training goes on: what is only hidden returns within a few steps.</summary>
public sealed class RelearningCurve
{
    /// <summary>Creates a curve.</summary>
    /// <param name="points">At least one point, steps ascending from 0 or above.</param>
    /// <exception cref="ArgumentException">There is no point, or steps do not ascend.</exception>
    public RelearningCurve(IReadOnlyList<RelearningPoint> points)
    {
        ArgumentNullException.ThrowIfNull(points);
        if (points.Count == 0 || points[0].Step < 0)
            throw new ArgumentException("A curve has points, from step 0 or later.", nameof(points));
        for (var i = 1; i < points.Count; i++)
            if (points[i].Step <= points[i - 1].Step)
                throw new ArgumentException("The steps of a curve ascend.", nameof(points));
        Points = [.. points];
    }

    /// <summary>The points, steps ascending.</summary>
    public IReadOnlyList<RelearningPoint> Points { get; }

    /// <summary>Mean of several curves with the same steps.</summary>
    /// <param name="curves">At least one.</param>
    /// <exception cref="ArgumentException">There is none, or the steps differ.</exception>
    public static RelearningCurve Mean(IReadOnlyList<RelearningCurve> curves)
    {
        ArgumentNullException.ThrowIfNull(curves);
        if (curves.Count == 0 || curves.Any(c => !c.Points.Select(p => p.Step).SequenceEqual(curves[0].Points.Select(p => p.Step))))
            throw new ArgumentException("A mean is of curves with the same steps.", nameof(curves));
        return new RelearningCurve([
            .. curves[0]
                .Points.Select(
                    (p, i) =>
                        new RelearningPoint(
                            p.Step,
                            curves.Average(c => c.Points[i].ForgetAccuracy),
                            curves.Average(c => c.Points[i].TestAccuracy)
                        )
                ),
        ]);
    }

    /// <summary>The first measured step at which the forget accuracy is at least a share of the original model's; nothing is
    /// interpolated. Null if no point reaches it.</summary>
    /// <param name="percent">Share, percent.</param>
    /// <param name="originalForgetAccuracy">Forget accuracy of the original model, percent.</param>
    public int? StepsToReach(double percent, double originalForgetAccuracy)
    {
        foreach (var point in Points)
            if (point.ForgetAccuracy >= percent / 100 * originalForgetAccuracy)
                return point.Step;
        return null;
    }
}

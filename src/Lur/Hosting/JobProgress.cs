namespace Lur.Hosting;

/// <summary>How far a job is.</summary>
/// <param name="Stage">What is done now, for example "train epoch 3/20".</param>
/// <param name="Done">Units of work of the stage that are done.</param>
/// <param name="Total">Units of work of the stage in all.</param>
/// <param name="Unit">Name of the unit in the plural, for example "images".</param>
/// <param name="Metrics">Latest values by name; may be empty.</param>
public record JobProgress(string Stage, long Done, long Total, string Unit, IReadOnlyList<(string Name, double Value)> Metrics)
{
    /// <summary>The latest value of a name; NaN where there is none.</summary>
    /// <param name="name">The name.</param>
    public double Metric(string name)
    {
        foreach (var (known, value) in Metrics)
            if (known == name)
                return value;
        return double.NaN;
    }
}

/// <summary>How far a forgetting job is.</summary>
/// <param name="Progress">The same without the names of its values.</param>
public sealed record ForgetProgress(JobProgress Progress) : JobProgress(Progress)
{
    /// <summary>Loss on what is kept; NaN outside the steps.</summary>
    public double RetainLoss => Metric("retain");

    /// <summary>Loss on what is forgotten; NaN outside the steps, and for methods that have none.</summary>
    public double ForgetLoss => Metric("forget");

    /// <summary>Cosine of the angle between the gradients of the two; NaN outside the steps.</summary>
    public double Cosine => Metric("cos");
}

namespace Lur.Metrics;

/// <summary>How far weights moved. A small distance predicts that the forgotten is soon relearned.</summary>
/// <param name="Name">Tensor, or "" for all of them.</param>
/// <param name="Distance">L2 norm of the difference.</param>
/// <param name="Relative">Distance over the L2 norm of the original; 0 if neither moved nor was anything there, infinite if
/// only the original was zero.</param>
/// <param name="Changed">Elements that differ.</param>
/// <param name="Count">Elements.</param>
public sealed record WeightDistance(string Name, double Distance, double Relative, long Changed, long Count)
{
    /// <summary>Measures a flat vector of weights, as a whole and tensor by tensor. Sums are in double.</summary>
    /// <param name="original">Weights before.</param>
    /// <param name="current">Weights after, the same layout.</param>
    /// <param name="tensors">Name, first element and number of elements of each tensor.</param>
    /// <returns>The total over the listed tensors, and one entry a tensor in their order.</returns>
    /// <exception cref="ArgumentException">Lengths differ, or a tensor reaches beyond the vector.</exception>
    public static (WeightDistance Total, IReadOnlyList<WeightDistance> PerTensor) Measure(
        ReadOnlySpan<float> original,
        ReadOnlySpan<float> current,
        IReadOnlyList<(string Name, int Offset, int Count)> tensors
    )
    {
        ArgumentNullException.ThrowIfNull(tensors);
        if (original.Length != current.Length)
            throw new ArgumentException(
                $"{original.Length} weights before and {current.Length} after are not of one layout.",
                nameof(current)
            );
        var list = new List<WeightDistance>(tensors.Count);
        var total = (Difference: 0.0, Norm: 0.0, Changed: 0L, Count: 0L);
        foreach (var (name, offset, count) in tensors)
        {
            if (offset < 0 || count < 0 || offset > original.Length - count)
                throw new ArgumentException($"Tensor {name} reaches beyond the {original.Length} weights.", nameof(tensors));
            var (difference, norm, changed) = Sums(original.Slice(offset, count), current.Slice(offset, count));
            total = (total.Difference + difference, total.Norm + norm, total.Changed + changed, total.Count + count);
            list.Add(Of(name, difference, norm, changed, count));
        }

        return (Of("", total.Difference, total.Norm, total.Changed, total.Count), list);
    }

    private static WeightDistance Of(string name, double difference, double norm, long changed, long count) =>
        new(name, Math.Sqrt(difference), difference == 0 ? 0 : Math.Sqrt(difference / norm), changed, count);

    private static (double Difference, double Norm, long Changed) Sums(ReadOnlySpan<float> original, ReadOnlySpan<float> current)
    {
        var (difference, norm, changed) = (0.0, 0.0, 0L);
        for (var i = 0; i < original.Length; i++)
        {
            var d = (double)current[i] - original[i];
            difference += d * d;
            norm += (double)original[i] * original[i];
            if (d != 0)
                changed++;
        }

        return (difference, norm, changed);
    }
}

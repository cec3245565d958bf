using System.Numerics;

namespace Lur.Metrics.Generation;

/// <summary>Features of images, one row an image: what a judge network computes before its last layer.</summary>
public sealed class FeatureRows
{
    private FeatureRows(double[] values, int dimension) => (Values, Dimension) = (values, dimension);

    /// <summary><see cref="Count"/> rows of <see cref="Dimension"/> numbers.</summary>
    public double[] Values { get; }

    /// <summary>Numbers a row.</summary>
    public int Dimension { get; }

    /// <summary>Number of rows.</summary>
    public int Count => Values.Length / Dimension;

    /// <summary>Takes features over, in double.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="values">Rows, one after another.</param>
    /// <param name="dimension">Numbers a row, at least 1.</param>
    /// <exception cref="ArgumentException">The numbers are no whole rows, or one is not finite.</exception>
    public static FeatureRows Of<T>(ReadOnlySpan<T> values, int dimension)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        CheckRows(values, dimension);
        var copy = new double[values.Length];
        for (var i = 0; i < copy.Length; i++)
            copy[i] = double.CreateTruncating(values[i]);
        return new FeatureRows(copy, dimension);
    }

    /// <summary>A row.</summary>
    /// <param name="i">Its number.</param>
    internal ReadOnlySpan<double> Row(int i) => Values.AsSpan(i * Dimension, Dimension);

    /// <summary>Some rows, in the order of the list.</summary>
    internal double[] Select(ReadOnlySpan<int> rows)
    {
        var values = new double[rows.Length * Dimension];
        for (var i = 0; i < rows.Length; i++)
            Row(rows[i]).CopyTo(values.AsSpan(i * Dimension));
        return values;
    }

    internal static void CheckRows<T>(ReadOnlySpan<T> values, int dimension)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        if (values.Length % dimension != 0)
            throw new ArgumentException($"{values.Length} numbers are no whole rows of {dimension}.", nameof(values));
        for (var i = 0; i < values.Length; i++)
            if (!T.IsFinite(values[i]))
                throw new ArgumentException($"Feature {i % dimension} of row {i / dimension} is not finite.", nameof(values));
    }

    /// <summary>Refuses sets of different dimensions.</summary>
    internal static void RequireSameDimension(int first, int second)
    {
        if (first != second)
            throw new ArgumentException(
                $"One set has features of {first} numbers, the other of {second}: they come from different judges."
            );
    }
}

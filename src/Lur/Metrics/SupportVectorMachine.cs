namespace Lur.Metrics;

/// <summary>Parameters of a support vector machine.</summary>
/// <param name="C">Cost of a margin violation: the box of each sample's multiplier is [0, C].</param>
/// <param name="Gamma">Kernel exp(-gamma |x - z|^2).</param>
/// <param name="Tolerance">eps of the stopping rule; libsvm's and scikit-learn's default is 1e-3.</param>
/// <param name="CacheBytes">Memory for kernel rows; results do not depend on it.</param>
public sealed record SupportVectorOptions(double C, double Gamma, double Tolerance = 1e-3, long CacheBytes = 200L << 20);

/// <summary>Two-class support vector machine (C-SVC) with the RBF kernel, in float64, with libsvm's semantics: the same
/// problem, working-set selection, stopping rule and bias.</summary>
/// <remarks>
/// <para>Equal samples are merged. Let c samples share one point x and one label y. In the dual
/// 1/2 sum a_s a_t y_s y_t K_st - sum a_t they appear only through A = a_1 + ... + a_c, because their rows of K are equal;
/// so does the constraint sum y a = 0. A takes every value of [0, c C] as the a_i range over [0, C], and no other. One
/// point with the box [0, c C] therefore has the same minimum, the same decision function and, as the gradients of copies
/// are equal and A can be spread over them evenly, the same sets in the stopping rule. The confidences of a trained network
/// are mostly the same few numbers next to 1, and this makes thousands of samples a few hundred points.</para>
/// <para>Points are sorted, so the result does not depend on the order of the samples. Where several multipliers are free,
/// libsvm averages the bias over samples and this over points: within the tolerance they are the same.</para>
/// </remarks>
public sealed class SupportVectorMachine
{
    /// <summary>libsvm's bound on iterations.</summary>
    private const long LeastMaximum = 10_000_000;

    private readonly RbfKernel _vectors;
    private readonly double[] _coefficients;
    private readonly int _dimension;

    private SupportVectorMachine(RbfKernel vectors, double[] coefficients, int dimension, SequentialMinimalOptimization solver, bool converged)
    {
        (_vectors, _coefficients, _dimension) = (vectors, coefficients, dimension);
        (Bias, DualObjective, Iterations, Converged) = (solver.Bias, solver.DualObjective, solver.Iterations, converged);
        MultiplierSum = coefficients.Sum(Math.Abs);
    }

    /// <summary>Threshold b of the decision function.</summary>
    public double Bias { get; }

    /// <summary>Value of the dual problem (a minimum, not positive).</summary>
    public double DualObjective { get; }

    /// <summary>Sum of the multipliers.</summary>
    public double MultiplierSum { get; }

    /// <summary>Pairs of multipliers that were optimised.</summary>
    public long Iterations { get; }

    /// <summary>False if the bound on iterations was met before the tolerance: max(10 million, 100 a point).</summary>
    public bool Converged { get; }

    /// <summary>Distinct points with a multiplier above 0.</summary>
    public int SupportVectors => _vectors.Count;

    /// <summary>Trains a machine. If all samples have one label, its decision value is that label, 1 or -1, everywhere.</summary>
    /// <param name="points">Samples, rows of <paramref name="dimension"/> finite numbers.</param>
    /// <param name="dimension">Numbers a sample.</param>
    /// <param name="positive">Label of each sample; at least one.</param>
    /// <param name="options">Parameters.</param>
    /// <exception cref="ArgumentException">Lengths do not match, nothing to train on, a number is not finite, or a
    /// parameter is not positive.</exception>
    public static SupportVectorMachine Fit(ReadOnlySpan<double> points, int dimension, ReadOnlySpan<bool> positive, SupportVectorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dimension);
        if (positive.Length == 0 || points.Length != (long)positive.Length * dimension)
            throw new ArgumentException($"{points.Length} numbers are not {positive.Length} samples (at least one) of {dimension}.", nameof(points));
        if (!(options.C > 0 && options.Gamma > 0 && options.Tolerance > 0))
            throw new ArgumentException("C, gamma and the tolerance are above 0.", nameof(options));
        foreach (var x in points)
            if (!double.IsFinite(x)) throw new ArgumentException("A number is not finite.", nameof(points));

        var (distinct, labels, counts) = Merge(points.ToArray(), dimension, positive.ToArray());
        var kernel = new RbfKernel(distinct, dimension, options.Gamma);
        var solver = new SequentialMinimalOptimization(kernel, labels, Array.ConvertAll(counts, c => c * options.C), options.CacheBytes);
        var converged = solver.Solve(options.Tolerance, Math.Max(LeastMaximum, 100L * labels.Length));

        int[] support = [.. Enumerable.Range(0, labels.Length).Where(i => solver.Multipliers[i] > 0)];
        double[] vectors = [.. support.SelectMany(i => distinct[(i * dimension)..((i + 1) * dimension)])];
        double[] coefficients = [.. support.Select(i => labels[i] ? solver.Multipliers[i] : -solver.Multipliers[i])];
        return new SupportVectorMachine(new RbfKernel(vectors, dimension, options.Gamma), coefficients, dimension, solver, converged);
    }

    /// <summary>Decision value sum_t a_t y_t K(x_t, x) + b of each sample: positive label where it is above 0.</summary>
    /// <param name="points">Samples, rows of as many finite numbers as in training.</param>
    /// <exception cref="ArgumentException">The length is not a multiple of the dimension.</exception>
    public double[] Decide(ReadOnlySpan<double> points)
    {
        if (points.Length % _dimension != 0)
            throw new ArgumentException($"{points.Length} numbers are not samples of {_dimension}.", nameof(points));
        var rows = points.ToArray();
        var count = rows.Length / _dimension;
        var order = RowOrder.Sort(rows, _dimension, null);
        var values = new double[count];
        var kernel = new double[_vectors.PaddedCount];
        for (var k = 0; k < count; k++)
        {
            var i = order[k];
            if (k > 0 && RowOrder.Compare(rows, _dimension, order[k - 1], i) == 0)
            {
                values[i] = values[order[k - 1]];
                continue;
            }

            _vectors.Row(rows.AsSpan(i * _dimension, _dimension), kernel);
            var sum = Bias;
            for (var s = 0; s < _coefficients.Length; s++) sum += _coefficients[s] * kernel[s];
            values[i] = sum;
        }

        return values;
    }

    private static (double[] Points, bool[] Labels, int[] Counts) Merge(double[] rows, int dimension, bool[] positive)
    {
        var order = RowOrder.Sort(rows, dimension, positive);
        var (points, labels, counts) = (new List<double>(), new List<bool>(), new List<int>());
        for (var k = 0; k < order.Length; k++)
        {
            var i = order[k];
            if (k > 0 && positive[order[k - 1]] == positive[i] && RowOrder.Compare(rows, dimension, order[k - 1], i) == 0)
            {
                counts[^1]++;
                continue;
            }

            points.AddRange(rows.AsSpan(i * dimension, dimension));
            labels.Add(positive[i]);
            counts.Add(1);
        }

        return ([.. points], [.. labels], [.. counts]);
    }
}

/// <summary>Lexicographic order of the rows of a matrix.</summary>
internal static class RowOrder
{
    /// <summary>Row numbers in order; rows that are equal are ordered by label, then by number.</summary>
    public static int[] Sort(double[] rows, int dimension, bool[]? labels)
    {
        int[] order = [.. Enumerable.Range(0, rows.Length / dimension)];
        Array.Sort(order, (a, b) =>
        {
            var byRow = Compare(rows, dimension, a, b);
            if (byRow != 0) return byRow;
            var byLabel = labels is null ? 0 : labels[a].CompareTo(labels[b]);
            return byLabel != 0 ? byLabel : a.CompareTo(b);
        });
        return order;
    }

    /// <summary>Compares two rows.</summary>
    public static int Compare(double[] rows, int dimension, int a, int b)
    {
        for (var d = 0; d < dimension; d++)
        {
            var order = rows[(a * dimension) + d].CompareTo(rows[(b * dimension) + d]);
            if (order != 0) return order;
        }

        return 0;
    }
}

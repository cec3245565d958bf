namespace Lur.Metrics;

/// <summary>Parameters of a support vector machine.</summary>
/// <param name="C">Cost of a margin violation: the box of each sample's multiplier is [0, C].</param>
/// <param name="Gamma">Kernel exp(-gamma |x - z|^2).</param>
/// <param name="Tolerance">eps of the stopping rule; libsvm's and scikit-learn's default is 1e-3.</param>
/// <param name="CacheBytes">Memory for kernel rows; results do not depend on it.</param>
public sealed record SupportVectorOptions(double C, double Gamma, double Tolerance = 1e-3, long CacheBytes = 200L << 20);

/// <summary>Two-class support vector machine (C-SVC) with the RBF kernel, as scikit-learn's SVC has it: the same problem,
/// and by <see cref="SequentialMinimalOptimization"/> the same of its near-optimal solutions.</summary>
/// <remarks>As there, the class that is not positive comes first, each class in the order given. The order decides between
/// solutions that are equally good within the tolerance: it is part of the input.</remarks>
public sealed class SupportVectorMachine
{
    /// <summary>Bound on iterations, as libsvm's own.</summary>
    private const long LeastMaximum = 10_000_000;

    private readonly RbfKernel _vectors;
    private readonly double[] _coefficients;
    private readonly int _dimension;

    private SupportVectorMachine(RbfKernel vectors, double[] coefficients, int dimension, double bias)
    {
        (_vectors, _coefficients, _dimension, Bias) = (vectors, coefficients, dimension, bias);
        MultiplierSum = coefficients.Sum(Math.Abs);
    }

    /// <summary>Threshold b of the decision function.</summary>
    public double Bias { get; }

    /// <summary>Value of the dual problem (a minimum, not positive).</summary>
    public double DualObjective { get; private init; }

    /// <summary>Sum of the multipliers.</summary>
    public double MultiplierSum { get; }

    /// <summary>Pairs of multipliers that were optimised.</summary>
    public long Iterations { get; private init; }

    /// <summary>False if the bound on iterations was met before the tolerance: max(10 million, 100 a point).</summary>
    public bool Converged { get; private init; } = true;

    /// <summary>Samples with a multiplier above 0.</summary>
    public int SupportVectors => _vectors.Count;

    /// <summary>Trains a machine. If all samples have one label, its decision value is that label, 1 or -1, everywhere.</summary>
    /// <param name="points">Samples, rows of <paramref name="dimension"/> finite numbers.</param>
    /// <param name="dimension">Numbers a sample.</param>
    /// <param name="positive">Label of each sample; at least one.</param>
    /// <param name="options">Parameters.</param>
    /// <exception cref="ArgumentException">Lengths do not match, nothing to train on, a number is not finite, or a
    /// parameter is not positive.</exception>
    public static SupportVectorMachine Fit(
        ReadOnlySpan<double> points,
        int dimension,
        ReadOnlySpan<bool> positive,
        SupportVectorOptions options
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dimension);
        if (positive.Length == 0 || points.Length != (long)positive.Length * dimension)
            throw new ArgumentException(
                $"{points.Length} numbers are not {positive.Length} samples (at least one) of {dimension}.",
                nameof(points)
            );
        if (!(options.C > 0 && options.Gamma > 0 && options.Tolerance > 0))
            throw new ArgumentException("C, gamma and the tolerance are above 0.", nameof(options));
        foreach (var x in points)
            if (!double.IsFinite(x))
                throw new ArgumentException("A number is not finite.", nameof(points));

        var (rows, isPositive) = (points.ToArray(), positive.ToArray());
        double[] Rows(IEnumerable<int> indices) => [.. indices.SelectMany(i => rows[(i * dimension)..((i + 1) * dimension)])];
        int[] order = [.. Sequences.Range(0, isPositive.Length).OrderBy(i => isPositive[i])];
        if (isPositive[order[0]] == isPositive[order[^1]])
            return new SupportVectorMachine(new RbfKernel([], dimension, options.Gamma), [], dimension, isPositive[0] ? 1 : -1);
        double[] labels = [.. order.Select(i => isPositive[i] ? -1.0 : 1.0)];
        var solver = new SequentialMinimalOptimization(
            new RbfKernel(Rows(order), dimension, options.Gamma),
            labels,
            options.C,
            options.CacheBytes
        );
        var converged = solver.Solve(options.Tolerance, Math.Max(LeastMaximum, 100L * labels.Length));

        // The first class is libsvm's positive one; decision values are given for the second.
        int[] support = [.. Sequences.Range(0, labels.Length).Where(i => solver.Multipliers[i] > 0)];
        double[] coefficients = [.. support.Select(i => -labels[i] * solver.Multipliers[i])];
        return new SupportVectorMachine(
            new RbfKernel(Rows(support.Select(i => order[i])), dimension, options.Gamma),
            coefficients,
            dimension,
            -solver.Bias
        )
        {
            DualObjective = solver.DualObjective,
            Iterations = solver.Iterations,
            Converged = converged,
        };
    }

    /// <summary>Decision value sum_t a_t y_t K(x_t, x) + b of each sample: positive label where it is above 0.</summary>
    /// <param name="points">Samples, rows of as many finite numbers as in training.</param>
    /// <exception cref="ArgumentException">The length is not a multiple of the dimension.</exception>
    public double[] Decide(ReadOnlySpan<double> points)
    {
        if (points.Length % _dimension != 0)
            throw new ArgumentException($"{points.Length} numbers are not samples of {_dimension}.", nameof(points));
        var values = new double[points.Length / _dimension];
        for (var i = 0; i < values.Length; i++)
        {
            double sum = 0;
            for (var s = 0; s < _coefficients.Length; s++)
                sum += _coefficients[s] * _vectors.Between(points.Slice(i * _dimension, _dimension), s);
            values[i] = sum + Bias;
        }

        return values;
    }
}

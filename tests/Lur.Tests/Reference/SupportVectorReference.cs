namespace Lur.Tests.Reference;

/// <summary>The dual of the C-SVC solved by trying every assignment of the multipliers to "0", "C" and "free": for each, the
/// free ones and the bias follow from linear equations; the best feasible one is the solution. For six samples or so.</summary>
public sealed class SupportVectorReference
{
    private readonly double[] _x,
        _coefficients;
    private readonly int _dimension;
    private readonly double _gamma,
        _bias;

    private SupportVectorReference(
        double[] x,
        int dimension,
        double gamma,
        double[] coefficients,
        double bias,
        double objective,
        bool hasFree
    )
    {
        (_x, _dimension, _gamma, _coefficients, _bias) = (x, dimension, gamma, coefficients, bias);
        (Objective, HasFree) = (objective, hasFree);
    }

    public double Objective { get; }

    public bool HasFree { get; }

    public double[] Decide(double[] queries) =>
        [
            .. Enumerable
                .Range(0, queries.Length / _dimension)
                .Select(q =>
                    _bias
                    + Enumerable.Range(0, _coefficients.Length).Sum(i => _coefficients[i] * Kernel(_x, i, queries, q, _dimension, _gamma))
                ),
        ];

    public static SupportVectorReference Solve(double[] x, int dimension, bool[] positive, double c, double gamma)
    {
        var n = positive.Length;
        var y = Array.ConvertAll(positive, p => p ? 1.0 : -1.0);
        SupportVectorReference? best = null;
        for (var code = 0; code < (int)Math.Pow(3, n); code++)
        {
            var state = Enumerable.Range(0, n).Select(i => code / (int)Math.Pow(3, i) % 3).ToArray();
            var free = Enumerable.Range(0, n).Where(i => state[i] == 2).ToArray();
            var a = Array.ConvertAll(state, s => s == 1 ? c : 0.0);
            double bias = 0;
            if (free.Length > 0)
            {
                // For free i: sum_j a_j y_j K_ij + b = y_i; and sum_j y_j a_j = 0.
                var m = free.Length + 1;
                var system = new double[m, m + 1];
                for (var r = 0; r < free.Length; r++)
                {
                    for (var s = 0; s < free.Length; s++)
                        system[r, s] = y[free[s]] * Kernel(x, free[r], x, free[s], dimension, gamma);
                    system[r, m - 1] = 1;
                    system[r, m] = y[free[r]] - Enumerable.Range(0, n).Sum(j => a[j] * y[j] * Kernel(x, free[r], x, j, dimension, gamma));
                    system[m - 1, r] = y[free[r]];
                }
                system[m - 1, m] = -Enumerable.Range(0, n).Sum(j => a[j] * y[j]);
                if (Eliminate(system, m) is not { } solution)
                    continue;
                for (var r = 0; r < free.Length; r++)
                    a[free[r]] = solution[r];
                bias = solution[m - 1];
            }
            if (a.Any(v => v < -1e-9 || v > c + 1e-9) || Math.Abs(a.Zip(y, (v, s) => v * s).Sum()) > 1e-9)
                continue;
            var objective = -a.Sum();
            for (var i = 0; i < n; i++)
            for (var j = 0; j < n; j++)
                objective += 0.5 * a[i] * a[j] * y[i] * y[j] * Kernel(x, i, x, j, dimension, gamma);
            if (best is null || objective < best.Objective - 1e-12)
            {
                var strict = free.Any(i => a[i] > 1e-6 && a[i] < c - 1e-6);
                best = new SupportVectorReference(x, dimension, gamma, [.. a.Zip(y, (v, s) => v * s)], bias, objective, strict);
            }
        }
        return best!;
    }

    private static double Kernel(double[] a, int i, double[] b, int j, int dimension, double gamma)
    {
        double distance = 0;
        for (var d = 0; d < dimension; d++)
            distance += Math.Pow(a[(i * dimension) + d] - b[(j * dimension) + d], 2);
        return Math.Exp(-gamma * distance);
    }

    /// <summary>Gauss with pivots; null for a singular system.</summary>
    private static double[]? Eliminate(double[,] system, int n)
    {
        for (var column = 0; column < n; column++)
        {
            var pivot = Enumerable.Range(column, n - column).MaxBy(r => Math.Abs(system[r, column]));
            if (Math.Abs(system[pivot, column]) < 1e-10)
                return null;
            for (var k = 0; k <= n; k++)
                (system[column, k], system[pivot, k]) = (system[pivot, k], system[column, k]);
            for (var row = 0; row < n; row++)
            {
                if (row == column)
                    continue;
                var factor = system[row, column] / system[column, column];
                for (var k = column; k <= n; k++)
                    system[row, k] -= factor * system[column, k];
            }
        }
        return [.. Enumerable.Range(0, n).Select(i => system[i, n] / system[i, i])];
    }
}

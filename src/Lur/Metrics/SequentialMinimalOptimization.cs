using System.Numerics;

namespace Lur.Metrics;

/// <summary>Solves the dual of the C-SVC by sequential minimal optimisation with second-order working-set selection (Platt
/// 1999; WSS 2 of Fan, Chen and Lin, JMLR 6, 2005), the method and the stopping rule of libsvm.</summary>
/// <remarks>
/// minimise W(a) = 1/2 sum_st a_s a_t y_s y_t K_st - sum_t a_t,  0 &lt;= a_t &lt;= u_t,  sum_t y_t a_t = 0.
/// Instead of the gradient G the residual F_t = -y_t G_t = y_t - sum_s a_s y_s K_st is kept: its update by a pair does not
/// depend on labels. Points that may still move along +y are "up" (y = 1 and a &lt; u, or y = -1 and a &gt; 0), those that may
/// move along -y are "low"; a is optimal within eps when max_up F - min_low F &lt; eps.
/// There is no shrinking: one iteration is a few vectorised passes over the points.
/// </remarks>
internal sealed class SequentialMinimalOptimization
{
    /// <summary>Curvature that is taken for a pair whose points coincide in the kernel (libsvm's tau).</summary>
    private const double MinimalCurvature = 1e-12;

    private readonly RbfKernel _kernel;
    private readonly KernelRowCache _rows;
    private readonly double[] _labels, _upper, _multipliers, _residual;

    // 0 where a point is in the set, -infinity (up) or +infinity (low) where it is not: added to F, they leave the maximum
    // and the minimum to the members without a branch.
    private readonly double[] _notUp, _notLow;

    /// <summary>Prepares the start a = 0.</summary>
    /// <param name="kernel">Kernel over the points.</param>
    /// <param name="positive">Which points have y = 1; the others have y = -1.</param>
    /// <param name="upper">Upper bound of each multiplier, above 0.</param>
    /// <param name="cacheBytes">Memory for kernel rows.</param>
    public SequentialMinimalOptimization(RbfKernel kernel, bool[] positive, double[] upper, long cacheBytes)
    {
        _kernel = kernel;
        _rows = new KernelRowCache(kernel, cacheBytes);
        _upper = upper;
        var padded = kernel.PaddedCount;
        _labels = new double[padded];
        _multipliers = new double[padded];
        _residual = new double[padded];
        _notUp = new double[padded];
        _notLow = new double[padded];
        Array.Fill(_notUp, double.NegativeInfinity);
        Array.Fill(_notLow, double.PositiveInfinity);
        for (var t = 0; t < kernel.Count; t++)
        {
            _labels[t] = _residual[t] = positive[t] ? 1 : -1;
            Classify(t);
        }
    }

    /// <summary>The multipliers a; entries beyond the last point are 0.</summary>
    public double[] Multipliers => _multipliers;

    /// <summary>Pairs that were optimised.</summary>
    public long Iterations { get; private set; }

    /// <summary>Threshold b of the decision function sum_t a_t y_t K(x_t, x) + b: the mean residual of the points strictly
    /// inside their box; without one, the middle of the interval that the bounded points leave; with one class only, the
    /// end of that interval, which puts every point on its own side.</summary>
    public double Bias { get; private set; }

    /// <summary>W(a) at the solution.</summary>
    public double DualObjective { get; private set; }

    /// <summary>Runs to the solution.</summary>
    /// <param name="tolerance">eps of the stopping rule.</param>
    /// <param name="maxIterations">Bound on the number of pairs.</param>
    /// <returns>False if the bound was met first.</returns>
    public bool Solve(double tolerance, long maxIterations)
    {
        while (true)
        {
            var (i, high) = MostViolatingUp();
            var rowI = i < 0 ? null : _rows[i];
            var (j, low) = rowI is null ? (-1, MinimumLow()) : SecondOrderPartner(high, rowI);
            var converged = j < 0 || high - low < tolerance;
            if (converged || Iterations >= maxIterations)
            {
                Finish(high, low);
                return converged;
            }

            Step(i, j, rowI!, _rows[j]);
            Iterations++;
        }
    }

    private (int Index, double Value) MostViolatingUp()
    {
        var best = new Vector<double>(double.NegativeInfinity);
        for (var k = 0; k < _residual.Length; k += Vector<double>.Count)
            best = Vector.Max(best, new Vector<double>(_residual, k) + new Vector<double>(_notUp, k));
        var max = LargestLane(best);
        if (double.IsNegativeInfinity(max)) return (-1, max);
        var index = 0;
        while (_residual[index] + _notUp[index] != max) index++;
        return (index, max);
    }

    private double MinimumLow()
    {
        var min = double.PositiveInfinity;
        for (var t = 0; t < _residual.Length; t++) min = Math.Min(min, _residual[t] + _notLow[t]);
        return min;
    }

    /// <summary>The low point whose pair with i lowers W most when the box is ignored: by (F_i - F_j)^2 / (2 (K_ii + K_jj -
    /// 2 K_ij)), with K_ii = 1. Also min_low F.</summary>
    private (int Index, double Minimum) SecondOrderPartner(double high, double[] rowI)
    {
        var (two, tau, top) = (new Vector<double>(2), new Vector<double>(MinimalCurvature), new Vector<double>(high));
        var min = new Vector<double>(double.PositiveInfinity);
        var best = Vector<double>.Zero;
        for (var k = 0; k < rowI.Length; k += Vector<double>.Count)
        {
            var value = new Vector<double>(_residual, k) + new Vector<double>(_notLow, k);
            min = Vector.Min(min, value);
            best = Vector.Max(best, Gain(value, new Vector<double>(rowI, k)));
        }

        var gain = LargestLane(best);
        var minimum = -LargestLane(-min);
        if (gain <= 0) return (-1, minimum);
        for (var k = 0; ; k += Vector<double>.Count)
        {
            var gains = Gain(new Vector<double>(_residual, k) + new Vector<double>(_notLow, k), new Vector<double>(rowI, k));
            for (var lane = 0; lane < Vector<double>.Count; lane++)
                if (gains[lane] == gain) return (k + lane, minimum);
        }

        Vector<double> Gain(Vector<double> value, Vector<double> kernel)
        {
            var violation = Vector.Max(top - value, Vector<double>.Zero);
            return violation * violation / Vector.Max(two - (two * kernel), tau);
        }
    }

    /// <summary>Moves a_i by y_i t and a_j by -y_j t, t &gt; 0 the minimiser along that line inside the box.</summary>
    private void Step(int i, int j, double[] rowI, double[] rowJ)
    {
        var roomI = _labels[i] > 0 ? _upper[i] - _multipliers[i] : _multipliers[i];
        var roomJ = _labels[j] > 0 ? _multipliers[j] : _upper[j] - _multipliers[j];
        var free = (_residual[i] - _residual[j]) / Math.Max(2 - (2 * rowI[j]), MinimalCurvature);
        var t = Math.Min(free, Math.Min(roomI, roomJ));
        // A bound that is met is met exactly, or rounding would leave the point in both sets.
        _multipliers[i] = t == roomI ? (_labels[i] > 0 ? _upper[i] : 0) : _multipliers[i] + (_labels[i] * t);
        _multipliers[j] = t == roomJ ? (_labels[j] > 0 ? 0 : _upper[j]) : _multipliers[j] - (_labels[j] * t);
        Classify(i);
        Classify(j);
        var step = new Vector<double>(t);
        for (var k = 0; k < _residual.Length; k += Vector<double>.Count)
        {
            var change = step * (new Vector<double>(rowI, k) - new Vector<double>(rowJ, k));
            (new Vector<double>(_residual, k) - change).CopyTo(_residual, k);
        }
    }

    private void Classify(int t)
    {
        var (canGrow, canShrink) = (_multipliers[t] < _upper[t], _multipliers[t] > 0);
        var (up, low) = _labels[t] > 0 ? (canGrow, canShrink) : (canShrink, canGrow);
        _notUp[t] = up ? 0 : double.NegativeInfinity;
        _notLow[t] = low ? 0 : double.PositiveInfinity;
    }

    private void Finish(double high, double low)
    {
        var (sum, free, objective) = (0.0, 0, 0.0);
        for (var t = 0; t < _kernel.Count; t++)
        {
            objective += 0.5 * _multipliers[t] * ((-_labels[t] * _residual[t]) - 1);
            if (_multipliers[t] <= 0 || _multipliers[t] >= _upper[t]) continue;
            sum += _residual[t];
            free++;
        }

        DualObjective = objective;
        Bias = free > 0 ? sum / free : double.IsInfinity(high) ? low : double.IsInfinity(low) ? high : (high + low) / 2;
    }

    private static double LargestLane(Vector<double> v)
    {
        var max = v[0];
        for (var lane = 1; lane < Vector<double>.Count; lane++) max = Math.Max(max, v[lane]);
        return max;
    }
}

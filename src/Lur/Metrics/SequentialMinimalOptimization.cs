namespace Lur.Metrics;

/// <summary>Solves the dual of the C-SVC by sequential minimal optimisation with second-order working-set selection and
/// shrinking (Platt 1999; WSS 2 of Fan, Chen and Lin, JMLR 6, 2005; Chang and Lin, LIBSVM, ACM TIST 2, 2011).</summary>
/// <remarks>
/// minimise W(a) = 1/2 sum_st a_s a_t y_s y_t K_st - sum_t a_t,  0 &lt;= a_t &lt;= C,  sum_t y_t a_t = 0.
/// The stopping rule leaves decision values open by several times its tolerance, and which of the near-optimal machines is
/// found decides about samples next to the boundary. So that theirs are scikit-learn's labels, every choice is libsvm's:
/// the kernel in float, ties to the last point of the active list, when to shrink, how a pair is clipped.
/// Instead of the gradient G the residual F_t = -y_t G_t = y_t - sum_s a_s y_s K_st is kept: the same numbers but for signs,
/// which round alike. Points that may still move along +y are "up" (y = 1 and a &lt; C, or y = -1 and a &gt; 0), those that may
/// move along -y are "low"; a is optimal within eps when max_up F - min_low F &lt; eps.
/// </remarks>
internal sealed class SequentialMinimalOptimization
{
    /// <summary>Curvature that is taken for a pair whose points coincide in the kernel (libsvm's tau).</summary>
    private const double MinimalCurvature = 1e-12;

    /// <summary>Pairs between two rounds of shrinking, at most.</summary>
    private const int ShrinkInterval = 1000;

    private readonly KernelRowCache _rows;
    private readonly double _cost;

    // By point. _bounded: the part of sum_s a_s y_s K_st that comes from multipliers at C.
    private readonly double[] _labels,
        _multipliers,
        _residual,
        _bounded;

    // A permutation of the points; the first _active are looked at.
    private readonly int[] _order;
    private int _active;
    private bool _unshrunk;

    /// <summary>Prepares the start a = 0.</summary>
    /// <param name="kernel">Kernel over the points.</param>
    /// <param name="labels">y of each point, 1 or -1.</param>
    /// <param name="cost">C, above 0.</param>
    /// <param name="cacheBytes">Memory for kernel rows.</param>
    public SequentialMinimalOptimization(RbfKernel kernel, double[] labels, double cost, long cacheBytes)
    {
        _rows = new KernelRowCache(kernel, cacheBytes);
        (_labels, _cost, _active) = (labels, cost, labels.Length);
        _multipliers = new double[_active];
        _bounded = new double[_active];
        _residual = (double[])labels.Clone();
        _order = [.. Sequences.Range(0, _active)];
    }

    /// <summary>The multipliers a.</summary>
    public double[] Multipliers => _multipliers;

    /// <summary>Pairs that were optimised.</summary>
    public long Iterations { get; private set; }

    /// <summary>Threshold b of the decision function sum_t a_t y_t K(x_t, x) + b: the mean residual of the points strictly
    /// inside their box; without one, the middle of the interval that the bounded points leave.</summary>
    public double Bias { get; private set; }

    /// <summary>W(a) at the solution.</summary>
    public double DualObjective { get; private set; }

    /// <summary>Runs to the solution.</summary>
    /// <param name="tolerance">eps of the stopping rule.</param>
    /// <param name="maxIterations">Bound on the number of pairs.</param>
    /// <returns>False if the bound was met first.</returns>
    public bool Solve(double tolerance, long maxIterations)
    {
        var untilShrink = Math.Min(_order.Length, ShrinkInterval) + 1;
        while (Iterations < maxIterations)
        {
            if (--untilShrink == 0)
            {
                untilShrink = Math.Min(_order.Length, ShrinkInterval);
                Shrink(tolerance);
            }

            if (!SelectPair(tolerance, out var i, out var j))
            {
                ActivateAll();
                if (!SelectPair(tolerance, out i, out j))
                {
                    Finish();
                    return true;
                }

                untilShrink = 1;
            }

            Step(i, j);
            Iterations++;
        }

        ActivateAll();
        Finish();
        return false;
    }

    private bool IsUp(int t) => _labels[t] > 0 ? _multipliers[t] < _cost : _multipliers[t] > 0;

    private bool IsLow(int t) => _labels[t] > 0 ? _multipliers[t] > 0 : _multipliers[t] < _cost;

    /// <summary>i: the up point with the largest F. j: the low point whose pair with i lowers W most when the box is ignored,
    /// by (F_i - F_j)^2 / (K_ii + K_jj - 2 K_ij), with K_ii = 1.</summary>
    /// <returns>False at the solution.</returns>
    private bool SelectPair(double tolerance, out int i, out int j)
    {
        (i, j) = (-1, -1);
        double high = double.NegativeInfinity,
            low = double.PositiveInfinity,
            best = double.NegativeInfinity;
        for (var k = 0; k < _active; k++)
        {
            var t = _order[k];
            if (_residual[t] >= high && IsUp(t))
                (i, high) = (t, _residual[t]);
        }

        if (i < 0)
            return false;
        var row = _rows[i];
        for (var k = 0; k < _active; k++)
        {
            var t = _order[k];
            if (!IsLow(t))
                continue;
            var violation = high - _residual[t];
            low = Math.Min(low, _residual[t]);
            if (!(violation > 0))
                continue;
            var gain = violation * violation / Math.Max(2 - (2.0 * row[t]), MinimalCurvature);
            if (gain >= best)
                (j, best) = (t, gain);
        }

        return j >= 0 && high - low >= tolerance;
    }

    /// <summary>Moves the pair to the minimum along its line, or to where the box ends.</summary>
    private void Step(int i, int j)
    {
        var (rowI, rowJ) = (_rows[i], _rows[j]);
        var (beforeI, beforeJ) = (_multipliers[i], _multipliers[j]);
        var move = _labels[i] * (_residual[i] - _residual[j]) / Math.Max(2 - (2.0 * rowI[j]), MinimalCurvature);
        var (afterI, afterJ) =
            _labels[i] != _labels[j]
                ? ClipDifference(beforeI + move, beforeJ + move, beforeI - beforeJ)
                : ClipSum(beforeI + move, beforeJ - move, beforeI + beforeJ);
        (_multipliers[i], _multipliers[j]) = (afterI, afterJ);
        var (changeI, changeJ) = (_labels[i] * (afterI - beforeI), _labels[j] * (afterJ - beforeJ));
        for (var k = 0; k < _active; k++)
        {
            var t = _order[k];
            _residual[t] -= (rowI[t] * changeI) + (rowJ[t] * changeJ);
        }

        UpdateBounded(i, beforeI, rowI);
        UpdateBounded(j, beforeJ, rowJ);
    }

    /// <summary>Puts a pair with different labels back into the box, with its difference kept.</summary>
    private (double I, double J) ClipDifference(double i, double j, double difference)
    {
        if (difference > 0)
        {
            if (j < 0)
                (i, j) = (difference, 0);
            return i > _cost ? (_cost, _cost - difference) : (i, j);
        }

        if (i < 0)
            (i, j) = (0, -difference);
        return j > _cost ? (_cost + difference, _cost) : (i, j);
    }

    /// <summary>Puts a pair with equal labels back into the box, with its sum kept.</summary>
    private (double I, double J) ClipSum(double i, double j, double sum)
    {
        if (sum > _cost)
        {
            if (i > _cost)
                (i, j) = (_cost, sum - _cost);
            return j > _cost ? (sum - _cost, _cost) : (i, j);
        }

        if (j < 0)
            (i, j) = (sum, 0);
        return i < 0 ? (0, sum) : (i, j);
    }

    private void UpdateBounded(int i, double before, float[] row)
    {
        var (was, now) = (before >= _cost, _multipliers[i] >= _cost);
        if (was == now)
            return;
        var weight = now ? _cost * _labels[i] : -_cost * _labels[i];
        for (var t = 0; t < row.Length; t++)
            _bounded[t] += weight * row[t];
    }

    /// <summary>Takes points out of the active list that are bounded and whose residual says that they will stay so.</summary>
    private void Shrink(double tolerance)
    {
        double high = double.NegativeInfinity,
            low = double.PositiveInfinity;
        for (var k = 0; k < _active; k++)
        {
            var t = _order[k];
            if (IsUp(t))
                high = Math.Max(high, _residual[t]);
            if (IsLow(t))
                low = Math.Min(low, _residual[t]);
        }

        // Once near the solution everything is looked at again: what was shrunk by a coarse estimate may matter.
        if (!_unshrunk && high - low <= 10 * tolerance)
        {
            _unshrunk = true;
            ActivateAll();
        }

        bool Stays(int t) => (_residual[t] > high && !IsUp(t)) || (_residual[t] < low && !IsLow(t));
        for (var k = 0; k < _active; k++)
        {
            if (!Stays(_order[k]))
                continue;
            for (_active--; _active > k; _active--)
            {
                if (Stays(_order[_active]))
                    continue;
                (_order[k], _order[_active]) = (_order[_active], _order[k]);
                break;
            }
        }
    }

    /// <summary>Makes every point active; the residuals of those that were not are computed anew.</summary>
    private void ActivateAll()
    {
        if (_active == _order.Length)
            return;
        var inactive = _order.AsSpan(_active);
        foreach (var t in inactive)
            _residual[t] = _labels[t] - _bounded[t];
        foreach (var s in _order.AsSpan(0, _active))
        {
            if (_multipliers[s] <= 0 || _multipliers[s] >= _cost)
                continue;
            var (row, weight) = (_rows[s], _labels[s] * _multipliers[s]);
            foreach (var t in inactive)
                _residual[t] -= weight * row[t];
        }

        _active = _order.Length;
    }

    private void Finish()
    {
        var (sum, free, objective) = (0.0, 0, 0.0);
        double high = double.NegativeInfinity,
            low = double.PositiveInfinity;
        foreach (var t in _order)
        {
            objective += 0.5 * _multipliers[t] * ((-_labels[t] * _residual[t]) - 1);
            if (IsUp(t) && IsLow(t))
                (sum, free) = (sum + _residual[t], free + 1);
            else if (IsUp(t))
                high = Math.Max(high, _residual[t]);
            else
                low = Math.Min(low, _residual[t]);
        }

        DualObjective = objective;
        Bias = free > 0 ? sum / free : (high + low) / 2;
    }
}

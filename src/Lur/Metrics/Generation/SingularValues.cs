namespace Lur.Metrics.Generation;

/// <summary>Sum of the singular values of a matrix.</summary>
internal static class SingularValues
{
    private const int PanelRows = 16,
        PanelColumns = 64;

    /// <summary>The nuclear norm, by bidiagonalisation (Golub and Kahan, SIAM J. Numer. Anal. 2, 1965): right to the rounding of the
    /// largest singular value.</summary>
    /// <param name="a">The matrix, row-major; overwritten.</param>
    /// <param name="rows">Rows, at least <paramref name="columns"/>.</param>
    /// <param name="columns">Columns.</param>
    public static double Sum(double[] a, int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, columns);
        // The singular values of a bidiagonal matrix with diagonal d and e above it, and their negatives, are the eigenvalues of the
        // symmetric tridiagonal one with 0 on the diagonal and d_0, e_0, d_1, e_1, ... beside it.
        var form = new Tridiagonal(new double[2 * columns], new double[2 * columns]);
        var right = new double[columns];
        for (var k = 0; k < columns; k++)
        {
            var column = new double[rows - k];
            for (var i = k; i < rows; i++)
                column[i - k] = a[(i * columns) + k];
            var (d, t) = Rows.Reflect(column);
            form.Beside[2 * k] = d;
            var rest = columns - k - 1;
            if (rest == 0)
                break;
            var u = LeftProduct(a, columns, k, column, t);
            var top = a.AsSpan((k * columns) + k + 1, rest);
            if (t != 0)
                Rows.AddScaled(top, -column[0], u);
            var (e, s) = Rows.Reflect(top);
            form.Beside[(2 * k) + 1] = e;
            top.CopyTo(right);
            Reflect(a, rows, columns, k, column, u, right, t, s);
        }

        form.Diagonalise(null);
        double sum = 0;
        foreach (var value in form.Diagonal)
            sum += Math.Abs(value);
        return sum / 2;
    }

    // u = t v^T A over the columns right of k.
    private static double[] LeftProduct(double[] a, int columns, int k, double[] v, double t)
    {
        var u = new double[columns - k - 1];
        if (t == 0)
            return u;
        Rows.ForParts(
            0,
            u.Length,
            PanelColumns,
            (long)v.Length * u.Length,
            (begin, end) =>
            {
                for (var i = 0; i < v.Length; i++)
                    Rows.AddScaled(u.AsSpan(begin, end - begin), t * v[i], a.AsSpan(((k + i) * columns) + k + 1 + begin, end - begin));
            }
        );
        return u;
    }

    // Rows below k: row -= v_i u, then the reflection from the right, row -= s (row w) w.
    private static void Reflect(double[] a, int rows, int columns, int k, double[] v, double[] u, double[] w, double t, double s)
    {
        var rest = u.Length;
        Rows.ForParts(
            k + 1,
            rows,
            PanelRows,
            3L * (rows - k - 1) * rest,
            (begin, end) =>
            {
                for (var i = begin; i < end; i++)
                {
                    var row = a.AsSpan((i * columns) + k + 1, rest);
                    if (t != 0)
                        Rows.AddScaled(row, -v[i - k], u);
                    if (s != 0)
                        Rows.AddScaled(row, -s * Rows.Dot(row, w.AsSpan(0, rest)), w.AsSpan(0, rest));
                }
            }
        );
    }
}

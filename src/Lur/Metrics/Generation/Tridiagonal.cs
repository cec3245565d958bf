namespace Lur.Metrics.Generation;

/// <summary>A symmetric tridiagonal matrix, and how a full one is brought to that form.</summary>
/// <param name="Diagonal">n numbers.</param>
/// <param name="Beside">n numbers: element i stands between i and i + 1; the last is 0.</param>
internal sealed record Tridiagonal(double[] Diagonal, double[] Beside)
{
    private const int MaxSweeps = 60;
    private const int RotationsKept = 1 << 18;
    private const int PanelColumns = 32,
        PanelRows = 16;

    /// <summary>Q^T A Q by Householder's reflections (Golub and Van Loan, Matrix Computations, 8.3.1).</summary>
    /// <param name="a">A, n x n, both triangles. Overwritten: row k holds the vector of reflection k from column k + 1 on.</param>
    /// <param name="n">Rows.</param>
    /// <returns>The matrix, and the factor t of each reflection I - t v v^T.</returns>
    public static (Tridiagonal Matrix, double[] Factors) Reduce(double[] a, int n)
    {
        var matrix = new Tridiagonal(new double[n], new double[n]);
        double[] factors = new double[n],
            v = new double[n],
            w = new double[n],
            nextV = new double[n],
            p = new double[n];
        for (var k = 0; k < n; k++)
        {
            // The update A -= v w^T + w v^T of the last reflection has not been made yet: it is made in the same pass over A that
            // multiplies A with the next vector. A pass costs its memory traffic, not its arithmetic.
            var row = a.AsSpan(k * n, n);
            Update(row[k..], v, w, k, k);
            matrix.Diagonal[k] = row[k];
            if (k + 1 >= n)
                break;
            var (r, t) = k + 2 < n ? Rows.Reflect(row[(k + 1)..]) : (row[k + 1], 0);
            (matrix.Beside[k], factors[k]) = (r, t);
            if (k + 2 >= n)
                continue;
            Array.Clear(nextV);
            if (t != 0)
                row[(k + 1)..].CopyTo(nextV.AsSpan(k + 1));
            var first = k + 1;
            Rows.ForParts(
                first,
                n,
                PanelRows,
                3L * (n - first) * (n - first),
                (begin, end) =>
                {
                    for (var i = begin; i < end; i++)
                    {
                        var current = a.AsSpan((i * n) + first, n - first);
                        Update(current, v, w, i, first);
                        p[i] = t * Rows.Dot(current, nextV.AsSpan(first));
                    }
                }
            );
            var x = nextV.AsSpan(first);
            var y = p.AsSpan(first);
            Rows.AddScaled(y, -t / 2 * Rows.Dot(y, x), x);
            nextV.CopyTo(v, 0);
            y.CopyTo(w.AsSpan(first));
        }

        return (matrix, factors);
    }

    private static void Update(Span<double> row, double[] v, double[] w, int i, int first)
    {
        if (v[i] != 0)
            Rows.AddScaled(row, -v[i], w.AsSpan(first));
        if (w[i] != 0)
            Rows.AddScaled(row, -w[i], v.AsSpan(first));
    }

    /// <summary>Q^T of <see cref="Reduce"/>, n x n.</summary>
    public static double[] TransposedBasis(double[] reflections, double[] factors, int n)
    {
        var basis = new double[n * n];
        for (var i = 0; i < n; i++)
            basis[(i * n) + i] = 1;
        Rows.ForParts(
            0,
            n,
            PanelRows,
            2L * n * n * n,
            (begin, end) =>
            {
                // Row i is e_i^T H_(n-3) .. H_0; those from H_i on leave e_i as it is.
                for (var k = Math.Min(n - 3, end - 2); k >= 0; k--)
                {
                    if (factors[k] == 0)
                        continue;
                    var v = reflections.AsSpan((k * n) + k + 1, n - k - 1);
                    for (var i = Math.Max(begin, k + 1); i < end; i++)
                    {
                        var row = basis.AsSpan((i * n) + k + 1, n - k - 1);
                        Rows.AddScaled(row, -factors[k] * Rows.Dot(row, v), v);
                    }
                }
            }
        );
        return basis;
    }

    /// <summary>Turns <see cref="Diagonal"/> into the eigenvalues, unordered, by the implicit QL method (Bowdler, Martin, Reinsch and
    /// Wilkinson, Numerische Mathematik 11, 1968; Dubrulle, Martin and Wilkinson 1968).</summary>
    /// <param name="rows">A matrix of n rows, multiplied from the left by the transposed eigenvectors; null for values alone.</param>
    /// <exception cref="InvalidOperationException">A number is not finite, so that nothing converges.</exception>
    /// <remarks>An element beside the diagonal counts as 0 when it is below the rounding of the largest: values are right to
    /// that, absolutely, also where the diagonal is 0, as in <see cref="SingularValues"/>.</remarks>
    public void Diagonalise(double[]? rows)
    {
        var (d, e, n) = (Diagonal, Beside, Diagonal.Length);
        double largest = 0;
        for (var i = 0; i < n; i++)
            largest = Math.Max(largest, Math.Abs(d[i]) + Math.Abs(e[i]));
        var negligible = largest * 1.1102230246251565e-16; // 2^-53
        var rotations = rows is null ? null : new List<Rotation>(RotationsKept);
        for (var l = 0; l < n; l++)
        {
            for (var sweep = 0; ; sweep++)
            {
                var m = l;
                while (m + 1 < n && !(Math.Abs(e[m]) <= negligible))
                    m++;
                if (m == l)
                    break;
                if (sweep == MaxSweeps)
                    throw new InvalidOperationException("The eigenvalues of a matrix do not converge; a number is not finite.");
                Sweep(l, m, rotations);
                if (rotations?.Count >= RotationsKept - n)
                    Apply(rotations, rows!, n);
            }
        }

        if (rotations is not null)
            Apply(rotations, rows!, n);
    }

    // One QL step on rows l .. m with the shift of Wilkinson: the eigenvalue of the leading 2 x 2 block nearer to d_l.
    private void Sweep(int l, int m, List<Rotation>? rotations)
    {
        var (d, e) = (Diagonal, Beside);
        var ratio = (d[l + 1] - d[l]) / (2 * e[l]);
        var shift = d[l] - (e[l] / (ratio + Math.CopySign(Hypotenuse(ratio, 1), ratio)));
        var (g, s, c, p) = (d[m] - shift, 1.0, 1.0, 0.0);
        for (var i = m - 1; i >= l; i--)
        {
            var (f, b) = (s * e[i], c * e[i]);
            var r = Hypotenuse(f, g);
            e[i + 1] = r;
            if (r == 0)
            {
                // The matrix has come apart here: the rest is a step of its own.
                d[i + 1] -= p;
                e[m] = 0;
                return;
            }

            (s, c) = (f / r, g / r);
            g = d[i + 1] - p;
            r = ((d[i] - g) * s) + (2 * c * b);
            p = s * r;
            d[i + 1] = g + p;
            g = (c * r) - b;
            rotations?.Add(new Rotation(i, c, s));
        }

        d[l] -= p;
        e[l] = g;
        e[m] = 0;
    }

    // A sweep touches every row: kept rotations go over a panel of columns that stays in the cache.
    private static void Apply(List<Rotation> rotations, double[] rows, int n)
    {
        var columns = rows.Length / n;
        Rows.ForParts(
            0,
            columns,
            PanelColumns,
            4L * rotations.Count * columns,
            (begin, end) =>
            {
                var width = end - begin;
                var panel = new double[n * width];
                for (var i = 0; i < n; i++)
                    rows.AsSpan((i * columns) + begin, width).CopyTo(panel.AsSpan(i * width));
                foreach (var r in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(rotations))
                    Rows.Rotate(panel.AsSpan(r.Row * width, width), panel.AsSpan((r.Row + 1) * width, width), r.C, r.S);
                for (var i = 0; i < n; i++)
                    panel.AsSpan(i * width, width).CopyTo(rows.AsSpan((i * columns) + begin));
            }
        );
        rotations.Clear();
    }

    private static double Hypotenuse(double x, double y) => double.Hypot(x, y);

    private readonly record struct Rotation(int Row, double C, double S);
}

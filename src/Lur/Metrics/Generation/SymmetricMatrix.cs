namespace Lur.Metrics.Generation;

/// <summary>Eigenvalues and eigenvectors of a symmetric matrix: A = sum over i of l_i v_i v_i^T.</summary>
/// <param name="Values">l, ascending.</param>
/// <param name="Vectors">Row i is v_i, of length 1.</param>
public sealed record SymmetricEigen(double[] Values, double[] Vectors);

/// <summary>Symmetric matrices as row-major arrays of n x n doubles.</summary>
public static class SymmetricMatrix
{
    /// <summary>A covariance that was kept in float32 has eigenvalues this far below 0, relative to the largest; what lies lower is
    /// no rounding.</summary>
    private const double LargestNegative = 1e-4;

    /// <summary>Bits of a double behind the point: the distance from 1 to the next double.</summary>
    private const double Epsilon = 2.220446049250313e-16;

    /// <summary>All eigenvalues and eigenvectors: Householder's tridiagonal form, then the implicit QL method.</summary>
    /// <param name="matrix">n x n; its symmetric part is taken.</param>
    /// <param name="n">Rows, at least 1.</param>
    /// <exception cref="ArgumentException">The length is not n x n, or a number is not finite.</exception>
    public static SymmetricEigen Eigen(ReadOnlySpan<double> matrix, int n)
    {
        Check(matrix, n, nameof(matrix));
        var largest = Largest(matrix);
        // To at most 1, so that no square overflows; below 1e-150 of the largest, squares vanish and so do the numbers.
        var a = new double[n * n];
        for (var i = 0; largest > 0 && i < n; i++)
        for (var j = 0; j < n; j++)
            a[(i * n) + j] = (0.5 * matrix[(i * n) + j] / largest) + (0.5 * matrix[(j * n) + i] / largest);
        var (form, factors) = Tridiagonal.Reduce(a, n);
        var vectors = Tridiagonal.TransposedBasis(a, factors, n);
        form.Diagonalise(vectors);
        var order = new int[n];
        for (var i = 0; i < n; i++)
            order[i] = i;
        var values = form.Diagonal;
        Array.Sort(values, order);
        var sorted = new double[n * n];
        for (var i = 0; i < n; i++)
            vectors.AsSpan(order[i] * n, n).CopyTo(sorted.AsSpan(i * n));
        for (var i = 0; i < n; i++)
            values[i] *= largest;
        return new SymmetricEigen(values, sorted);
    }

    /// <summary>The symmetric positive semidefinite R with R R = A.</summary>
    /// <param name="matrix">A, n x n, positive semidefinite to rounding: eigenvalues a little below 0 count as 0.</param>
    /// <param name="n">Rows, at least 1.</param>
    /// <exception cref="ArgumentException">The length is not n x n, or a number is not finite.</exception>
    /// <exception cref="UserErrorException">An eigenvalue lies below 0 by more than rounding.</exception>
    public static double[] SquareRoot(ReadOnlySpan<double> matrix, int n)
    {
        // R = W W^T, column k of W being l_k^(1/4) v_k.
        var (rows, rank) = Factor(matrix, n, 0.25);
        var columns = new double[n * Math.Max(rank, 1)];
        for (var k = 0; k < rank; k++)
        for (var i = 0; i < n; i++)
            columns[(i * rank) + k] = rows[(k * n) + i];
        return rank == 0 ? new double[n * n] : Products(columns, columns, rank);
    }

    /// <summary>tr (A B)^(1/2) = tr (A^(1/2) B A^(1/2))^(1/2), for positive semidefinite A and B, which may be singular.</summary>
    /// <param name="a">A, n x n.</param>
    /// <param name="b">B, n x n.</param>
    /// <param name="n">Rows, at least 1.</param>
    /// <exception cref="ArgumentException">A length is not n x n, or a number is not finite.</exception>
    /// <exception cref="UserErrorException">An eigenvalue lies below 0 by more than rounding.</exception>
    /// <remarks>With A = F F^T and B = G G^T it is the sum of the singular values of F^T G. The eigenvalues of A^(1/2) B A^(1/2)
    /// are their squares, and the root of a rounded 0 is 1e-8: that way tr (A A)^(1/2) was 7e-9 off tr A at rank 6 of 12, and
    /// 2e-9 at full rank with variances over ten orders; this way it is 7e-16.</remarks>
    public static double TraceOfRoot(ReadOnlySpan<double> a, ReadOnlySpan<double> b, int n)
    {
        var (f, p) = Factor(a, n, 0.5);
        var (g, q) = Factor(b, n, 0.5);
        if (p == 0 || q == 0)
            return 0;
        return p >= q ? SingularValues.Sum(Products(f, g, n), p, q) : SingularValues.Sum(Products(g, f, n), q, p);
    }

    /// <summary>X Y^T.</summary>
    /// <param name="x">p rows of <paramref name="dimension"/> numbers.</param>
    /// <param name="y">q rows.</param>
    /// <param name="dimension">Numbers a row.</param>
    /// <returns>p x q.</returns>
    internal static double[] Products(double[] x, double[] y, int dimension)
    {
        var (rows, columns) = (x.Length / dimension, y.Length / dimension);
        var result = new double[rows * columns];
        Rows.ForParts(
            0,
            rows,
            PairSums<ProductTerm>.BlockRows,
            (long)rows * y.Length,
            (begin, end) =>
                PairSums<ProductTerm>.Fill(
                    x.AsSpan(begin * dimension, (end - begin) * dimension),
                    y,
                    dimension,
                    result.AsSpan(begin * columns)
                )
        );
        return result;
    }

    /// <summary>Rows l_k^power v_k of the eigenvalues above rounding.</summary>
    private static (double[] Rows, int Rank) Factor(ReadOnlySpan<double> matrix, int n, double power)
    {
        var (values, vectors) = Eigen(matrix, n);
        var (lowest, highest) = (values[0], values[^1]);
        if (lowest < -LargestNegative * Math.Max(highest, 0))
            throw new UserErrorException(
                $"A matrix is no covariance: it has the eigenvalue {lowest:G6} beside the largest of {highest:G6}; "
                    + "compute the statistics anew from features."
            );
        // As the numerical rank is defined. Smaller ones are what rounding left of 0, and the square root would lift them to 1e-8:
        // kept, they moved the trace of two singular covariances by 4e-9.
        var first = Array.FindIndex(values, v => v > n * Epsilon * highest);
        if (first < 0)
            return ([], 0);
        var rows = vectors[(first * n)..];
        for (var k = first; k < n; k++)
        {
            var scale = Math.Pow(values[k], power);
            foreach (ref var v in rows.AsSpan((k - first) * n, n))
                v *= scale;
        }

        return (rows, n - first);
    }

    private static double Largest(ReadOnlySpan<double> matrix)
    {
        double largest = 0;
        foreach (var v in matrix)
            largest = Math.Max(largest, Math.Abs(v));
        return largest;
    }

    private static void Check(ReadOnlySpan<double> matrix, int n, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        if (matrix.Length != (long)n * n)
            throw new ArgumentException($"A matrix of {n} rows has {(long)n * n} numbers, not {matrix.Length}.", name);
        foreach (var v in matrix)
            if (!double.IsFinite(v))
                throw new ArgumentException("A number of the matrix is not finite.", name);
    }
}

using System.Numerics;

namespace Lur.Metrics;

/// <summary>Radial basis function kernel K(x, z) = exp(-gamma |x - z|^2) between one point and a fixed list of points.</summary>
internal sealed class RbfKernel
{
    // One array a dimension, padded with copies of the last point to whole vectors: every element goes through the same
    // vector exponential, so that K(x, z) does not depend on where z lies in the list.
    private readonly double[][] _columns;
    private readonly double _gamma;

    /// <summary>Arranges the points.</summary>
    /// <param name="points">Rows of <paramref name="dimension"/> numbers.</param>
    /// <param name="dimension">Numbers a point.</param>
    /// <param name="gamma">Width parameter.</param>
    public RbfKernel(ReadOnlySpan<double> points, int dimension, double gamma)
    {
        _gamma = gamma;
        Count = points.Length / dimension;
        PaddedCount = (Count + Vector<double>.Count - 1) / Vector<double>.Count * Vector<double>.Count;
        _columns = new double[dimension][];
        for (var d = 0; d < dimension; d++)
        {
            var column = _columns[d] = new double[PaddedCount];
            for (var i = 0; i < PaddedCount; i++) column[i] = points[(Math.Min(i, Count - 1) * dimension) + d];
        }
    }

    /// <summary>Number of points.</summary>
    public int Count { get; }

    /// <summary>Length of a row: <see cref="Count"/> rounded up to whole vectors.</summary>
    public int PaddedCount { get; }

    /// <summary>The kernel between point <paramref name="i"/> of the list and every point.</summary>
    public void Row(int i, double[] target)
    {
        Span<double> point = _columns.Length <= 128 ? stackalloc double[_columns.Length] : new double[_columns.Length];
        for (var d = 0; d < point.Length; d++) point[d] = _columns[d][i];
        Row(point, target);
    }

    /// <summary>The kernel between a point and every point of the list.</summary>
    /// <param name="point">The point.</param>
    /// <param name="target">Result, <see cref="PaddedCount"/> numbers.</param>
    public void Row(ReadOnlySpan<double> point, double[] target)
    {
        for (var k = 0; k < PaddedCount; k += Vector<double>.Count)
        {
            var distance = Vector<double>.Zero;
            for (var d = 0; d < point.Length; d++)
            {
                var difference = new Vector<double>(_columns[d], k) - new Vector<double>(point[d]);
                distance += difference * difference;
            }

            Vector.Exp(-_gamma * distance).CopyTo(target, k);
        }
    }
}

/// <summary>Rows of the kernel matrix, computed on demand; the least recently used row makes room for a new one.</summary>
internal sealed class KernelRowCache
{
    private readonly RbfKernel _kernel;
    private readonly int _capacity;
    private readonly LinkedList<int> _recent = new();
    private readonly Dictionary<int, (double[] Row, LinkedListNode<int> Node)> _rows = [];

    /// <summary>Creates an empty cache.</summary>
    /// <param name="kernel">Where rows come from.</param>
    /// <param name="bytes">Memory bound; two rows are kept in any case.</param>
    public KernelRowCache(RbfKernel kernel, long bytes)
    {
        _kernel = kernel;
        _capacity = (int)Math.Clamp(bytes / Math.Max(1, kernel.PaddedCount * (long)sizeof(double)), 2, int.MaxValue);
    }

    /// <summary>Row <paramref name="i"/>, valid until the second next call.</summary>
    public double[] this[int i]
    {
        get
        {
            if (_rows.TryGetValue(i, out var known))
            {
                _recent.Remove(known.Node);
                _recent.AddLast(known.Node);
                return known.Row;
            }

            double[] row;
            if (_rows.Count < _capacity)
            {
                row = new double[_kernel.PaddedCount];
            }
            else
            {
                _rows.Remove(_recent.First!.Value, out var oldest);
                _recent.RemoveFirst();
                row = oldest.Row;
            }

            _kernel.Row(i, row);
            _rows.Add(i, (row, _recent.AddLast(i)));
            return row;
        }
    }
}

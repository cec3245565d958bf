namespace Lur.Metrics;

/// <summary>Radial basis function kernel K(x, z) = exp(-gamma |x - z|^2) over a fixed list of points.</summary>
internal sealed class RbfKernel
{
    private readonly double[] _points,
        _squares;
    private readonly int _dimension;
    private readonly double _gamma;

    /// <summary>Takes the points.</summary>
    /// <param name="points">Rows of <paramref name="dimension"/> numbers.</param>
    /// <param name="dimension">Numbers a point.</param>
    /// <param name="gamma">Width parameter.</param>
    public RbfKernel(double[] points, int dimension, double gamma)
    {
        (_points, _dimension, _gamma) = (points, dimension, gamma);
        _squares = new double[points.Length / dimension];
        for (var i = 0; i < _squares.Length; i++)
            _squares[i] = Product(i, i);
    }

    /// <summary>Number of points.</summary>
    public int Count => _squares.Length;

    /// <summary>The kernel between point <paramref name="i"/> and every point, from |x|^2 + |z|^2 - 2 x z in double and then
    /// rounded to float: what libsvm sees while it trains.</summary>
    /// <param name="i">Row.</param>
    /// <param name="target">Result, <see cref="Count"/> numbers.</param>
    public void Row(int i, float[] target)
    {
        for (var j = 0; j < target.Length; j++)
            target[j] = (float)Math.Exp(-_gamma * (_squares[i] + _squares[j] - (2 * Product(i, j))));
    }

    /// <summary>The kernel between a point and point <paramref name="i"/> of the list, from the difference, in double: what
    /// libsvm sees when it predicts.</summary>
    public double Between(ReadOnlySpan<double> point, int i)
    {
        double distance = 0;
        for (var d = 0; d < _dimension; d++)
        {
            var difference = point[d] - _points[(i * _dimension) + d];
            distance += difference * difference;
        }

        return Math.Exp(-_gamma * distance);
    }

    private double Product(int i, int j)
    {
        double sum = 0;
        for (var d = 0; d < _dimension; d++)
            sum += _points[(i * _dimension) + d] * _points[(j * _dimension) + d];
        return sum;
    }
}

/// <summary>Rows of the kernel matrix, computed on demand; the least recently used row makes room for a new one.</summary>
internal sealed class KernelRowCache
{
    private readonly RbfKernel _kernel;
    private readonly int _capacity;
    private readonly LinkedList<int> _recent = new();
    private readonly Dictionary<int, (float[] Row, LinkedListNode<int> Node)> _rows = [];

    /// <summary>Creates an empty cache.</summary>
    /// <param name="kernel">Where rows come from.</param>
    /// <param name="bytes">Memory bound; two rows are kept in any case.</param>
    public KernelRowCache(RbfKernel kernel, long bytes)
    {
        _kernel = kernel;
        _capacity = (int)Math.Clamp(bytes / Math.Max(1, kernel.Count * (long)sizeof(float)), 2, int.MaxValue);
    }

    /// <summary>Row <paramref name="i"/>, valid until the second next call.</summary>
    public float[] this[int i]
    {
        get
        {
            if (_rows.TryGetValue(i, out var known))
            {
                _recent.Remove(known.Node);
                _recent.AddLast(known.Node);
                return known.Row;
            }

            float[] row;
            if (_rows.Count < _capacity)
            {
                row = new float[_kernel.Count];
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

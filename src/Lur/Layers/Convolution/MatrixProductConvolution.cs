using Lur.Device;

namespace Lur.Layers;

/// <summary>
/// im2col and matrix product, in chunks of rows whose patch matrix stays in the cache (kernels/operators/im2col.cu). A pointwise
/// convolution multiplies the tensors in place.
/// </summary>
internal sealed class MatrixProductConvolution : ConvolutionImplementation
{
    private readonly Im2colLaunches _kernels;
    private readonly int _rows,
        _patch,
        _chunkRows,
        _chunkImages;
    private readonly bool _pairs;

    public MatrixProductConvolution(LaunchSet launch, ConvolutionShape shape)
        : base(launch, shape)
    {
        _kernels = launch.Im2col;
        _rows = shape.N * shape.OutH * shape.OutW;
        _patch = shape.R * shape.S * shape.C;
        if (shape.IsPointwise)
            return;
        var budget = ChunkBytes(launch.Device.Properties) / ElementSize;
        _chunkRows = (int)Math.Clamp(budget / _patch, Math.Min(_rows, 256), _rows);
        // The adjoint gathers for each input pixel and so needs whole images.
        var imageRows = shape.OutH * shape.OutW;
        _chunkImages = Math.Clamp(_chunkRows / imageRows, 1, shape.N);
        WorkspaceBytes = (long)Math.Max(_chunkRows, _chunkImages * imageRows) * _patch * ElementSize;
        // Both patch matrices of a tangent by one launch, where each is whole; on the CPU two in turn stay in the cache.
        _pairs = launch.Device.Properties.HasThreads && _chunkRows == _rows && 2L * _rows * _patch <= int.MaxValue;
    }

    public override long PairWorkspaceBytes => _pairs ? 2 * WorkspaceBytes : WorkspaceBytes;

    // On the CPU: large enough that the product runs at full speed, small enough for the last-level cache. On a GPU every chunk is two
    // more nodes of the step's graph, and its cache is small beside its memory: there 1/256 of the memory, which is the whole batch of
    // any layer of ResNet-18 at batch 128 from 75 GB on (288 MiB), and at the least what a cache would give.
    private static long ChunkBytes(DeviceProperties device)
    {
        var cached = Math.Clamp(device.L2CacheBytes / 2, 2 << 20, 32 << 20);
        return device.HasThreads ? Math.Max(cached, device.TotalMemory / 256) : cached;
    }

    public override void Forward(Operand<Real> y, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace)
    {
        if (_pairs && !two.IsNone)
        {
            var second = PairOfColumns(one.First, two.First, workspace);
            ForwardProduct(y, workspace, one.Second, _rows, accumulate);
            ForwardProduct(y, second, two.Second, _rows, true);
            return;
        }

        ForwardTerm(y, one, accumulate, workspace);
        if (!two.IsNone)
            ForwardTerm(y, two, true, workspace);
    }

    public override void InputGradient(Operand<Real> dx, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace)
    {
        var imageRows = Shape.OutH * Shape.OutW;
        if (Shape.IsPointwise)
        {
            PatchGradients(dx, one, 0, _rows, accumulate);
            if (!two.IsNone)
                PatchGradients(dx, two, 0, _rows, true);
            return;
        }
        for (var image = 0; image < Shape.N; image += _chunkImages)
        {
            var images = Math.Min(_chunkImages, Shape.N - image);
            PatchGradients(workspace, one, image * imageRows, images * imageRows, false);
            if (!two.IsNone)
                PatchGradients(workspace, two, image * imageRows, images * imageRows, true);
            _kernels.Col2im(
                Device.Rows((long)images * Shape.H * Shape.W, Shape.C),
                dx.Taking((long)images * Shape.H * Shape.W * Shape.C, ElementSize),
                workspace.Taking((long)images * imageRows * _patch, ElementSize),
                image,
                images,
                Shape.Geometry,
                accumulate ? 1 : 0
            );
        }
    }

    public override void FilterGradient(
        Operand<Real> dw,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace
    )
    {
        if (_pairs && !two.IsNone)
        {
            var second = PairOfColumns(one.First, two.First, workspace);
            FilterProduct(dw, workspace, one.Second, _rows, accumulate);
            FilterProduct(dw, second, two.Second, _rows, true);
            return;
        }

        FilterGradientTerm(dw, one, accumulate, workspace);
        if (!two.IsNone)
            FilterGradientTerm(dw, two, true, workspace);
    }

    private void ForwardTerm(Operand<Real> y, ConvolutionTerm term, bool accumulate, Operand<Real> workspace)
    {
        var step = Shape.IsPointwise ? _rows : _chunkRows;
        for (var first = 0; first < _rows; first += step)
        {
            var rows = Math.Min(step, _rows - first);
            var columns = Columns(term.First, first, rows, workspace);
            ForwardProduct(At(y, (long)first * Shape.K), columns, term.Second, rows, accumulate);
        }
    }

    private void FilterGradientTerm(Operand<Real> dw, ConvolutionTerm term, bool accumulate, Operand<Real> workspace)
    {
        var step = Shape.IsPointwise ? _rows : _chunkRows;
        for (var first = 0; first < _rows; first += step)
        {
            var rows = Math.Min(step, _rows - first);
            var columns = Columns(term.First, first, rows, workspace);
            FilterProduct(dw, columns, At(term.Second, (long)first * Shape.K), rows, accumulate || first > 0);
        }
    }

    // y[rows, K] = columns[rows, R S C] w[K, R S C]^T
    private void ForwardProduct(Operand<Real> y, Operand<Real> columns, Operand<Real> w, int rows, bool accumulate) =>
        Launch.Products.Run(false, true, rows, Shape.K, _patch, 1, columns, _patch, w, _patch, accumulate ? 1 : 0, y, Shape.K);

    // dw[K, R S C] = dy[rows, K]^T columns[rows, R S C], summed over the chunks in order
    private void FilterProduct(Operand<Real> dw, Operand<Real> columns, Operand<Real> dy, int rows, bool accumulate) =>
        Launch.Products.Run(true, false, Shape.K, _patch, rows, 1, dy, Shape.K, columns, _patch, accumulate ? 1 : 0, dw, _patch);

    // columns[rows, R S C] = dy[rows, K] w[K, R S C]
    private void PatchGradients(Operand<Real> columns, ConvolutionTerm term, int first, int rows, bool accumulate) =>
        Launch.Products.Run(
            false,
            false,
            rows,
            _patch,
            Shape.K,
            1,
            At(term.First, (long)first * Shape.K),
            Shape.K,
            term.Second,
            _patch,
            accumulate ? 1 : 0,
            columns,
            _patch
        );

    private Operand<Real> Columns(Operand<Real> x, int first, int rows, Operand<Real> workspace)
    {
        if (Shape.IsPointwise)
            return x;
        // The part of the images that has these rows of patches.
        var (columns, images) = (workspace.Taking((long)rows * _patch, ElementSize), Shape.InputLength * rows / _rows);
        _kernels.Im2col(Device.Rows(rows, Shape.S * Shape.C), columns, x.Taking(images, ElementSize), first, rows, Shape.Geometry);
        return workspace;
    }

    // Both in the workspace, the second behind the first; returns where it is.
    private Operand<Real> PairOfColumns(Operand<Real> one, Operand<Real> two, Operand<Real> workspace)
    {
        var (length, images) = ((long)_rows * _patch, Shape.InputLength);
        _kernels.Im2colPair(
            Device.Rows(2L * _rows, Shape.S * Shape.C),
            workspace.Taking(2 * length, ElementSize),
            one.Taking(images, ElementSize),
            two.Taking(images, ElementSize),
            _rows,
            Shape.Geometry
        );
        return At(workspace, length);
    }
}

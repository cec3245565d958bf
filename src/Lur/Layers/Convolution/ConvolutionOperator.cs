using Lur.Device;

namespace Lur.Layers;

/// <summary>Ways to compute a convolution. All give the same map up to rounding.</summary>
public enum ConvolutionAlgorithm
{
    /// <summary>Chosen from the geometry and the device's attributes, never by timing: results repeat bit for bit.</summary>
    Automatic,

    /// <summary>Patch matrix (im2col) and matrix product; a 1x1 convolution needs no copy.</summary>
    MatrixProduct,

    /// <summary>Register tiles over pixels and output channels, without a patch matrix.</summary>
    Direct,

    /// <summary>Winograd F(4x4, 3x3): a quarter of the multiplications. 3x3 filters with stride 1 only.</summary>
    Winograd,

    /// <summary>Tensor cores, without a patch matrix; where factors are rounded to TF32 or bf16, on devices with warps.</summary>
    TensorCores,
}

/// <summary>
/// The three bilinear maps of a convolution: y = F(x, w), its adjoint in x and its adjoint in w. Activations are NHWC,
/// filters KRSC. With them the tangent passes are complete, by the product rule; the pair forms compute two of their terms
/// in one pass. Calls record into the program of the launchers, or run at once.
/// </summary>
public sealed class ConvolutionOperator
{
    private readonly ConvolutionImplementation _forward,
        _inputGradient,
        _filterGradient;

    /// <summary>Prepares the maps for one geometry.</summary>
    /// <param name="launch">Launchers of a program, or of a device at once.</param>
    /// <param name="shape">The geometry.</param>
    /// <param name="algorithm">Forces one algorithm for all three maps; the default chooses for each.</param>
    /// <exception cref="ArgumentException">The geometry is invalid, or the forced algorithm does not support it.</exception>
    public ConvolutionOperator(LaunchSet launch, ConvolutionShape shape, ConvolutionAlgorithm algorithm = ConvolutionAlgorithm.Automatic)
    {
        ArgumentNullException.ThrowIfNull(launch);
        shape.Validate();
        if (algorithm == ConvolutionAlgorithm.Automatic)
            algorithm = Choose(launch, shape);
        if (algorithm == ConvolutionAlgorithm.TensorCores && !MayUseTensorCores(launch))
            throw new ArgumentException($"{shape}: tensor cores take TF32 or bf16, on a device with warps; use another algorithm.");
        if (algorithm == ConvolutionAlgorithm.Winograd && !WinogradConvolution.Supports(shape))
            throw new ArgumentException($"{shape}: Winograd needs a 3x3 filter and stride 1; use another algorithm.");
        Shape = shape;
        Algorithm = algorithm;
        _forward =
            _inputGradient =
            _filterGradient =
                algorithm switch
                {
                    ConvolutionAlgorithm.MatrixProduct => new MatrixProductConvolution(launch, shape),
                    ConvolutionAlgorithm.Direct => new DirectConvolution(launch, shape),
                    ConvolutionAlgorithm.Winograd => new WinogradConvolution(launch, shape),
                    ConvolutionAlgorithm.TensorCores => new TensorCoreConvolution(launch, shape),
                    _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "Unknown convolution algorithm."),
                };
        // What is no matrix product and no tensor core has to be told to round.
        if (
            launch.Products.Rounding != ProductPrecision.Float32
            && algorithm is (ConvolutionAlgorithm.Direct or ConvolutionAlgorithm.Winograd)
        )
            _forward = _inputGradient = _filterGradient = new RoundedConvolution(launch, shape, _forward);
        (WorkspaceBytes, PairWorkspaceBytes) = (_forward.WorkspaceBytes, _forward.PairWorkspaceBytes);
    }

    /// <summary>The geometry.</summary>
    public ConvolutionShape Shape { get; }

    /// <summary>The algorithm in use; never <see cref="ConvolutionAlgorithm.Automatic"/>.</summary>
    public ConvolutionAlgorithm Algorithm { get; }

    /// <summary>
    /// Bytes of scratch that every call needs, 256-byte aligned. Its content matters only during a call, so that all
    /// convolutions of a model may share one. May be 0.
    /// </summary>
    public long WorkspaceBytes { get; }

    /// <summary>The same for <see cref="ForwardPair"/> and <see cref="FilterGradientPair"/>, no less than
    /// <see cref="WorkspaceBytes"/>.</summary>
    public long PairWorkspaceBytes { get; }

    /// <summary>y (+)= F(x, w). x: N H W C, w: K R S C, y: N OutH OutW K.</summary>
    /// <param name="y">The output.</param>
    /// <param name="x">The input.</param>
    /// <param name="w">The filters.</param>
    /// <param name="accumulate">Adds to the output instead of writing it.</param>
    /// <param name="workspace">Scratch of <see cref="WorkspaceBytes"/> bytes.</param>
    public void Forward(Operand<Real> y, Operand<Real> x, Operand<Real> w, bool accumulate, Operand<Real> workspace) =>
        _forward.Forward(y, new(x, w), default, accumulate, workspace);

    /// <summary>y (+)= F(x1, w1) + F(x2, w2): the tangent of the forward pass when one factor of each is a tangent. Scratch of
    /// <see cref="PairWorkspaceBytes"/>.</summary>
    public void ForwardPair(
        Operand<Real> y,
        Operand<Real> x1,
        Operand<Real> w1,
        Operand<Real> x2,
        Operand<Real> w2,
        bool accumulate,
        Operand<Real> workspace
    ) => _forward.Forward(y, new(x1, w1), new(x2, w2), accumulate, workspace);

    /// <summary>dx (+)= the adjoint of F(., w) applied to dy. Shapes as in <see cref="Forward"/>.</summary>
    public void InputGradient(Operand<Real> dx, Operand<Real> dy, Operand<Real> w, bool accumulate, Operand<Real> workspace) =>
        _inputGradient.InputGradient(dx, new(dy, w), default, accumulate, workspace);

    /// <summary>The sum of two input gradients.</summary>
    public void InputGradientPair(
        Operand<Real> dx,
        Operand<Real> dy1,
        Operand<Real> w1,
        Operand<Real> dy2,
        Operand<Real> w2,
        bool accumulate,
        Operand<Real> workspace
    ) => _inputGradient.InputGradient(dx, new(dy1, w1), new(dy2, w2), accumulate, workspace);

    /// <summary>dw (+)= the adjoint of F(x, .) applied to dy. Shapes as in <see cref="Forward"/>.</summary>
    public void FilterGradient(Operand<Real> dw, Operand<Real> x, Operand<Real> dy, bool accumulate, Operand<Real> workspace) =>
        _filterGradient.FilterGradient(dw, new(x, dy), default, accumulate, workspace);

    /// <summary>The sum of two filter gradients. Scratch of <see cref="PairWorkspaceBytes"/>.</summary>
    public void FilterGradientPair(
        Operand<Real> dw,
        Operand<Real> x1,
        Operand<Real> dy1,
        Operand<Real> x2,
        Operand<Real> dy2,
        bool accumulate,
        Operand<Real> workspace
    ) => _filterGradient.FilterGradient(dw, new(x1, dy1), new(x2, dy2), accumulate, workspace);

    // One thread per block means that vectors, not threads, are the parallel lanes: tiles in registers then beat patch
    // matrices and a matrix product. With blocks of threads the vendor's matrix product wins. Milliseconds of y, dx, dw on two
    // AVX2 cores shared with other work, best of several runs (ConvolutionTimings prints all layers):
    //                                     Winograd         Direct           MatrixProduct
    //   32x32x32x64 -> 64, 3x3            11   11   17     35   44   54     56   92   57
    //   32x16x16x128 -> 128, 3x3          13   12   14     51   69   80     67   70   65
    //   32x4x4x512 -> 512, 3x3            8.4  8.5  7.0    46   45   41     45   41   32
    //   32x8x8x256 -> 512, 3x3 stride 2                    16   24   31     29   29   29
    //   64x32x32x16 -> 16, 3x3            2.7  2.6  2.7    2.1  4.6  5.3    16   30   22
    //   64x4x4x128 -> 128, 3x3            1.2  1.3  1.1    3.3  3.3  4.2    3.9  4.2  3.8
    //   64x32x32x3 -> 16, 3x3             1.3  2.7  3.0    0.4  2.8  2.3    3.6  5.8  2.8
    // Below 8 channels the transforms of Winograd cost more than they save; on images under 3 pixels a tile is mostly padding.
    private static ConvolutionAlgorithm Choose(LaunchSet launch, ConvolutionShape shape)
    {
        if (shape.IsPointwise)
            return ConvolutionAlgorithm.MatrixProduct;
        if (launch.Device.Properties.HasThreads)
            return MayUseTensorCores(launch) ? ConvolutionAlgorithm.TensorCores : ConvolutionAlgorithm.MatrixProduct;
        return WinogradConvolution.Supports(shape) && Math.Min(shape.C, shape.K) >= 8 && Math.Min(shape.OutH, shape.OutW) >= 3
            ? ConvolutionAlgorithm.Winograd
            : ConvolutionAlgorithm.Direct;
    }

    private static bool MayUseTensorCores(LaunchSet launch) =>
        launch.Products.Rounding != ProductPrecision.Float32 && launch.Device.Properties.WarpSize > 1;
}

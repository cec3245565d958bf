using Lur.Device;

namespace Lur.Layers;

/// <summary>
/// Tensor cores, kernels/gpu/convolution_mma.cu and filter_gradient_mma.cu: the operands are rounded to TF32 or bf16 into the workspace,
/// with whole granules of 16 bytes a pixel, and multiplied without a patch matrix.
/// </summary>
internal sealed class TensorCoreConvolution : ConvolutionImplementation
{
    private const int Threads = 128,
        LongSide = 128,
        ShortSide = 64,
        GranuleBytes = 16;

    // A GPU of 132 multiprocessors has room for about four blocks each; half of that is asked for, and a chunk has at least 8 steps, so
    // that filling the pipeline is a fifth of it. Constants: results do not depend on the device.
    private const int WantedBlocks = 264,
        LeastSteps = 8,
        MostChunks = 64;
    private const long MaxPartialElements = 1 << 24;

    private readonly bool _bf16;
    private readonly int _perGranule;
    private readonly ConvolutionSweep _forward;
    private readonly ConvolutionSweep[] _inputGradient;
    private readonly int _forwardChunks,
        _inputChunks,
        _filterChunks;

    public TensorCoreConvolution(LaunchSet launch, ConvolutionShape shape)
        : base(launch, shape)
    {
        _bf16 = launch.Products.Rounding == ProductPrecision.Bf16;
        _perGranule = _bf16 ? 8 : 4;
        (_forward, _inputGradient) = (ConvolutionSweep.Forward(shape), ConvolutionSweep.Residues(shape));
        var s = shape;
        var (x, dy, w) = (Packed((long)s.N * s.H * s.W, s.C), Packed((long)s.N * s.OutH * s.OutW, s.K), Packed((long)s.K * s.R * s.S, s.C));
        _forwardChunks = SweepChunks([_forward], s.C, s.K, s.OutputLength);
        _inputChunks = SweepChunks(_inputGradient, s.K, s.C, s.InputLength);
        _filterChunks = FilterChunks();
        var turned = _inputGradient.Max(sweep => Packed((long)s.C * sweep.Taps, s.K));
        WorkspaceBytes = Math.Max(
            (2 * (x + w)) + Partial(_forwardChunks, s.OutputLength),
            Math.Max((2 * (dy + turned)) + Partial(_inputChunks, s.InputLength), (2 * (x + dy)) + Partial(_filterChunks, s.FilterLength))
        );
    }

    public override void Forward(Operand<Real> y, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace)
    {
        var (s, room) = (Shape, new Room(workspace));
        Operand<uint> Image(Operand<Real> x) => Pack(ref room, x, (long)s.N * s.H * s.W, s.C);
        Operand<uint> Filter(Operand<Real> w) => Pack(ref room, w, (long)s.K * s.R * s.S, s.C);
        var (x1, w1) = (Image(one.First), Filter(one.Second));
        var (x2, w2) = two.IsNone ? default : (Image(two.First), Filter(two.Second));
        var geometry = _forward.Geometry with { N = s.N, H = s.H, W = s.W, C = s.C, K = s.K, OH = s.OutH, OW = s.OutW };
        var (to, chunks) = (_forwardChunks > 1 ? room.Take(Partial(_forwardChunks, s.OutputLength)) : y, _forwardChunks);
        Sweep(to, x1, w1, x2, w2, geometry, Terms(two), chunks, s.OutputLength, accumulate && chunks == 1);
        Add(y, to, s.OutputLength, chunks, accumulate);
    }

    public override void InputGradient(Operand<Real> dx, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace)
    {
        var (s, room, chunks) = (Shape, new Room(workspace), _inputChunks);
        Operand<uint> Image(Operand<Real> dy) => Pack(ref room, dy, (long)s.N * s.OutH * s.OutW, s.K);
        var dy1 = Image(one.First);
        var dy2 = two.IsNone ? default : Image(two.First);
        var to = chunks > 1 ? room.Take(Partial(chunks, s.InputLength)) : dx;
        foreach (var sweep in _inputGradient)
        {
            var left = room; // the filters of one sweep lie where those of the last were
            Operand<uint> Filter(Operand<Real> w) => Turn(ref left, w, sweep);
            var w1 = Filter(one.Second);
            var w2 = two.IsNone ? default : Filter(two.Second);
            var geometry = sweep.Geometry with { N = s.N, H = s.OutH, W = s.OutW, C = s.K, K = s.C, OH = s.H, OW = s.W };
            Sweep(to, dy1, w1, dy2, w2, geometry, Terms(two), chunks, s.InputLength, accumulate && chunks == 1);
        }
        Add(dx, to, s.InputLength, chunks, accumulate);
    }

    public override void FilterGradient(
        Operand<Real> dw,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace
    )
    {
        var (s, room, chunks) = (Shape, new Room(workspace), _filterChunks);
        Operand<uint> Image(Operand<Real> x) => Pack(ref room, x, (long)s.N * s.H * s.W, s.C);
        Operand<uint> Gradient(Operand<Real> dy) => Pack(ref room, dy, (long)s.N * s.OutH * s.OutW, s.K);
        var (x1, dy1) = (Image(one.First), Gradient(one.Second));
        var (x2, dy2) = two.IsNone ? default : (Image(two.First), Gradient(two.Second));
        var to = chunks > 1 ? room.Take(Partial(chunks, s.FilterLength)) : dw;
        var blocks = Blocks((long)FilterTiles() * chunks, Terms(two) * s.MultiplyAdds);
        var (terms, add, taken) = (Terms(two), accumulate && chunks == 1 ? 1 : 0, to.Taking(chunks * s.FilterLength, ElementSize));
        var kernels = Launch.FilterGradientMma;
        if (_bf16)
            kernels.FilterGradientMmaBf16(blocks, taken, x1, dy1, x2, dy2, s.Geometry, terms, chunks, s.FilterLength, add);
        else
            kernels.FilterGradientMmaTf32(blocks, taken, x1, dy1, x2, dy2, s.Geometry, terms, chunks, s.FilterLength, add);
        Add(dw, to, s.FilterLength, chunks, accumulate);
    }

    private void Sweep(
        Operand<Real> y,
        Operand<uint> x1,
        Operand<uint> w1,
        Operand<uint> x2,
        Operand<uint> w2,
        SweepGeometry g,
        int terms,
        int chunks,
        long stride,
        bool accumulate
    )
    {
        long pixels = (long)g.N * g.GH * g.GW,
            tiles = CeilDiv((int)pixels, LongSide) * (long)CeilDiv(g.K, ShortSide);
        var blocks = Blocks(tiles * chunks, terms * pixels * g.K * g.TapsR * g.TapsS * g.C);
        var taken = y.Taking(chunks * pixels * g.K, ElementSize);
        var kernels = Launch.ConvolutionMma;
        if (_bf16)
            kernels.ConvolutionMmaBf16(blocks, taken, x1, w1, x2, w2, g, terms, chunks, stride, accumulate ? 1 : 0);
        else
            kernels.ConvolutionMmaTf32(blocks, taken, x1, w1, x2, w2, g, terms, chunks, stride, accumulate ? 1 : 0);
    }

    private void Add(Operand<Real> y, Operand<Real> partial, long n, int chunks, bool accumulate)
    {
        if (chunks > 1)
            Launch.MmaOperands.MmaAddChunks(
                Device.Elements(n),
                y.Taking(n, ElementSize),
                partial.Taking(chunks * n, ElementSize),
                (int)n,
                chunks,
                accumulate ? 1 : 0
            );
    }

    // Rows of channels, rounded.
    private Operand<uint> Pack(ref Room room, Operand<Real> x, long rows, int channels)
    {
        var (width, bytes) = (RoundUp(channels, _perGranule), Packed(rows, channels));
        var shape = width == channels ? Device.Elements(rows * width) : Device.Rows(rows, width);
        var (from, to) = (x.Taking(rows * channels, ElementSize), room.Take(bytes).Taking(bytes, 1));
        if (_bf16)
            Launch.MmaOperands.MmaPackBf16(shape, to.As<short>(), from, (int)rows, channels, width);
        else
            Launch.MmaOperands.MmaPackTf32(shape, to.As<uint>(), from, (int)rows, channels, width);
        return to.As<uint>();
    }

    // The filters of a sweep with C and K in each other's place, rounded.
    private Operand<uint> Turn(ref Room room, Operand<Real> w, in ConvolutionSweep sweep)
    {
        if (sweep.Taps == 0)
            return default;
        const int turn = 32; // TURN
        var (s, width) = (Shape, RoundUp(Shape.K, _perGranule));
        var bytes = Packed((long)s.C * sweep.Taps, s.K);
        var blocks = Device.Blocks((long)sweep.Taps * CeilDiv(width, turn) * CeilDiv(s.C, turn), turn * turn);
        var (from, to) = (w.Taking((long)s.K * s.C * sweep.Taps, ElementSize), room.Take(bytes).Taking(bytes, 1));
        if (_bf16)
            Launch.MmaOperands.MmaTransposeBf16(blocks, to.As<short>(), from, sweep.Filter(s), width);
        else
            Launch.MmaOperands.MmaTransposeTf32(blocks, to.As<uint>(), from, sweep.Filter(s), width);
        return to.As<uint>();
    }

    private static LaunchShape Blocks(long tasks, long multiplyAdds) =>
        new((uint)Math.Min(tasks, int.MaxValue), Threads) { MultiplyAdds = multiplyAdds };

    private int SweepChunks(ReadOnlySpan<ConvolutionSweep> sweeps, int c, int k, long elements)
    {
        // All sweeps are cut alike: the chunks of all lie in one copy of the output.
        var (tiles, steps) = (0L, int.MaxValue);
        foreach (var sweep in sweeps)
        {
            tiles = Math.Max(tiles, CeilDiv(Shape.N * sweep.Rows.Length * sweep.Columns.Length, LongSide) * (long)CeilDiv(k, ShortSide));
            if (sweep.Taps > 0)
                steps = Math.Min(steps, CeilDiv(sweep.Taps * CeilDiv(c, _perGranule), 4));
        }
        return steps == int.MaxValue ? 1 : Chunks(tiles, steps, elements);
    }

    private int FilterChunks() => Chunks(FilterTiles(), CeilDiv(Shape.N * Shape.OutH * Shape.OutW, 4 * _perGranule), Shape.FilterLength);

    private int FilterTiles() =>
        CeilDiv(Shape.K, ShortSide) * CeilDiv(Shape.R * Shape.S * CeilDiv(Shape.C, _perGranule), LongSide / _perGranule);

    private static int Chunks(long tiles, int steps, long elements) =>
        (int)
            Math.Max(
                1,
                Math.Min(
                    Math.Min((WantedBlocks + tiles - 1) / tiles, steps / LeastSteps),
                    Math.Min(MostChunks, MaxPartialElements / elements)
                )
            );

    private long Packed(long rows, int channels) => Round(rows * CeilDiv(channels, _perGranule) * GranuleBytes);

    private long Partial(int chunks, long elements) => chunks > 1 ? Round(chunks * elements * ElementSize) : 0;

    private static long Round(long bytes) => (bytes + 255) / 256 * 256;

    /// <summary>Gives away the workspace from its beginning.</summary>
    private struct Room(Operand<Real> workspace)
    {
        private long _at;

        public Operand<Real> Take(long bytes)
        {
            var taken = workspace.At(_at, 1);
            _at += bytes;
            return taken;
        }
    }
}

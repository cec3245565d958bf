using Lur.Device;

namespace Lur.Layers;

/// <summary>Register tiles over pixels and output channels, kernels/lane/direct_convolution.cu.</summary>
internal sealed class DirectConvolution : ConvolutionImplementation
{
    // Elements of a padded strip: it and the filter panel in use stay in the second-level cache (128 KiB in float).
    private const int StripElements = 32768;

    // Partial filter gradients: at most this many chunks of pixels, fewer when one partial sum is large; then tasks share
    // the panels instead. Constants, so that results do not depend on the number of cores.
    private const int MaxChunks = 8;
    private const long MaxPartialElements = 1 << 20;

    // Pixels packed and multiplied at a time. At 64 loading and storing the sums costs a third more.
    private const int FilterDepth = 128;

    private readonly DirectConvolutionLaunches _kernels;
    private readonly Sweep _forward;
    private readonly Sweep[] _inputGradient;
    private readonly FilterPlan _filter;

    public DirectConvolution(LaunchSet launch, ConvolutionShape shape)
        : base(launch, shape)
    {
        _kernels = launch.DirectConvolution;
        _forward = new Sweep
        {
            Rows = new Axis(0, shape.R, shape.Pad, shape.OutH),
            Columns = new Axis(0, shape.S, shape.Columns.Begin, shape.OutW),
            TapStep = 1,
            Stride = shape.Stride,
            Step = 1,
        };
        _inputGradient = Residues(shape);
        _filter = PlanFilter(shape);
        WorkspaceBytes = Math.Max(SweepWorkspace(_forward, shape.C, shape.K), FilterWorkspace()) * ElementSize;
        foreach (var sweep in _inputGradient)
            WorkspaceBytes = Math.Max(WorkspaceBytes, SweepWorkspace(sweep, shape.K, shape.C) * ElementSize);
    }

    public override void Forward(Operand<Real> y, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace) =>
        Run(_forward, y, one, two, accumulate, workspace, false, Shape.H, Shape.W, Shape.C, Shape.OutH, Shape.OutW, Shape.K);

    public override void InputGradient(Operand<Real> dx, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace)
    {
        foreach (var sweep in _inputGradient)
            Run(sweep, dx, one, two, accumulate, workspace, true, Shape.OutH, Shape.OutW, Shape.K, Shape.H, Shape.W, Shape.C);
    }

    public override void FilterGradient(
        Operand<Real> dw,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace
    )
    {
        var (s, f, tasks) = (Shape, _filter, _filter.Chunks * _filter.Parts);
        _kernels.DirectFilterGradient(
            SlotBlocks(tasks),
            workspace,
            one.First,
            one.Second,
            two.First,
            two.Second,
            At(workspace, Align(f.Chunks * f.PartialElements)),
            f.Slot,
            s.Geometry,
            Terms(two),
            f.Chunks,
            f.Parts,
            FilterDepth
        );
        _kernels.DirectReduceFilter(Device.Rows(s.K * s.R, s.S * s.C), dw, workspace, s.Geometry, f.Chunks, accumulate ? 1 : 0);
    }

    private void Run(
        in Sweep sweep,
        Operand<Real> y,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace,
        bool transposed,
        int h,
        int w,
        int c,
        int outH,
        int outW,
        int k
    )
    {
        var (s, terms, rows, columns) = (Shape, Terms(two), sweep.Rows, sweep.Columns);
        var taps = rows.Taps * columns.Taps;
        if (taps > 0)
        {
            var pack = Device.Rows((long)CeilDiv(k, Panel) * taps, c);
            for (var t = 0; t < terms; t++)
                _kernels.DirectPackFilter(
                    pack,
                    workspace,
                    (t == 0 ? one : two).Second,
                    sweep.Filter(s),
                    transposed ? 1 : 0,
                    terms * c,
                    t * c
                );
        }
        var strip = StripRows(sweep, terms * c);
        var geometry = sweep.Geometry with { N = s.N, H = h, W = w, C = c, K = k, OH = outH, OW = outW };
        _kernels.DirectConvolution(
            SlotBlocks(s.N * CeilDiv(rows.Length, strip)),
            y,
            one.First,
            two.First,
            taps > 0 ? workspace : default, // a residue that no tap reaches has no filter, and scratch begins where it would
            At(workspace, Align((long)RoundUp(k, Panel) * taps * terms * c)),
            Slot(sweep, strip, terms * c),
            geometry,
            terms,
            strip,
            accumulate ? 1 : 0
        );
    }

    private static int StripRows(in Sweep sweep, int depth) =>
        Math.Clamp(StripElements / Math.Max(1, sweep.Stride * sweep.InputColumns * depth), 1, sweep.Rows.Length);

    private static long Slot(in Sweep sweep, int strip, int depth) =>
        Align((long)((strip - 1) * sweep.Stride + sweep.Rows.Taps) * sweep.InputColumns * depth);

    private long SweepWorkspace(in Sweep sweep, int c, int k)
    {
        var packed = Align((long)RoundUp(k, Panel) * sweep.Rows.Taps * sweep.Columns.Taps * 2 * c);
        long slots = 0;
        for (var terms = 1; terms <= 2; terms++)
        {
            var strip = StripRows(sweep, terms * c);
            slots = Math.Max(slots, SlotElements(Shape.N * CeilDiv(sweep.Rows.Length, strip), Slot(sweep, strip, terms * c)));
        }
        return packed + slots;
    }

    private long FilterWorkspace() =>
        Align(_filter.Chunks * _filter.PartialElements) + SlotElements(_filter.Chunks * _filter.Parts, _filter.Slot);

    private static FilterPlan PlanFilter(ConvolutionShape s)
    {
        var panels = s.R * CeilDiv(s.S * s.C, Panel);
        var partial = (long)s.K * panels * Panel;
        var chunks = (int)Math.Clamp(MaxPartialElements / partial, 1, Math.Min((long)s.N * s.OutH * s.OutW, MaxChunks));
        var parts = Math.Min(panels, CeilDiv(MaxChunks, chunks));
        return new FilterPlan(chunks, parts, partial, Align(FilterDepth * (OddPanels(s.K) + ((long)CeilDiv(panels, parts) * Panel))));
    }

    // dx[h] collects w[r] dy[(h + pad - r) / stride]. For the pixels h = p + stride g of one residue p the taps with
    // r = p + pad (mod stride) count; in descending order they meet ascending rows g - lead + r' of dy.
    private static Sweep[] Residues(ConvolutionShape s)
    {
        var sweeps = new List<Sweep>();
        for (var p = 0; p < Math.Min(s.Stride, s.H); p++)
        for (var q = 0; q < Math.Min(s.Stride, s.W); q++)
            sweeps.Add(
                new Sweep
                {
                    Rows = Residue(p, s.H, s.R, s.Pad, s.Stride),
                    Columns = Residue(q, s.W, s.S, s.Columns.Begin, s.Stride),
                    TapStep = -s.Stride,
                    Stride = 1,
                    Step = s.Stride,
                    FirstRow = p,
                    FirstColumn = q,
                }
            );
        return [.. sweeps];
    }

    private static Axis Residue(int residue, int length, int taps, int pad, int stride)
    {
        var first = taps - 1;
        while (first >= 0 && (first - residue - pad) % stride != 0)
            first--;
        var count = (length - residue + stride - 1) / stride;
        return first < 0 ? new Axis(0, 0, 0, count) : new Axis(first, first / stride + 1, (first - residue - pad) / stride, count);
    }

    /// <summary>One dimension of a sweep: its first tap, number of taps, rows before the image, and number of outputs.</summary>
    private readonly record struct Axis(int FirstTap, int Taps, int Lead, int Length);

    /// <summary>A launch of the kernel: the outputs FirstRow + Step g, FirstColumn + Step g.</summary>
    private readonly record struct Sweep
    {
        public Axis Rows { get; init; }
        public Axis Columns { get; init; }
        public int TapStep { get; init; }
        public int Stride { get; init; }
        public int Step { get; init; }
        public int FirstRow { get; init; }
        public int FirstColumn { get; init; }
        public int InputColumns => (Columns.Length - 1) * Stride + Columns.Taps;

        public FilterGeometry Filter(ConvolutionShape s) =>
            new()
            {
                K = s.K,
                C = s.C,
                R = s.R,
                S = s.S,
                TapsR = Rows.Taps,
                TapsS = Columns.Taps,
                R0 = Rows.FirstTap,
                S0 = Columns.FirstTap,
                Step = TapStep,
            };

        /// <summary>Without the sizes of input and output.</summary>
        public SweepGeometry Geometry =>
            new()
            {
                TapsR = Rows.Taps,
                TapsS = Columns.Taps,
                Stride = Stride,
                Top = Rows.Lead,
                Left = Columns.Lead,
                GH = Rows.Length,
                GW = Columns.Length,
                Step = Step,
                H0 = FirstRow,
                W0 = FirstColumn,
            };
    }

    private readonly record struct FilterPlan(int Chunks, int Parts, long PartialElements, long Slot);
}

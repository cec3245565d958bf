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
    private readonly ConvolutionSweep _forward;
    private readonly ConvolutionSweep[] _inputGradient;
    private readonly FilterPlan _filter;

    public DirectConvolution(LaunchSet launch, ConvolutionShape shape)
        : base(launch, shape)
    {
        _kernels = launch.DirectConvolution;
        (_forward, _inputGradient) = (ConvolutionSweep.Forward(shape), ConvolutionSweep.Residues(shape));
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
        in ConvolutionSweep sweep,
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

    private static int StripRows(in ConvolutionSweep sweep, int depth) =>
        Math.Clamp(StripElements / Math.Max(1, sweep.Stride * sweep.InputColumns * depth), 1, sweep.Rows.Length);

    private static long Slot(in ConvolutionSweep sweep, int strip, int depth) =>
        Align((long)((strip - 1) * sweep.Stride + sweep.Rows.Taps) * sweep.InputColumns * depth);

    private long SweepWorkspace(in ConvolutionSweep sweep, int c, int k)
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

    private readonly record struct FilterPlan(int Chunks, int Parts, long PartialElements, long Slot);
}

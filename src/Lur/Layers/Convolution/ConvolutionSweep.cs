using Lur.Device;

namespace Lur.Layers;

/// <summary>One dimension of a sweep: its first tap, number of taps, rows before the image, and number of outputs.</summary>
internal readonly record struct SweepAxis(int FirstTap, int Taps, int Lead, int Length);

/// <summary>A launch of a convolution without a patch matrix: the outputs FirstRow + Step g, FirstColumn + Step g.</summary>
internal readonly record struct ConvolutionSweep
{
    public SweepAxis Rows { get; init; }
    public SweepAxis Columns { get; init; }
    public int TapStep { get; init; }
    public int Stride { get; init; }
    public int Step { get; init; }
    public int FirstRow { get; init; }
    public int FirstColumn { get; init; }
    public int Taps => Rows.Taps * Columns.Taps;
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

    /// <summary>y = F(x, w): all outputs, all taps.</summary>
    public static ConvolutionSweep Forward(ConvolutionShape s) =>
        new()
        {
            Rows = new SweepAxis(0, s.R, s.Pad, s.OutH),
            Columns = new SweepAxis(0, s.S, s.Columns.Begin, s.OutW),
            TapStep = 1,
            Stride = s.Stride,
            Step = 1,
        };

    /// <summary>The sweeps of the input gradient.</summary>
    // dx[h] collects w[r] dy[(h + pad - r) / stride]. For the pixels h = p + stride g of one residue p the taps with
    // r = p + pad (mod stride) count; in descending order they meet ascending rows g - lead + r' of dy.
    public static ConvolutionSweep[] Residues(ConvolutionShape s)
    {
        var sweeps = new List<ConvolutionSweep>();
        for (var p = 0; p < Math.Min(s.Stride, s.H); p++)
        for (var q = 0; q < Math.Min(s.Stride, s.W); q++)
            sweeps.Add(
                new ConvolutionSweep
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

    private static SweepAxis Residue(int residue, int length, int taps, int pad, int stride)
    {
        var first = taps - 1;
        while (first >= 0 && (first - residue - pad) % stride != 0)
            first--;
        var count = (length - residue + stride - 1) / stride;
        return first < 0
            ? new SweepAxis(0, 0, 0, count)
            : new SweepAxis(first, first / stride + 1, (first - residue - pad) / stride, count);
    }
}

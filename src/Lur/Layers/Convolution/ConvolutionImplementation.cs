using Lur.Device;

namespace Lur.Layers;

/// <summary>The two factors of one bilinear term: (x, w), (dy, w) or (x, dy). A null first factor means no term.</summary>
internal readonly record struct ConvolutionTerm(Operand<Real> First, Operand<Real> Second)
{
    public bool IsNone => First.IsNull;
}

/// <summary>One algorithm for the three maps; a second term may be none.</summary>
internal abstract class ConvolutionImplementation(LaunchSet launch, ConvolutionShape shape)
{
    /// <summary>Columns of a packed panel, PANEL of register_tile.cuh.</summary>
    protected const int Panel = 16;

    protected LaunchSet Launch { get; } = launch;
    protected ComputeDevice Device { get; } = launch.Device;
    protected ConvolutionShape Shape { get; } = shape;
    protected int ElementSize { get; } = launch.Precision.Size();

    /// <summary>Most blocks of a launch that gives each block a scratch slot; four a core even out unequal blocks.</summary>
    protected int Slots { get; } = launch.Device.Properties.Multiprocessors * 4;

    public long WorkspaceBytes { get; protected init; }

    /// <summary>Of a forward pass or a filter gradient of two terms.</summary>
    public virtual long PairWorkspaceBytes => WorkspaceBytes;

    public abstract void Forward(Operand<Real> y, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace);

    public abstract void InputGradient(
        Operand<Real> dx,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace
    );

    public abstract void FilterGradient(
        Operand<Real> dw,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace
    );

    protected static int Terms(ConvolutionTerm two) => two.IsNone ? 1 : 2;

    protected Operand<Real> At(Operand<Real> p, long elements) => p.At(elements, ElementSize);

    /// <summary>Launch shape of a kernel whose blocks own scratch slots.</summary>
    protected LaunchShape SlotBlocks(int tasks)
    {
        var shape = Device.Blocks(tasks);
        return shape with { GridX = Math.Min(shape.GridX, (uint)Slots) };
    }

    /// <summary>Scratch of a launch with that many tasks: one slot per block.</summary>
    protected long SlotElements(int tasks, long slot) => Math.Min(tasks, Slots) * slot;

    // A row length that is an odd number of panels, odd_panels of register_tile.cuh.
    protected static int OddPanels(int n) => (CeilDiv(n, Panel) | 1) * Panel;

    protected static int RoundUp(int n, int unit) => CeilDiv(n, unit) * unit;

    /// <summary>Rounds a part of the workspace to whole cache lines.</summary>
    protected static long Align(long elements) => (elements + 63) / 64 * 64;

    protected static int CeilDiv(int n, int d) => (n + d - 1) / d;
}

using Lur.Device;

namespace Lur.Layers;

/// <summary>F(4x4, 3x3) for 3x3 filters with stride 1: kernels/lane/winograd.cu and winograd_filter_gradient.cu.</summary>
/// <remarks>Over budget: the plans of the maps and of the filter gradient are of one workspace.</remarks>
internal sealed class WinogradConvolution : ConvolutionImplementation
{
    private const int Points = 36,
        TileSize = 4;

    // Tiles that a block transforms and multiplies at a time. Few stay in the first-level cache (16 channels: 2.9 ms with 12,
    // 3.5 with 96); more share a pass over the transformed filter once that exceeds the second-level cache.
    private const int GroupUnit = 12,
        LargeGroup = 24;
    private const int SmallFilterElements = 65536;

    // Filter gradient: a partial sum per chunk of tiles up to 64 x 64 channels, a block of filters per task above.
    private const int MaxTileChannels = 64 * 64;
    private const int Chunks = 8;
    private const int BlockK = 96,
        BlockC = 64,
        BlockDepth = 64;
    private const int MaxInputElements = 4 << 20;

    private readonly WinogradLaunches _kernels;
    private readonly WinogradFilterGradientLaunches _filterKernels;
    private readonly DirectConvolutionLaunches _pack;

    public WinogradConvolution(LaunchSet launch, ConvolutionShape shape)
        : base(launch, shape)
    {
        (_kernels, _filterKernels, _pack) = (launch.Winograd, launch.WinogradFilterGradient, launch.DirectConvolution);
        long elements = 0;
        for (var terms = 1; terms <= 2; terms++)
        {
            elements = Math.Max(elements, Math.Max(Plan(ForwardMap, terms).Elements, Plan(InputGradientMap, terms).Elements));
            elements = Math.Max(elements, UsesBlocks ? PlanBlocks(terms).Elements : PlanChunks().Elements);
        }
        WorkspaceBytes = elements * ElementSize;
    }

    public static bool Supports(ConvolutionShape shape) =>
        shape.R == 3 && shape.S == 3 && shape.Stride == 1 && shape.Columns.Begin == shape.Pad;

    private Map ForwardMap => new(Shape.H, Shape.W, Shape.C, Shape.OutH, Shape.OutW, Shape.K, Shape.Pad, false);

    private Map InputGradientMap => new(Shape.OutH, Shape.OutW, Shape.K, Shape.H, Shape.W, Shape.C, 2 - Shape.Pad, true);

    private bool UsesBlocks => Shape.C * Shape.K > MaxTileChannels;

    private int TilesH => CeilDiv(Shape.OutH, TileSize);

    private int TilesW => CeilDiv(Shape.OutW, TileSize);

    private int Tiles => Shape.N * TilesH * TilesW;

    public override void Forward(Operand<Real> y, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace) =>
        Run(ForwardMap, y, one, two, accumulate, workspace);

    public override void InputGradient(
        Operand<Real> dx,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace
    ) => Run(InputGradientMap, dx, one, two, accumulate, workspace);

    public override void FilterGradient(
        Operand<Real> dw,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace
    )
    {
        if (UsesBlocks)
            FilterGradientByBlocks(dw, one, two, accumulate, workspace);
        else
            FilterGradientByChunks(dw, one, two, accumulate, workspace);
    }

    private void Run(in Map m, Operand<Real> y, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace)
    {
        var terms = Terms(two);
        var (plan, depth, panels, add) = (Plan(m, terms), terms * m.C, CeilDiv(m.K, Panel), accumulate ? 1 : 0);
        var pack = Device.Rows(panels * 9L, m.C);
        var (first, step) = m.Transposed ? (2, -1) : (0, 1);
        var filter = new FilterGeometry
        {
            K = Shape.K,
            C = Shape.C,
            R = 3,
            S = 3,
            TapsR = 3,
            TapsS = 3,
            R0 = first,
            S0 = first,
            Step = step,
        };
        var geometry = GeometryOf(m);
        for (var t = 0; t < terms; t++)
            _pack.DirectPackFilter(pack, workspace, (t == 0 ? one : two).Second, filter, m.Transposed ? 1 : 0, depth, t * m.C);
        var (transformed, scratch) = (At(workspace, plan.Transformed), At(workspace, plan.Scratch));
        if (plan.ByPanels)
        {
            var inputs = Device.Rows(plan.Tiles, m.C);
            for (var t = 0; t < terms; t++)
                _kernels.WinogradInput(inputs, At(transformed, (long)t * m.C), (t == 0 ? one : two).First, geometry, plan.Tiles, depth);
            _kernels.WinogradConvolutionPanels(
                SlotBlocks(panels),
                y,
                transformed,
                workspace,
                scratch,
                plan.Slot,
                geometry,
                depth,
                plan.Group,
                add
            );
            return;
        }
        _kernels.WinogradFilter(Device.Rows((long)panels * depth, Panel), transformed, workspace, panels, depth);
        _kernels.WinogradConvolution(
            SlotBlocks(CeilDiv(plan.Tiles, plan.Group)),
            y,
            one.First,
            two.First,
            transformed,
            scratch,
            plan.Slot,
            geometry,
            terms,
            plan.Group,
            add
        );
    }

    private TileGeometry GeometryOf(in Map m) =>
        new()
        {
            N = Shape.N,
            H = m.H,
            W = m.W,
            C = m.C,
            K = m.K,
            OH = m.OutH,
            OW = m.OutW,
            Pad = m.Pad,
            TilesH = CeilDiv(m.OutH, TileSize),
            TilesW = CeilDiv(m.OutW, TileSize),
        };

    private MapPlan Plan(in Map m, int terms)
    {
        var (tilesH, tilesW) = (CeilDiv(m.OutH, TileSize), CeilDiv(m.OutW, TileSize));
        var (tiles, depth, columns) = (Shape.N * tilesH * tilesW, terms * m.C, RoundUp(m.K, Panel));
        var byPanels = m.K > tiles;
        var (group, tasks) = byPanels ? (Math.Min(tiles, 2 * LargeGroup), CeilDiv(m.K, Panel)) : Groups(tiles, depth * columns);
        // Two panels: a task spans as many as a register tile, two where a vector fills a panel.
        var slot = byPanels ? (long)Points * 2 * depth * Panel + Planes(group, 2 * Panel) : Planes(group, depth) + Planes(group, columns);
        var packed = Align(9L * depth * columns);
        var transformed = Align(byPanels ? Planes(tiles, depth) : (long)Points * depth * columns);
        return new MapPlan(
            byPanels,
            tiles,
            group,
            packed,
            packed + transformed,
            Align(slot),
            packed + transformed + SlotElements(tasks, Align(slot))
        );
    }

    // Tiles per block, and blocks, evened out over the cores.
    private (int Group, int Tasks) Groups(int tiles, int filters)
    {
        var cores = Device.Properties.Multiprocessors;
        var tasks = CeilDiv(tiles, Points * filters <= SmallFilterElements ? GroupUnit : LargeGroup);
        if (tiles >= cores * GroupUnit)
            tasks = RoundUp(tasks, cores);
        var group = RoundUp(CeilDiv(tiles, tasks), GroupUnit);
        return (group, CeilDiv(tiles, group));
    }

    private void FilterGradientByChunks(
        Operand<Real> dw,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace
    )
    {
        var (s, plan) = (Shape, PlanChunks());
        _filterKernels.WinogradFilterGradient(
            SlotBlocks(plan.Chunks),
            workspace,
            one.First,
            one.Second,
            two.First,
            two.Second,
            At(workspace, plan.Scratch),
            plan.Slot,
            GeometryOf(ForwardMap),
            Terms(two),
            plan.Chunks,
            plan.Group
        );
        _filterKernels.WinogradFilterGradientReduce(Device.Rows(s.K, s.C), dw, workspace, plan.Chunks, s.C, s.K, accumulate ? 1 : 0);
    }

    private (int Chunks, int Group, long Scratch, long Slot, long Elements) PlanChunks()
    {
        var (chunks, columns) = (Math.Min(Chunks, Tiles), RoundUp(Shape.C, Panel));
        var group = Math.Min(CeilDiv(Tiles, chunks), LargeGroup);
        var scratch = Align(chunks * Planes(Shape.K, columns));
        var slot = Align(Planes(group, OddPanels(Shape.C)) + Planes(group, OddPanels(Shape.K)));
        return (chunks, group, scratch, slot, scratch + SlotElements(chunks, slot));
    }

    private void FilterGradientByBlocks(
        Operand<Real> dw,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace
    )
    {
        var (s, terms) = (Shape, Terms(two));
        var plan = PlanBlocks(terms);
        var (v, z, scratch, total) = (workspace, At(workspace, plan.Gradients), At(workspace, plan.Scratch), terms * Tiles);
        // Rows of v and z: the tiles of the first term, then those of the second, as many as fit at a time.
        for (int done = 0, filled = 0; done < total; )
        {
            var rows = Math.Min(plan.Rows, total - done);
            var (t, tile) = Math.DivRem(done + filled, Tiles);
            var count = Math.Min(rows - filled, Tiles - tile);
            var term = t == 0 ? one : two;
            _filterKernels.WinogradGradientInputs(
                Device.Rows(count, Math.Max(s.C, s.K)),
                v,
                z,
                term.First,
                term.Second,
                GeometryOf(ForwardMap),
                tile,
                count,
                filled,
                rows
            );
            filled += count;
            if (filled < rows)
                continue;
            _filterKernels.WinogradFilterGradientBlocks(
                SlotBlocks(BlockTasks),
                dw,
                v,
                z,
                scratch,
                plan.Slot,
                s.C,
                s.K,
                rows,
                BlockDepth,
                BlockK,
                BlockC,
                accumulate || done > 0 ? 1 : 0
            );
            done += rows;
            filled = 0;
        }
    }

    private int BlockTasks => CeilDiv(Shape.K, BlockK) * CeilDiv(Shape.C, BlockC);

    private (int Rows, long Gradients, long Scratch, long Slot, long Elements) PlanBlocks(int terms)
    {
        var (vRow, zRow) = (OddPanels(Shape.C), OddPanels(Shape.K));
        var rows = Math.Min(terms * Tiles, Math.Max(BlockDepth, MaxInputElements / (Points * (vRow + zRow)) / BlockDepth * BlockDepth));
        var gradients = Align(Planes(rows, vRow));
        var scratch = gradients + Align(Planes(rows, zRow));
        var slot = Align(Planes(BlockK, BlockC));
        return (rows, gradients, scratch, slot, scratch + SlotElements(BlockTasks, slot));
    }

    // 36 planes with the gap of plane_step in winograd.cuh.
    private static long Planes(int rows, int columns) => Points * ((long)rows * columns + Panel);

    /// <summary>One of the two maps that the forward kernels compute: input, output, and whether filters are flipped.</summary>
    private readonly record struct Map(int H, int W, int C, int OutH, int OutW, int K, int Pad, bool Transposed);

    /// <summary>Sizes of a launch; Transformed and Scratch are offsets in the workspace, in elements.</summary>
    private readonly record struct MapPlan(bool ByPanels, int Tiles, int Group, long Transformed, long Scratch, long Slot, long Elements);
}

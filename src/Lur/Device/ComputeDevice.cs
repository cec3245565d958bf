namespace Lur.Device;

/// <summary>
/// One device with one stream: everything it is given runs in order. Not safe for use by two threads at once; any one
/// thread may use it at a time.
/// </summary>
public sealed partial class ComputeDevice : IDisposable
{
    [ThreadStatic]
    private static ComputeDevice? t_current;

    private readonly PrimaryContext _context;
    private readonly CudaStream _stream;
    private readonly KernelSet?[] _kernels = new KernelSet?[2];
    private readonly List<KernelModule> _loaded = [];
    private Gemm? _gemm;
    private bool _disposed;

    private ComputeDevice(int ordinal)
    {
        _context = new PrimaryContext(ordinal);
        _context.SetCurrent();
        t_current = this;
        Properties = new DeviceProperties(ordinal, _context.Device);
        _stream = new CudaStream(CUStreamFlags.NonBlocking);
        PreferredBlock = Math.Min(256, Properties.MaxThreadsPerBlock);
    }

    /// <summary>Number of devices.</summary>
    /// <exception cref="DllNotFoundException">There is nothing to compute on; the message says what was tried.</exception>
    public static int Count => CudaContext.GetDeviceCount();

    /// <summary>What the device is.</summary>
    public DeviceProperties Properties { get; }

    /// <summary>Matrix products.</summary>
    /// <exception cref="DllNotFoundException">cuBLAS is missing; the message says what was tried.</exception>
    public Gemm Gemm => _gemm ??= new Gemm(this);

    /// <summary>Kernel launches and matrix products given to the device since it was opened; a replay counts those it holds.</summary>
    public long LaunchCount { get; internal set; }

    /// <summary>
    /// Threads of a block, 256 or the device's maximum when less. Tests set it to try odd block sizes; must be 1 or a
    /// multiple of the warp size.
    /// </summary>
    public int PreferredBlock { get; set; }

    /// <summary>
    /// Elements below which it does not pay to start another block on a device whose blocks are single threads: handing
    /// one to another core costs a few microseconds, which 16384 float operations take too. Tests set 1 to get many blocks.
    /// </summary>
    public int WorkGrain { get; set; } = 16384;

    internal CUstream Stream => _stream.Stream;

    /// <summary>Opens a device; its primary context is made current on the calling thread.</summary>
    /// <param name="ordinal">0-based position in the driver's list.</param>
    /// <exception cref="DllNotFoundException">There is nothing to compute on; the message says what was tried.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such device.</exception>
    public static ComputeDevice Open(int ordinal = 0)
    {
        BindingSetup.Ensure();
        var count = Count;
        if (ordinal < 0 || ordinal >= count)
        {
            throw new ArgumentOutOfRangeException(
                nameof(ordinal),
                ordinal,
                $"There is no device {ordinal}; the driver lists {count}, counted from 0 (lur doctor shows them)."
            );
        }
        return new ComputeDevice(ordinal);
    }

    /// <summary>
    /// Destroys a device's context with everything in it, after a kernel fault has made it unusable. Objects made on
    /// it before are void; open it anew.
    /// </summary>
    /// <param name="ordinal">0-based position in the driver's list.</param>
    public static void Reset(int ordinal)
    {
        t_current = null;
        PrimaryContext.Reset(ordinal);
    }

    /// <summary>The kernels in one precision.</summary>
    public KernelSet Kernels(Precision precision) => _kernels[(int)precision] ??= new KernelSet(this, precision);

    /// <summary>Extent for kernels that loop with GRID_LOOP over <paramref name="n"/> elements.</summary>
    public LaunchShape Elements(long n) =>
        Properties.MaxThreadsPerBlock == 1 ? SingleThreads(n, n) : new LaunchShape(Grid(n, PreferredBlock), (uint)PreferredBlock);

    /// <summary>Extent for kernels that loop with GRID_ROWS over rows and LANE_LOOP inside a row.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="rowLength">Elements of a row.</param>
    /// <param name="elements">
    /// Elements visited in all, where a row stands for more than its length: the chunks of a column sum, a pooling window.
    /// </param>
    public LaunchShape Rows(long rows, int rowLength, long elements = 0)
    {
        if (Properties.MaxThreadsPerBlock == 1)
            return SingleThreads(rows, Math.Max(elements, rows * rowLength));
        var warp = Properties.WarpSize;
        var x = Math.Min(PreferredBlock, (Math.Max(1, rowLength) + warp - 1) / warp * warp);
        var y = PreferredBlock / x;
        return new LaunchShape(Grid(rows, y), (uint)x, (uint)y);
    }

    /// <summary>Extent for kernels that loop with BLOCK_ROWS: one block to a row.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="rowLength">Elements of a row, where known; many short rows then share a block on a CPU core.</param>
    public LaunchShape Blocks(long rows, int rowLength = int.MaxValue) =>
        Properties.MaxThreadsPerBlock == 1 ? SingleThreads(rows, rows * rowLength) : new LaunchShape(Grid(rows, 1), (uint)PreferredBlock);

    /// <summary>Waits until everything given so far is done.</summary>
    /// <exception cref="CudaException">A kernel failed; the message names it where the driver does.</exception>
    public void Synchronize()
    {
        MakeCurrent();
        Native.Check(Drv.Streams.cuStreamSynchronize(Stream), "cuStreamSynchronize");
    }

    /// <summary>Captures the launches, products, copies and fills of <paramref name="record"/> without running them.</summary>
    /// <param name="record">Gives the work; every kernel in it should have run once before, so that nothing is compiled in it.</param>
    /// <exception cref="CudaException">Something in it cannot be captured.</exception>
    public DeviceGraph Capture(Action record)
    {
        ArgumentNullException.ThrowIfNull(record);
        _ = Gemm; // creating the handle allocates and synchronises, neither of which a capture allows
        MakeCurrent();
        var before = LaunchCount;
        // Relaxed: a kernel first met here may still be compiled and loaded.
        Native.Check(Drv.Streams.cuStreamBeginCapture(Stream, CUstreamCaptureMode.Relaxed), "cuStreamBeginCapture_v2");
        IsCapturing = true;
        CUgraph graph = default;
        CUResult ended;
        try
        {
            record();
        }
        finally
        {
            IsCapturing = false;
            ended = Drv.Streams.cuStreamEndCapture(Stream, ref graph);
        }
        Native.Check(ended, "cuStreamEndCapture");
        var launches = LaunchCount - before;
        LaunchCount = before;
        return new DeviceGraph(this, graph, launches);
    }

    /// <summary>A stopwatch in the device's stream.</summary>
    public DeviceTimer CreateTimer() => new(this);

    /// <summary>Waits, then frees modules, handles, stream and context. Memory is freed by its owners before.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _context.SetCurrent();
        t_current = this;
        _ = Drv.Streams.cuStreamSynchronize(Stream);
        _gemm?.Dispose();
        foreach (var module in _loaded)
            module.Unload();
        _stream.Dispose();
        _context.Dispose();
        t_current = null;
    }

    internal bool IsCapturing { get; private set; }

    internal void Track(KernelModule module) => _loaded.Add(module);

    // Tests and multi-device programs alternate between devices and threads; the check is one thread-local read.
    internal void MakeCurrent()
    {
        if (ReferenceEquals(t_current, this))
            return;
        ObjectDisposedException.ThrowIf(_disposed, this);
        _context.SetCurrent();
        t_current = this;
    }

    // 16 blocks of 256 threads fill a multiprocessor twice: enough to balance, few enough that a grid-stride loop works.
    private uint Grid(long work, long perBlock) =>
        (uint)Math.Clamp((work + perBlock - 1) / perBlock, 1, (long)Properties.Multiprocessors * 16);

    private LaunchShape SingleThreads(long blocks, long elements) =>
        new((uint)Math.Clamp(Math.Min(blocks, elements / Math.Max(1, WorkGrain)), 1, (long)Properties.Multiprocessors * 4), 1);
}

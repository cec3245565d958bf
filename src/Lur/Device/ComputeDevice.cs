using System.Runtime.CompilerServices;

namespace Lur.Device;

/// <summary>
/// One device. Everything it is given runs in order in its compute stream; copies from and to pinned memory can go to a
/// copy stream beside it, see <see cref="DeviceEvent"/>. Not safe for use by two threads at once; any one
/// thread may use it at a time. Its context is current only inside a call: what the caller had current before is
/// current again after it.
/// </summary>
public sealed partial class ComputeDevice : IDisposable
{
    private readonly PrimaryContext? _context;
    private readonly CUcontext _handle;
    private readonly HashSet<IDisposable> _owned = [];
    private readonly CudaStream? _ownStream;
    private readonly CudaStream _copies;
    private readonly KernelSet?[] _kernels = new KernelSet?[2];
    private readonly List<KernelModule> _loaded = [];
    private Gemm? _gemm;
    private bool _disposed;

    private ComputeDevice(int ordinal, DeviceAttachment how)
    {
        (Places, _allocator) = (how.Kernels, how.Allocator);
        _context = how.Context == 0 ? new PrimaryContext(ordinal) : null;
        _handle = _context?.Context ?? new CUcontext { Pointer = how.Context };
        try
        {
            using var scope = Enter();
            var device = _context?.Device ?? DeviceOfContext();
            Properties = new DeviceProperties(_context is null ? device.Pointer : ordinal, device);
            if (Properties.IsVoid && !how.MayBeVoid)
            {
                throw new UserErrorException(
                    $"Device {Properties.Ordinal} runs a sample of every kernel's blocks to trace them, so what it computes is void; take "
                        + "another device, or unset LUR_HOST_DEVICES."
                );
            }
            if (how.PlannedAs is { } model)
                (Properties, PlannedAs) = (Properties.As(model), model);
            if (how.Stream == 0)
                _ownStream = new CudaStream(CUStreamFlags.NonBlocking);
            Stream = _ownStream?.Stream ?? Foreign(how.Stream);
            _copies = new CudaStream(CUStreamFlags.NonBlocking);
        }
        catch
        {
            _context?.Dispose();
            throw;
        }
        PreferredBlock = Math.Min(256, Properties.MaxThreadsPerBlock);
    }

    /// <summary>Number of devices.</summary>
    /// <exception cref="DllNotFoundException">There is nothing to compute on; the message says what was tried.</exception>
    public static int Count
    {
        get
        {
            BindingSetup.Ensure();
            return CudaContext.GetDeviceCount();
        }
    }

    /// <summary>What the device is.</summary>
    public DeviceProperties Properties { get; }

    /// <summary>The model whose attributes it shows, on a device that plans and runs nothing; else null.</summary>
    public DeviceModel? PlannedAs { get; }

    /// <summary>Matrix products.</summary>
    /// <exception cref="DllNotFoundException">cuBLAS is missing; the message says what was tried.</exception>
    /// <exception cref="ObjectDisposedException">The device was disposed.</exception>
    /// <exception cref="InvalidOperationException">The device only plans.</exception>
    public Gemm Gemm => _gemm ??= MakeGemm();

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

    /// <summary>Where its kernels come from.</summary>
    internal KernelPlaces Places { get; }

    internal CUstream Stream { get; }

    internal CUstream Handle(DeviceStream stream) => stream == DeviceStream.Copy ? _copies.Stream : Stream;

    /// <summary>
    /// Destroys a device's context with everything in it, after a kernel fault has made it unusable. Objects made on
    /// it before are void; open it anew.
    /// </summary>
    /// <param name="ordinal">0-based position in the driver's list.</param>
    public static void Reset(int ordinal)
    {
        BindingSetup.Ensure();
        PrimaryContext.Reset(ordinal);
    }

    /// <summary>The kernels in one precision.</summary>
    /// <exception cref="ObjectDisposedException">The device was disposed.</exception>
    public KernelSet Kernels(Precision precision)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _kernels[(int)precision] ??= new KernelSet(this, precision);
    }

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

    /// <summary>Extent for sums down the columns of a matrix in chunks of rows (kernels/include/columns.cuh): a row of work for
    /// each chunk and each tile of columns. The sums depend on the chunks alone.</summary>
    /// <param name="rows">Rows of the matrix.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="chunks">Chunks of rows.</param>
    public LaunchShape ColumnSums(int rows, int columns, int chunks)
    {
        const int tile = 64; // COLUMN_TILE
        return Rows((long)chunks * ((columns + tile - 1) / tile), Math.Min(columns, tile), (long)rows * columns);
    }

    /// <summary>Extent for kernels that loop with BLOCK_ROWS: one block to a row.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="rowLength">Elements of a row, where known; many short rows then share a block on a CPU core.</param>
    public LaunchShape Blocks(long rows, int rowLength = int.MaxValue) =>
        Properties.MaxThreadsPerBlock == 1 ? SingleThreads(rows, rows * rowLength) : new LaunchShape(Grid(rows, 1), (uint)PreferredBlock);

    /// <summary>Waits until everything given so far is done, in both streams.</summary>
    /// <exception cref="CudaException">A kernel failed; the message names it where the driver does.</exception>
    /// <exception cref="ObjectDisposedException">The device was disposed.</exception>
    public void Synchronize()
    {
        Synchronize(DeviceStream.Compute);
        Synchronize(DeviceStream.Copy);
    }

    /// <summary>Waits until everything given to a stream so far is done.</summary>
    /// <param name="stream">The stream.</param>
    /// <exception cref="CudaException">A kernel failed; the message names it where the driver does.</exception>
    /// <exception cref="ObjectDisposedException">The device was disposed.</exception>
    public void Synchronize(DeviceStream stream)
    {
        using var scope = Enter();
        Native.Check(Drv.Streams.cuStreamSynchronize(Handle(stream)), "cuStreamSynchronize");
    }

    /// <summary>Captures the launches, products, copies and fills of <paramref name="record"/> without running them.</summary>
    /// <param name="record">Gives the work; every kernel in it should have run once before, so that nothing is compiled in it.</param>
    /// <exception cref="CudaException">Something in it cannot be captured.</exception>
    public DeviceGraph Capture(Action record)
    {
        ArgumentNullException.ThrowIfNull(record);
        _ = Gemm; // creating the handle allocates and synchronises, neither of which a capture allows
        var before = LaunchCount;
        BeginCapture();
        CUgraph graph = default;
        CUResult ended;
        try
        {
            record();
        }
        finally
        {
            ended = EndCapture(ref graph);
        }
        Native.Check(ended, "cuStreamEndCapture");
        var launches = LaunchCount - before;
        LaunchCount = before;
        return new DeviceGraph(this, graph, launches);
    }

    /// <summary>A stopwatch in the compute stream.</summary>
    public DeviceTimer CreateTimer() => new(this);

    /// <summary>An event, recorded nowhere yet.</summary>
    /// <param name="timing">Whether it can measure time, which makes it a little slower.</param>
    public DeviceEvent CreateEvent(bool timing = false) => new(this, timing);

    /// <summary>
    /// Waits, then frees everything that was made on the device and its context; from any thread. Every later use of the
    /// device or of what was made on it is an <see cref="ObjectDisposedException"/>; disposing it again is not.
    /// </summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        using (var scope = EnterIfAlive())
        {
            if (scope.IsOpen)
                WaitForAll();
            foreach (var item in _owned.ToArray())
                item.Dispose();
            _gemm?.Dispose();
            foreach (var module in _loaded)
                module.Unload();
            _disposed = true;
            // A context that Reset destroyed took its stream along, and is not retained by this object any more.
            if (!scope.IsOpen)
                return;
            _ownStream?.Dispose();
            _copies.Dispose();
        }
        _context?.Dispose();
    }

    /// <summary>Waits for both streams inside an open scope, whatever became of their work: for freeing.</summary>
    internal void WaitForAll()
    {
        _ = Drv.Streams.cuStreamSynchronize(Stream);
        _ = Drv.Streams.cuStreamSynchronize(Handle(DeviceStream.Copy));
    }

    internal bool IsCapturing { get; private set; }

    /// <summary>Lets kernels and products be made.</summary>
    /// <exception cref="InvalidOperationException">The device shows the attributes of another, for which launches are shaped.</exception>
    internal void RequireRunning()
    {
        if (PlannedAs is { } model)
            throw new InvalidOperationException($"A device that plans for {model.Name} runs nothing; open one without a model.");
    }

    internal void Track(KernelModule module) => _loaded.Add(module);

    /// <summary>Makes the device's context current until the scope is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The device was disposed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ContextScope Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return ContextScope.Open(_handle);
    }

    /// <summary>As <see cref="Enter"/>, for freeing: a context that is gone leaves the scope closed.</summary>
    internal ContextScope EnterIfAlive() => _disposed ? default : ContextScope.TryOpen(_handle);

    /// <summary>Adds what is freed with the device, unless its owner frees it before.</summary>
    internal void Own(IDisposable item) => _owned.Add(item);

    /// <summary>The owner frees the item.</summary>
    internal void Disown(IDisposable item) => _owned.Remove(item);

    private Gemm MakeGemm()
    {
        RequireRunning();
        return new Gemm(this);
    }

    // The work that is recorded may make other contexts current: the scopes of a capture do not enclose it.
    private void BeginCapture()
    {
        using var scope = Enter();
        // Relaxed: a kernel first met here may still be compiled and loaded.
        Native.Check(Drv.Streams.cuStreamBeginCapture(Stream, CUstreamCaptureMode.Relaxed), "cuStreamBeginCapture_v2");
        IsCapturing = true;
    }

    private CUResult EndCapture(ref CUgraph graph)
    {
        using var scope = Enter();
        IsCapturing = false;
        return Drv.Streams.cuStreamEndCapture(Stream, ref graph);
    }

    // 16 blocks of 256 threads fill a multiprocessor twice: enough to balance, few enough that a grid-stride loop works.
    private uint Grid(long work, long perBlock) =>
        (uint)Math.Clamp((work + perBlock - 1) / perBlock, 1, (long)Properties.Multiprocessors * 16);

    private LaunchShape SingleThreads(long blocks, long elements) =>
        new((uint)Math.Clamp(Math.Min(blocks, elements / Math.Max(1, WorkGrain)), 1, (long)Properties.Multiprocessors * 4), 1);
}

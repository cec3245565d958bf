using System.Diagnostics;
using System.Runtime.InteropServices;
using Lur.Device;

namespace Lur.Programs;

/// <summary>A step written down once: operations in order, each with the buffers it reads and writes. Planning gives every buffer
/// a place in one arena by its lifetime; committing allocates it; running enqueues the operations, as one captured device graph
/// where capture is on. A committed step allocates nothing, on the device or the managed heap.</summary>
/// <remarks>Launches go through <see cref="Launch"/>, which knows from the <c>const</c> of a kernel's signature what it reads and
/// what it writes; nobody lists buffers by hand. Until the first <see cref="Run"/> a program holds no device memory.</remarks>
public sealed class Program : IDisposable
{
    private readonly List<(string Name, Action Run)> _operations = [];
    private readonly List<PlannedNode> _nodes = [];
    private readonly List<(string Name, int First)> _sections = [];
    private readonly List<Value> _values = [];
    private readonly List<(Value Value, double[] Numbers)> _constants = [];
    private readonly List<Value> _counters = [];
    private readonly HashSet<IDeviceBuffer> _outside = [];
    private readonly List<Action> _beforeRun = [],
        _afterRun = [];
    private readonly Resources _resources = new();
    private Plan? _plan;
    private DeviceMemory? _arena;
    private DeviceGraph? _graph;

    /// <summary>Creates an empty program.</summary>
    /// <param name="device">Device the step runs on.</param>
    /// <param name="precision">Element type of <c>real</c> buffers.</param>
    /// <param name="products">What the factors of products and convolutions are rounded to.</param>
    public Program(ComputeDevice device, Precision precision, ProductPrecision products = ProductPrecision.Float32)
    {
        Device = device;
        Precision = precision;
        Launch = new LaunchSet(device.Kernels(precision), this, products);
        Poison = device.Places.Variable("LUR_PLAN") == "poison";
    }

    /// <summary>Device the step runs on.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Element type of every <c>real</c> buffer.</summary>
    public Precision Precision { get; }

    /// <summary>Launchers of every kernel and of matrix products, which record instead of running.</summary>
    public LaunchSet Launch { get; }

    /// <summary>True to run as a captured graph; false to enqueue the operations one by one at every run.</summary>
    public bool Captured { get; init; }

    /// <summary>True to fill each buffer with NaN bytes before its lifetime and after it, operation by operation: what reads a
    /// buffer that nothing wrote, or too late, gets NaN. For debugging; LUR_PLAN=poison switches it on.</summary>
    public bool Poison { get; init; }

    /// <summary>True to sum in two launches, as devices whose blocks are one thread do. For tests of those kernels.</summary>
    internal bool SumsInTwo { get; init; }

    /// <summary>Whether sums end in the launch that began them.</summary>
    internal bool SumsAtOnce => Device.Properties.HasThreads && !SumsInTwo;

    /// <summary>True once the program has memory.</summary>
    public bool IsCommitted => _arena is not null;

    /// <summary>Declares a buffer of <c>real</c>.</summary>
    public Value Real(string name, ValueRole role, Shape shape) => Declare(new Value(name, role, shape, Precision.Size(), isReal: true));

    /// <summary>Declares a buffer of elements with a size of their own (labels, taps, double results).</summary>
    public Value Raw(string name, ValueRole role, Shape shape, int elementSize) =>
        Declare(new Value(name, role, shape, elementSize, isReal: false));

    /// <summary>Declares scratch of <c>real</c>, or null when none is needed.</summary>
    /// <param name="name">Name.</param>
    /// <param name="elements">Number of elements.</param>
    public Value? Scratch(string name, long elements) =>
        elements == 0 ? null : Real(name, ValueRole.Workspace, new Shape(checked((int)elements)));

    /// <summary>Declares <c>real</c> numbers that are uploaded once, when the program gets its memory.</summary>
    public Value Constant(string name, double[] numbers)
    {
        var value = Keep(Real(name, ValueRole.Constant, new Shape(numbers.Length)));
        _constants.Add((value, numbers));
        return value;
    }

    /// <summary>Counters of kernels whose last block goes on (kernels/include/totals.cuh). Every launch finds them zero and leaves them
    /// so: all launches share them.</summary>
    /// <param name="count">How many.</param>
    internal Operand<int> Counters(int count)
    {
        if (_counters.Count == 0 || _counters[^1].Shape.Count < count)
            _counters.Add(Keep(Raw($"counters[{count}]", ValueRole.Workspace, new Shape(count), sizeof(int))));
        return ((Operand<int>)_counters[^1]).Taking(count, sizeof(int));
    }

    /// <summary>Declares numbers that the host sets between runs.</summary>
    /// <param name="name">Name for plans.</param>
    /// <param name="shape">Shape, in elements.</param>
    public RunInput<T> Input<T>(string name, Shape shape)
        where T : unmanaged
    {
        var value = Keep(Raw(name, ValueRole.Input, shape, System.Runtime.CompilerServices.Unsafe.SizeOf<T>()));
        var input = new RunInput<T>(this, value);
        BeforeRun(input.Send);
        return input;
    }

    /// <summary>Declares that a buffer is read by the host after a run, and perhaps not before the next is given.</summary>
    /// <param name="value">A buffer of this program.</param>
    public RunOutput<T> Output<T>(Value value)
        where T : unmanaged
    {
        var output = new RunOutput<T>(this, Keep(value));
        _beforeRun.Insert(0, output.RequireRoom);
        _afterRun.Add(output.Receive);
        return output;
    }

    /// <summary>Work to give to the device ahead of every run and outside of the captured graph, in the order of the calls: what
    /// differs between runs in where it comes from.</summary>
    public void BeforeRun(Action give) => _beforeRun.Add(give);

    /// <summary>Page-locked memory that uploads of this program use, freed with it.</summary>
    public PinnedBuffer<T> Pinned<T>(long count)
        where T : unmanaged => _resources.Own(Device.AllocatePinned<T>(count));

    /// <summary>Keeps a buffer alive over the whole step, so that the host can write it before or read it after.</summary>
    public static Value Keep(Value value)
    {
        value.Kept = true;
        return value;
    }

    /// <summary>Copies page-locked memory to a buffer. The host leaves it alone until the device is done with the step.</summary>
    public void Upload<T>(Value target, PinnedBuffer<T> source)
        where T : unmanaged =>
        Record("upload", () => Device.UploadAsync(target.Typed<T>(), source), [new Access(target, true, target.Bytes)]);

    /// <summary>Fills a buffer with zeros.</summary>
    public void Clear(Value target) =>
        Record("clear", () => Device.Fill(target.Typed<byte>(), 0, target.Bytes), [new Access(target, true, target.Bytes)]);

    /// <summary>Copies bytes within the device.</summary>
    public void Copy<T>(Operand<T> target, Operand<T> source, long bytes) =>
        Record(
            "copy",
            () => Device.Copy(target.Pointer, source.Pointer, bytes),
            [Access.Reads(source) with { Bytes = bytes }, Access.WritesTo(target) with { Bytes = bytes }]
        );

    /// <summary>Appends an operation.</summary>
    /// <param name="name">Name for messages.</param>
    /// <param name="run">Enqueues the work; must not allocate, synchronise or read back.</param>
    /// <param name="accesses">What it reads and writes.</param>
    /// <param name="work">Shape of a launch, or size of a product; nothing for copies.</param>
    internal void Record(string name, Action run, ReadOnlySpan<Access> accesses, NodeWork work = default)
    {
        RequireOpen();
        _nodes.Add(PlannedNode.Of(_sections.Count > 0 ? _sections[^1].Name : "", name, accesses, work, Precision));
        foreach (var (buffer, writes, _) in accesses)
        {
            if (buffer is Value value)
                value.Touch(_operations.Count, name, writes);
            else if (buffer is not null)
                _outside.Add(buffer);
        }

        _operations.Add((name, run));
    }

    /// <summary>What each operation moves and computes, in order: a node of the captured graph each.</summary>
    public IReadOnlyList<PlannedNode> Nodes => _nodes;

    /// <summary>Names the operations that follow, up to the next section, for <see cref="RunSections"/>.</summary>
    public void Section(string name) => _sections.Add((name, _operations.Count));

    /// <summary>Places every buffer; nothing can be recorded afterwards. Takes no device memory.</summary>
    /// <exception cref="InvalidOperationException">A buffer is read before anything has written it.</exception>
    public Plan Plan() => _plan ??= new Plan(_values, _operations.Count);

    /// <summary>Allocates the arena and every vector the operations name, uploads constants and captures, unless it is done.</summary>
    /// <exception cref="CudaException">Out of memory; the message holds the size.</exception>
    public void Commit()
    {
        if (IsCommitted)
            return;
        var plan = Plan();
        foreach (var buffer in _outside)
            _ = buffer.Address;
        _arena = Device.Allocate(Math.Max(plan.ArenaBytes, MemoryPlanner.Alignment));
        plan.Place(_arena.Address);
        foreach (var (value, numbers) in _constants)
            UploadConstant(value, numbers);
        foreach (var value in _counters)
            Device.Fill(value.Typed<byte>(), 0, value.Bytes);
        // No warm-up run: a step changes weights and running statistics.
        Device.Synchronize();
        if (Captured && !Poison)
            _graph = Device.Capture(RunOperations);
    }

    /// <summary>What enqueues each operation of a committed step.</summary>
    internal IEnumerable<Action> Operations => _operations.Select(o => o.Run);

    /// <summary>Enqueues the step; the first time it commits it.</summary>
    public void Run()
    {
        Commit();
        Give(_beforeRun);
        if (_graph is not null)
            _graph.Launch();
        else if (Poison)
            RunPoisoned();
        else
            RunOperations();
        Give(_afterRun);
    }

    /// <summary>Runs the step operation by operation, waiting at the end of each section. The results are those of
    /// <see cref="Run"/>.</summary>
    /// <returns>Seconds by section; sections of one name are added up.</returns>
    public IReadOnlyDictionary<string, double> RunSections()
    {
        Commit();
        Give(_beforeRun);
        var seconds = new Dictionary<string, double>(StringComparer.Ordinal);
        Device.Synchronize();
        for (var s = 0; s < _sections.Count; s++)
        {
            var start = Stopwatch.GetTimestamp();
            var end = s + 1 < _sections.Count ? _sections[s + 1].First : _operations.Count;
            for (var i = s == 0 ? 0 : _sections[s].First; i < end; i++)
                _operations[i].Run();
            Device.Synchronize();
            seconds[_sections[s].Name] = seconds.GetValueOrDefault(_sections[s].Name) + Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        Give(_afterRun);
        return seconds;
    }

    /// <summary>Frees graph, arena and page-locked memory.</summary>
    public void Dispose()
    {
        _graph?.Dispose();
        _arena?.Dispose();
        _resources.Dispose();
        (_graph, _arena) = (null, null);
    }

    internal T Own<T>(T resource)
        where T : IDisposable => _resources.Own(resource);

    private static void Give(List<Action> work)
    {
        foreach (var give in work)
            give();
    }

    private Value Declare(Value value)
    {
        RequireOpen();
        _values.Add(value);
        return value;
    }

    private void RequireOpen()
    {
        if (_plan is not null)
            throw new InvalidOperationException("The program is planned already; buffers and operations come before.");
    }

    private void UploadConstant(Value value, double[] numbers)
    {
        if (Precision == Precision.Float64)
            Device.Upload(value.Pointer, new ReadOnlySpan<double>(numbers));
        else
            Device.Upload(value.Pointer, new ReadOnlySpan<float>(Array.ConvertAll(numbers, x => (float)x)));
    }

    private void RunOperations()
    {
        foreach (ref readonly var operation in CollectionsMarshal.AsSpan(_operations))
            operation.Run();
    }

    private void RunPoisoned()
    {
        const byte nan = 0xFF; // every float and double of these bytes is a NaN, every int is -1
        for (var i = 0; i < _operations.Count; i++)
        {
            foreach (var value in _plan!.BoundedAt(i, first: true))
                Device.Fill(value.Typed<byte>(), nan, value.Bytes);
            _operations[i].Run();
            foreach (var value in _plan.BoundedAt(i, first: false))
                Device.Fill(value.Typed<byte>(), nan, value.Bytes);
        }
    }
}

using Lur.Device;

namespace Lur.Tensors;

/// <summary>What a planned buffer is for; the plan adds up bytes by role.</summary>
public enum ValueRole
{
    /// <summary>Images, labels and other inputs of a step.</summary>
    Input,

    /// <summary>Output of a layer's forward pass.</summary>
    Activation,

    /// <summary>Gradient of the loss with respect to an activation.</summary>
    Gradient,

    /// <summary>Tangent of an activation.</summary>
    Tangent,

    /// <summary>Tangent of a gradient.</summary>
    TangentGradient,

    /// <summary>Small per-layer results kept for a later pass: batch statistics, winning taps.</summary>
    Cache,

    /// <summary>Scratch that lives for one operation.</summary>
    Workspace,

    /// <summary>Losses, predictions and other results read by the host.</summary>
    Output,
}

/// <summary>A device buffer of a <see cref="StepProgram"/>. Its address is known once the program is planned.</summary>
public sealed class Value
{
    internal Value(string name, ValueRole role, Shape shape, long bytes)
    {
        Name = name;
        Role = role;
        Shape = shape;
        Bytes = bytes;
    }

    /// <summary>Name for plans and messages, e.g. <c>retain/layer1.0.conv1/y</c>.</summary>
    public string Name { get; }

    /// <summary>What it is for.</summary>
    public ValueRole Role { get; }

    /// <summary>Shape, in elements.</summary>
    public Shape Shape { get; }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    internal int First { get; set; } = int.MaxValue;

    internal int Last { get; set; } = -1;

    internal bool Kept { get; set; }

    internal ulong Address { get; set; }

    /// <summary>The address as a pointer to <c>real</c>; valid after <see cref="StepProgram.Plan"/>.</summary>
    public DevicePointer<Real> Pointer => Typed<Real>();

    /// <summary>The address as a pointer to another element type; valid after <see cref="StepProgram.Plan"/>.</summary>
    /// <exception cref="InvalidOperationException">The program is not planned yet.</exception>
    public DevicePointer<T> Typed<T>()
        where T : unmanaged =>
        Address != 0
            ? new DevicePointer<T>(Address)
            : throw new InvalidOperationException($"'{Name}' has no address yet: plan the program before running it.");
}

/// <summary>Bytes of one role in a plan.</summary>
/// <param name="Role">The role.</param>
/// <param name="Buffers">Number of buffers.</param>
/// <param name="Bytes">Sum of their sizes, as if nothing were shared.</param>
public sealed record PlanLine(ValueRole Role, int Buffers, long Bytes);

/// <summary>What a planned step takes on the device.</summary>
/// <param name="Lines">Sizes by role.</param>
/// <param name="UnsharedBytes">Sum of all buffers.</param>
/// <param name="PeakLiveBytes">Largest sum alive at one operation.</param>
/// <param name="ArenaBytes">Size of the arena after sharing.</param>
/// <param name="Operations">Number of operations in the step.</param>
public sealed record PlanReport(IReadOnlyList<PlanLine> Lines, long UnsharedBytes, long PeakLiveBytes, long ArenaBytes, int Operations);

/// <summary>A step written down once: operations in order, each naming the buffers it touches. Planning gives every buffer
/// an address in one arena by its lifetime; running enqueues the operations; capturing turns them into one device graph.
/// A planned step allocates nothing, on the device or the managed heap.</summary>
public sealed class StepProgram : IDisposable
{
    private readonly List<(string Name, Action Run)> _operations = [];
    private readonly List<(string Name, int First)> _sections = [];
    private readonly List<Value> _values = [];
    private DeviceMemory? _arena;
    private DeviceGraph? _graph;

    /// <summary>Creates an empty program.</summary>
    public StepProgram(ComputeDevice device, Precision precision)
    {
        Device = device;
        Precision = precision;
        Kernels = device.Kernels(precision);
    }

    /// <summary>Device the step runs on.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Element type of every <c>real</c> buffer.</summary>
    public Precision Precision { get; }

    /// <summary>Typed launchers of this device and precision.</summary>
    public KernelSet Kernels { get; }

    /// <summary>The plan; null before <see cref="Plan"/>.</summary>
    public PlanReport? Report { get; private set; }

    /// <summary>Declares a buffer of <c>real</c>.</summary>
    public Value Real(string name, ValueRole role, Shape shape) => Declare(name, role, shape, (long)shape.Count * Precision.Size());

    /// <summary>Declares a buffer of elements with a size of their own (labels, taps, double results).</summary>
    public Value Raw(string name, ValueRole role, Shape shape, int elementSize) =>
        Declare(name, role, shape, (long)shape.Count * elementSize);

    /// <summary>Declares scratch of a number of bytes, or null when none are needed.</summary>
    public Value? Scratch(string name, long bytes) =>
        bytes == 0 ? null : Declare(name, ValueRole.Workspace, new Shape((int)Math.Min(int.MaxValue, bytes)), bytes);

    private Value Declare(string name, ValueRole role, Shape shape, long bytes)
    {
        if (Report is not null)
            throw new InvalidOperationException("The program is planned already; buffers are declared before.");
        var value = new Value(name, role, shape, bytes);
        _values.Add(value);
        return value;
    }

    /// <summary>Keeps a buffer alive over the whole step, so that the host can write it before or read it after.</summary>
    public static Value Keep(Value value)
    {
        value.Kept = true;
        return value;
    }

    /// <summary>Appends an operation.</summary>
    /// <param name="name">Name for profiles.</param>
    /// <param name="run">Enqueues the work; must not allocate, synchronise or read back.</param>
    /// <param name="touches">Every planned buffer it reads or writes; nulls are skipped.</param>
    public void Emit(string name, Action run, params ReadOnlySpan<Value?> touches)
    {
        if (Report is not null)
            throw new InvalidOperationException("The program is planned already; operations are emitted before.");
        var index = _operations.Count;
        foreach (var value in touches)
        {
            if (value is null)
                continue;
            value.First = Math.Min(value.First, index);
            value.Last = Math.Max(value.Last, index);
        }

        _operations.Add((name, run));
    }

    /// <summary>Names the operations that follow, up to the next section, for <see cref="RunSections"/>.</summary>
    public void Section(string name) => _sections.Add((name, _operations.Count));

    /// <summary>Runs the step operation by operation, waiting at the end of each section. The results are those of
    /// <see cref="Run"/>.</summary>
    /// <returns>Seconds by section; sections of one name are added up.</returns>
    public IReadOnlyDictionary<string, double> RunSections()
    {
        var seconds = new Dictionary<string, double>(StringComparer.Ordinal);
        Device.Synchronize();
        for (var s = 0; s < _sections.Count; s++)
        {
            var start = System.Diagnostics.Stopwatch.GetTimestamp();
            var end = s + 1 < _sections.Count ? _sections[s + 1].First : _operations.Count;
            for (var i = s == 0 ? 0 : _sections[s].First; i < end; i++)
                _operations[i].Run();
            Device.Synchronize();
            seconds[_sections[s].Name] =
                seconds.GetValueOrDefault(_sections[s].Name) + System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        return seconds;
    }

    /// <summary>Places every buffer and allocates the arena.</summary>
    /// <param name="allocate">False to plan only (for <c>--plan</c>).</param>
    public PlanReport Plan(bool allocate = true)
    {
        if (Report is not null)
            throw new InvalidOperationException("The program is planned already.");
        var used = _values.Where(v => v.Last >= 0 || v.Kept).ToArray();
        var buffers = Array.ConvertAll(
            used,
            v => v.Kept ? new PlannedBuffer(v.Bytes, 0, Math.Max(0, _operations.Count - 1)) : new PlannedBuffer(v.Bytes, v.First, v.Last)
        );
        var (offsets, bytes) = MemoryPlanner.Place(buffers);
        if (allocate)
        {
            _arena = Device.Allocate(Math.Max(bytes, MemoryPlanner.Alignment));
            for (var i = 0; i < used.Length; i++)
                used[i].Address = _arena.Address + (ulong)offsets[i];
        }

        var lines = used.GroupBy(v => v.Role)
            .OrderBy(g => g.Key)
            .Select(g => new PlanLine(g.Key, g.Count(), g.Sum(v => v.Bytes)))
            .ToArray();
        return Report = new PlanReport(lines, used.Sum(v => v.Bytes), MemoryPlanner.PeakLive(buffers), bytes, _operations.Count);
    }

    /// <summary>Captures the operations into one device graph; <see cref="Run"/> then replays it.</summary>
    public void Capture()
    {
        if (Report is null)
            Plan();
        // No warm-up run: a step changes weights and running statistics. Layers load their modules while emitting.
        Device.Synchronize();
        _graph?.Dispose();
        _graph = Device.Capture(RunOperations);
    }

    /// <summary>Enqueues the step: the captured graph if there is one, else the operations one by one.</summary>
    public void Run()
    {
        if (_graph is not null)
            _graph.Launch();
        else
            RunOperations();
    }

    private void RunOperations()
    {
        foreach (var (_, run) in _operations)
            run();
    }

    /// <summary>Runs the operations one by one, waiting for each, and reports the time spent by name.</summary>
    /// <returns>Seconds by operation name, summed over operations of the same name, largest first.</returns>
    public IReadOnlyList<(string Name, double Seconds)> Profile(int repeats = 1)
    {
        var seconds = new Dictionary<string, double>(StringComparer.Ordinal);
        for (var r = 0; r < repeats; r++)
        {
            foreach (var (name, run) in _operations)
            {
                Device.Synchronize();
                var start = System.Diagnostics.Stopwatch.GetTimestamp();
                run();
                Device.Synchronize();
                var elapsed = System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds;
                seconds[name] = seconds.GetValueOrDefault(name) + elapsed / repeats;
            }
        }

        return [.. seconds.OrderByDescending(p => p.Value).Select(p => (p.Key, p.Value))];
    }

    /// <summary>Frees the graph and the arena.</summary>
    public void Dispose()
    {
        _graph?.Dispose();
        _arena?.Dispose();
        _graph = null;
        _arena = null;
    }
}

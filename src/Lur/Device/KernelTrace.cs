using System.Text.Json;
using Lur.Cuda.Loading;

namespace Lur.Device;

/// <summary>Requests of warps to global memory, of one kind.</summary>
/// <param name="Requests">Instructions of a warp.</param>
/// <param name="Sectors">Sectors of 32 bytes that they touch.</param>
/// <param name="Minimum">Sectors that the bytes they ask for take at the least.</param>
public readonly record struct GlobalTraffic(long Requests, long Sectors, long Minimum)
{
    /// <summary>Sectors in units of the least; NaN without requests.</summary>
    public double Ratio => Minimum > 0 ? (double)Sectors / Minimum : double.NaN;

    /// <summary>Both together.</summary>
    public static GlobalTraffic operator +(GlobalTraffic a, GlobalTraffic b) =>
        new(a.Requests + b.Requests, a.Sectors + b.Sectors, a.Minimum + b.Minimum);
}

/// <summary>What a GPU would see of launches of a kernel: the memory accesses of a warp's lanes, put together to requests by their place
/// in the code and by the turn of the thread there. Counted on a sample of the blocks.</summary>
public sealed record KernelTrace
{
    private const int SectorBytes = 32,
        WordBytes = 4;

    /// <summary>Kernel.</summary>
    public required string Kernel { get; init; }

    /// <summary>Shape of the launch, blocks in x, y, z; empty where launches of several shapes are added.</summary>
    public IReadOnlyList<int> Grid { get; init; } = [];

    /// <summary>Threads of a block in x, y, z; empty where launches of several shapes are added.</summary>
    public IReadOnlyList<int> Block { get; init; } = [];

    /// <summary>Launches.</summary>
    public long Launches { get; init; }

    /// <summary>Blocks launched.</summary>
    public long Blocks { get; init; }

    /// <summary>Blocks recorded; everything below is of these.</summary>
    public long Recorded { get; init; }

    /// <summary>Loads from global memory.</summary>
    public GlobalTraffic Loads { get; init; }

    /// <summary>Stores to global memory.</summary>
    public GlobalTraffic Stores { get; init; }

    /// <summary>Requests to shared memory.</summary>
    public long SharedRequests { get; init; }

    /// <summary>What its banks serve at once, in turn: conflicts make more of them than needed.</summary>
    public long SharedPasses { get; init; }

    /// <summary>The passes that no conflict would leave.</summary>
    public long SharedMinimum { get; init; }

    /// <summary>The largest number of different words that one bank was asked for at once: 1 is no conflict, 0 no shared memory.</summary>
    public int WorstConflict { get; init; }

    /// <summary>Lanes that took part in requests.</summary>
    public long ActiveLanes { get; init; }

    /// <summary>Lanes of the warps that made them.</summary>
    public long Lanes { get; init; }

    /// <summary>Atomic operations, by lane.</summary>
    public long Atomics { get; init; }

    /// <summary>Different words of 4 bytes read from global memory, each launch for itself.</summary>
    public long WordsRead { get; init; }

    /// <summary>Different words of 4 bytes written.</summary>
    public long WordsWritten { get; init; }

    /// <summary>Share of the lanes that were active; NaN without requests.</summary>
    public double ActiveShare => Lanes > 0 ? (double)ActiveLanes / Lanes : double.NaN;

    /// <summary>Bytes of all sectors touched, in units of those that must be read and written once; what a cache serves again
    /// counts.</summary>
    public double BytesRatio =>
        WordsRead + WordsWritten > 0
            ? (double)(SectorBytes * (Loads.Sectors + Stores.Sectors)) / (WordBytes * (WordsRead + WordsWritten))
            : double.NaN;

    /// <summary>Opens a device of the host driver that traces: one that LUR_HOST_DEVICES names, or, in a process that has used no device
    /// yet, one of its own that runs the recorded blocks alone.</summary>
    /// <exception cref="UserErrorException">The process has devices already, and none of them traces.</exception>
    public static ComputeDevice OpenDevice()
    {
        // The host driver's, whatever else the machine has.
        new DeviceOptions { Kind = DeviceKind.Host }.Settle();
        _ = HostTrace.Configure("fiber:trace+sampled");
        for (var i = 0; i < ComputeDevice.Count; i++)
        {
            var device = ComputeDevice.Open(new DeviceOptions { Ordinal = i, MayBeVoid = true });
            if (device.Properties.Traces)
                return device;
            device.Dispose();
        }

        throw new UserErrorException(
            "None of the host driver's devices traces kernels; unset LUR_HOST_DEVICES, or add fiber:trace+sampled to it."
        );
    }

    /// <summary>What was traced since the last call, in order of kernel and shape.</summary>
    public static IReadOnlyList<KernelTrace> Take()
    {
        using var document = JsonDocument.Parse(HostTrace.Read());
        HostTrace.Clear();
        return [.. document.RootElement.EnumerateArray().Select(Parse)];
    }

    /// <summary>Adds launches up; shapes that differ are left out.</summary>
    /// <param name="parts">Of one kernel, at least one.</param>
    public static KernelTrace Sum(IReadOnlyList<KernelTrace> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        return new KernelTrace
        {
            Kernel = parts[0].Kernel,
            Launches = parts.Sum(p => p.Launches),
            Blocks = parts.Sum(p => p.Blocks),
            Recorded = parts.Sum(p => p.Recorded),
            Loads = parts.Aggregate(default(GlobalTraffic), (t, p) => t + p.Loads),
            Stores = parts.Aggregate(default(GlobalTraffic), (t, p) => t + p.Stores),
            SharedRequests = parts.Sum(p => p.SharedRequests),
            SharedPasses = parts.Sum(p => p.SharedPasses),
            SharedMinimum = parts.Sum(p => p.SharedMinimum),
            WorstConflict = parts.Max(p => p.WorstConflict),
            ActiveLanes = parts.Sum(p => p.ActiveLanes),
            Lanes = parts.Sum(p => p.Lanes),
            Atomics = parts.Sum(p => p.Atomics),
            WordsRead = parts.Sum(p => p.WordsRead),
            WordsWritten = parts.Sum(p => p.WordsWritten),
        };
    }

    private static KernelTrace Parse(JsonElement e)
    {
        int[] Numbers(string name) => [.. e.GetProperty(name).EnumerateArray().Select(n => n.GetInt32())];
        long Number(string name) => e.GetProperty(name).GetInt64();
        GlobalTraffic Traffic(string name)
        {
            var t = e.GetProperty(name);
            return new(t.GetProperty("requests").GetInt64(), t.GetProperty("sectors").GetInt64(), t.GetProperty("minimum").GetInt64());
        }

        var shared = e.GetProperty("shared");
        return new KernelTrace
        {
            Kernel = e.GetProperty("kernel").GetString()!,
            Grid = Numbers("grid"),
            Block = Numbers("block"),
            Launches = Number("launches"),
            Blocks = Number("blocks"),
            Recorded = Number("recorded"),
            Loads = Traffic("loads"),
            Stores = Traffic("stores"),
            SharedRequests = shared.GetProperty("requests").GetInt64(),
            SharedPasses = shared.GetProperty("passes").GetInt64(),
            SharedMinimum = shared.GetProperty("minimum").GetInt64(),
            WorstConflict = shared.GetProperty("worst").GetInt32(),
            ActiveLanes = Number("activeLanes"),
            Lanes = Number("lanes"),
            Atomics = Number("atomics"),
            WordsRead = Number("wordsRead"),
            WordsWritten = Number("wordsWritten"),
        };
    }
}

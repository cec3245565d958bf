using Lur.Device;

namespace Lur.Tests.Device;

/// <summary>A device to test on and the block sizes that make sense there.</summary>
/// <param name="Name">lane, fiber or gpu.</param>
/// <param name="Device">The device, shared by all tests.</param>
/// <param name="BlockSizes">Threads of a block to try; set as <see cref="ComputeDevice.PreferredBlock"/>.</param>
public sealed record TestDevice(string Name, ComputeDevice Device, int[] BlockSizes)
{
    /// <summary>Whether a block is one thread and a kernel is plain sequential code.</summary>
    public bool IsLane => Name == "lane";

    /// <summary>Whether allocations end at a protected page, so that a read beyond the end is a fault with a name.</summary>
    public bool ChecksMemory => Name == "fiber";

    public override string ToString() => Name;
}

/// <summary>
/// The devices of this machine: with a GPU that one, without one the host driver's lane device (production) and its
/// checked fiber device, which runs every CUDA thread and is slow: small sizes there.
/// </summary>
public static class TestDevices
{
    private static readonly Lock Gate = new();
    private static List<TestDevice>? s_all;
    private static ComputeDevice? s_late;

    /// <summary>
    /// All devices, opened once; one that an earlier test's fault made unusable is reset and opened anew, so that a
    /// planted or real fault fails one test. Where nothing can be opened the calling test is ignored with the sentence.
    /// </summary>
    public static IEnumerable<TestDevice> All
    {
        get
        {
            lock (Gate)
            {
                try
                {
                    s_all ??= Open();
                    for (var i = 0; i < s_all.Count; i++)
                        s_all[i] = Usable(s_all[i]);
                    return s_all.ToArray();
                }
                catch (DllNotFoundException e)
                {
                    Assert.Ignore($"Not run: {e.Message}");
                    throw;
                }
            }
        }
    }

    /// <summary>Those that were opened so far, none where no test asked for one.</summary>
    public static IEnumerable<ComputeDevice> Opened
    {
        get
        {
            lock (Gate)
                return [.. (s_all ?? []).Select(d => d.Device)];
        }
    }

    /// <summary>The device that runs as in production: the GPU, else the lane device.</summary>
    public static ComputeDevice Default => All.First().Device;

    /// <summary>
    /// The host driver's device that does its work at the last moment, see docs/kernels.md. Not one of <see cref="All"/>:
    /// kernels compute there what they compute on the lane device. Where there is none the calling test is ignored.
    /// </summary>
    public static ComputeDevice Late
    {
        get
        {
            _ = All;
            lock (Gate)
            {
                if (s_late is null)
                    Assert.Ignore("Not run: only the host driver has a device that does its work late.");
                return s_late!;
            }
        }
    }

    /// <summary>Every device with every block size, the device set up for it; grids are split as finely as they can be.</summary>
    public static IEnumerable<TestDevice> AllBlockSizes()
    {
        foreach (var test in All)
        {
            var (block, grain) = (test.Device.PreferredBlock, test.Device.WorkGrain);
            try
            {
                // On the lane device the block is always 1; what varies there is the number of blocks.
                foreach (var size in test.IsLane ? [1, 16384] : test.BlockSizes)
                {
                    if (test.IsLane)
                        test.Device.WorkGrain = size;
                    else
                        test.Device.PreferredBlock = size;
                    yield return test;
                }
            }
            finally
            {
                (test.Device.PreferredBlock, test.Device.WorkGrain) = (block, grain);
            }
        }
    }

    // After a kernel fault every call returns the same error until the context is reset.
    private static TestDevice Usable(TestDevice test)
    {
        try
        {
            test.Device.Synchronize();
            return test;
        }
        catch (CudaException)
        {
            var ordinal = test.Device.Properties.Ordinal;
            ComputeDevice.Reset(ordinal);
            return Describe(ComputeDevice.Open(ordinal));
        }
    }

    private static List<TestDevice> Open()
    {
        var devices = Enumerable.Range(0, ComputeDevice.Count).Select(Any).ToArray();
        s_late = devices.FirstOrDefault(IsLate);
        return [.. devices.Where(d => !IsLate(d) && !d.Properties.Traces).Select(Describe)];
    }

    /// <summary>Whether a device traces kernels; what it computes is void.</summary>
    public static bool Traces(int ordinal)
    {
        using var device = Any(ordinal);
        return device.Properties.Traces;
    }

    private static ComputeDevice Any(int ordinal) => ComputeDevice.Open(new DeviceOptions { Ordinal = ordinal, MayBeVoid = true });

    private static bool IsLate(ComputeDevice device) => device.Properties.Name.Contains("late work", StringComparison.Ordinal);

    private static TestDevice Describe(ComputeDevice device)
    {
        // Host devices have compute capability 0.x (lane) and 1.x (fiber).
        var (name, blocks) = device.Properties.ComputeCapability.Major switch
        {
            0 => ("lane", new[] { 1 }),
            1 => ("fiber", [1, 32, 64, 256]),
            _ => ("gpu", [32, 96, 256, 1024]),
        };
        return new TestDevice(name, device, blocks);
    }
}

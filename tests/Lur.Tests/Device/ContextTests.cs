using Lur.Device;

namespace Lur.Tests.Device;

/// <summary>
/// Which context is current: the device's inside a call, the caller's outside; and what a disposed device says to
/// those who still hold something of it.
/// </summary>
public class ContextTests
{
    [Test]
    public void TheCallersContextSurvivesEveryCall()
    {
        _ = TestDevices.All; // where there is no device the test is not run
        var foreign = Foreign();
        try
        {
            using (var device = ComputeDevice.Open())
            {
                foreach (var (name, call) in Calls(device))
                {
                    call();
                    Assert.That(Current(), Is.EqualTo(foreign.Pointer.ToInt64()), $"the current context after {name}");
                }
            }
            Assert.That(Current(), Is.EqualTo(foreign.Pointer.ToInt64()), "the current context after the device is disposed");
        }
        finally
        {
            _ = CudaContexts.cuCtxDestroy_v2(foreign);
        }
    }

    [Test]
    public void AThreadWithoutAContextKeepsNone()
    {
        _ = TestDevices.All; // on this thread: on another one "not run" would be a failure
        OnAnotherThread(() =>
        {
            using (var device = ComputeDevice.Open())
            {
                foreach (var (_, call) in Calls(device))
                    call();
            }
            Assert.That(Current(), Is.Zero);
        });
    }

    [Test]
    public void TheCallersContextSurvivesARefusedCall()
    {
        _ = TestDevices.All;
        var foreign = Foreign();
        try
        {
            using var device = ComputeDevice.Open();
            var tooLarge = new LaunchShape(1, (uint)device.Properties.MaxThreadsPerBlock + 1);
            Assert.Catch(() => device.Kernels(Precision.Float32).Vector.VectorFill(tooLarge, default, 1, 1));
            Assert.Catch(() => device.Allocate(1L << 60));
            Assert.Catch(() => device.Capture(() => throw new InvalidOperationException()));
            Assert.That(Current(), Is.EqualTo(foreign.Pointer.ToInt64()));
        }
        finally
        {
            _ = CudaContexts.cuCtxDestroy_v2(foreign);
        }
    }

    [Test]
    public void AForeignContextMadeCurrentInACaptureDoesNotDisturbIt()
    {
        _ = TestDevices.All;
        using var device = ComputeDevice.Open();
        using var memory = device.Allocate(16);
        var fill = device.Kernels(Precision.Float32).Vector;
        fill.Load();
        CUcontext foreign = default;
        using var graph = device.Capture(() =>
        {
            foreign = Foreign();
            fill.VectorFill(device.Elements(4), memory.Pointer<Real>(), 4, 3);
        });
        Assert.That(Current(), Is.EqualTo(foreign.Pointer.ToInt64()));
        _ = CudaContexts.cuCtxDestroy_v2(foreign);
        graph.Launch();
        Assert.That(Floats(device, memory), Has.All.EqualTo(3f));
    }

    [Test]
    public void TwoDevicesOnTwoThreadsKeepApart()
    {
        var all = TestDevices.All.Select(t => t.Device.Properties.Ordinal).ToArray();
        var results = new float[2][];
        var threads = new Thread[2];
        for (var i = 0; i < 2; i++)
        {
            var index = i;
            threads[i] = new Thread(() =>
            {
                using var device = ComputeDevice.Open(all[index % all.Length]);
                using var memory = device.Allocate(16);
                for (var round = 0; round < 50; round++)
                    device.Kernels(Precision.Float32).Vector.VectorFill(device.Elements(4), memory.Pointer<Real>(), 4, round + index);
                results[index] = Floats(device, memory);
            });
            threads[i].Start();
        }
        foreach (var thread in threads)
            thread.Join();
        Assert.That(results[0], Has.All.EqualTo(49f));
        Assert.That(results[1], Has.All.EqualTo(50f));
    }

    [Test]
    public void ADeviceMovesBetweenThreadsAndIsDisposedOnAnother()
    {
        _ = TestDevices.All;
        var device = ComputeDevice.Open();
        var memory = device.Allocate(16);
        device.Upload(memory.Pointer<float>(), [1f, 2f, 3f, 4f]);
        float[] values = [];
        OnAnotherThread(() =>
        {
            values = Floats(device, memory);
            memory.Dispose();
            device.Dispose();
            Assert.That(Current(), Is.Zero);
        });
        Assert.That(values, Is.EqualTo(new[] { 1f, 2f, 3f, 4f }));
        Assert.Throws<ObjectDisposedException>(device.Synchronize);
        // The next device of this thread is not taken for the dead one.
        using var next = ComputeDevice.Open();
        using var other = next.Allocate(16);
        next.Upload(other.Pointer<float>(), [4f, 3f, 2f, 1f]);
        Assert.That(Floats(next, other), Is.EqualTo(new[] { 4f, 3f, 2f, 1f }));
    }

    [Test]
    public void ADisposedDeviceFreesWhatIsLeftAndRefusesEveryUse()
    {
        _ = TestDevices.All;
        var device = ComputeDevice.Open();
        var memory = device.Allocate(16);
        var pinned = device.AllocatePinned<float>(4);
        var timer = device.CreateTimer();
        var vector = device.Kernels(Precision.Float32).Vector;
        var address = memory.Pointer<Real>();
        vector.VectorFill(device.Elements(4), address, 4, 1);
        var graph = device.Capture(() => vector.VectorFill(device.Elements(4), address, 4, 1));
        Gemm? gemm = null;
        try
        {
            gemm = device.Gemm;
        }
        catch (DllNotFoundException) { }
        device.Dispose();
        Assert.That(device.LiveBytes, Is.Zero);
        Assert.Multiple(() =>
        {
            void Refused(string what, Action use) => Assert.Throws<ObjectDisposedException>(() => use(), what);
            Refused("synchronise", device.Synchronize);
            Refused("allocate", () => device.Allocate(1));
            Refused("allocate pinned", () => device.AllocatePinned<int>(1));
            Refused("upload", () => device.Upload(address, [1f]));
            Refused("download", () => device.Download(new float[1].AsSpan(), address));
            Refused("copy", () => device.Copy(address, address, 4));
            Refused("fill", () => device.Fill(address, 0, 4));
            Refused("free memory", () => _ = device.FreeMemory);
            Refused("timer", () => device.CreateTimer());
            Refused("start", timer.Start);
            Refused("elapsed", () => _ = timer.Milliseconds);
            Refused("kernels", () => device.Kernels(Precision.Float32));
            Refused("launch", () => vector.VectorFill(device.Elements(4), address, 4, 1));
            Refused("load", vector.Load);
            Refused("resources", () => vector.Resources());
            Refused("capture", () => device.Capture(() => { }));
            Refused("graph", graph.Launch);
            Refused("memory", () => memory.Pointer<float>());
            Refused("pinned", () => _ = pinned.Span.Length);
            Refused("pinned copy", () => device.UploadAsync(address, pinned));
            if (gemm is not null)
                Refused("gemm", () => gemm.Run(Precision.Float32, false, false, 1, 1, 1, 1, address, 1, address, 1, 0, address, 1));
        });
        // Owners that come late find nothing to do.
        memory.Dispose();
        pinned.Dispose();
        timer.Dispose();
        graph.Dispose();
        device.Dispose();
        Assert.That(device.LiveBytes, Is.Zero);
    }

    private static List<(string Name, Action Call)> Calls(ComputeDevice device)
    {
        var memory = device.Allocate(64);
        var pinned = device.AllocatePinned<float>(4);
        var kernels = device.Kernels(Precision.Float32).Vector;
        var p = memory.Pointer<Real>();
        return
        [
            ("open", () => { }),
            ("load", kernels.Load),
            ("launch", () => kernels.VectorFill(device.Elements(4), p, 4, 1)),
            ("resources", () => kernels.Resources()),
            ("upload", () => device.Upload(p, [1f, 2f])),
            ("download", () => device.Download(new float[2].AsSpan(), p)),
            ("upload from pinned", () => device.UploadAsync(p, pinned)),
            ("download to pinned", () => device.DownloadAsync(pinned, p)),
            ("copy", () => device.Copy(p, memory.Pointer<Real>(32), 16)),
            ("fill", () => device.Fill(p, 0, 16)),
            ("free memory", () => _ = device.FreeMemory),
            (
                "timer",
                () =>
                {
                    using var timer = device.CreateTimer();
                    timer.Start();
                    timer.Stop();
                    _ = timer.Milliseconds;
                }
            ),
            (
                "graph",
                () =>
                {
                    using var graph = device.Capture(() => kernels.VectorFill(device.Elements(4), p, 4, 1));
                    graph.Launch();
                }
            ),
            ("synchronise", device.Synchronize),
            ("free pinned", pinned.Dispose),
            ("free", memory.Dispose),
        ];
    }

    private static float[] Floats(ComputeDevice device, DeviceMemory memory)
    {
        var values = new float[4];
        device.Download(values.AsSpan(), memory.Pointer<float>());
        return values;
    }

    private static CUcontext Foreign()
    {
        CUcontext context = default;
        var result = CudaContexts.cuCtxCreate_v2(ref context, 0, default);
        Assert.That((int)result, Is.Zero, "cuCtxCreate_v2");
        return context;
    }

    private static long Current()
    {
        CUcontext context = default;
        _ = CudaContexts.cuCtxGetCurrent(ref context);
        return context.Pointer.ToInt64();
    }

    private static void OnAnotherThread(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
#pragma warning disable CA1031 // brought to the test's thread
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            throw new InvalidOperationException("The other thread failed.", failure);
    }
}

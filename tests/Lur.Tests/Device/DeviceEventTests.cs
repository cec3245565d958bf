using Lur.Device;

namespace Lur.Tests.Device;

/// <summary>
/// The copy stream and the events between it and the compute stream. The device that does its work late shows whether
/// something waits: there a missing event or wait changes the bytes.
/// </summary>
public class DeviceEventTests
{
    private static IEnumerable<ComputeDevice> Devices => TestDevices.All.Select(t => t.Device).Append(TestDevices.Late);

    [Test]
    public void TheComputeStreamWaitsForAnUploadOfTheCopyStream()
    {
        foreach (var device in Devices)
        {
            using var source = device.AllocatePinned<float>(4);
            using var result = device.AllocatePinned<float>(4);
            using var x = device.Allocate(16);
            using var y = device.Allocate(16);
            using var uploaded = device.CreateEvent();
            using var computed = device.CreateEvent();
            source.Span.Fill(3);
            device.Fill(x.Pointer<float>(), 0, 16);
            device.Fill(y.Pointer<float>(), 0, 16);
            device.Synchronize();
            device.UploadAsync(x.Pointer<float>(), source, stream: DeviceStream.Copy);
            uploaded.Record(DeviceStream.Copy);
            uploaded.HoldBack(DeviceStream.Compute);
            device.Kernels(Precision.Float32).Vector.VectorAxpy(device.Elements(4), y.Pointer<Real>(), x.Pointer<Real>(), 4, 2);
            computed.Record();
            computed.HoldBack(DeviceStream.Copy);
            device.DownloadAsync(result, y.Pointer<float>(), stream: DeviceStream.Copy);
            computed.Record(DeviceStream.Copy);
            computed.Synchronize();
            Assert.That(result.Span.ToArray(), Has.All.EqualTo(6f), device.Properties.Name);
            Assert.That(uploaded.IsDone && computed.IsDone);
        }
    }

    [Test]
    public void WithoutAnEventTheLateDeviceComputesWithTheOldBytes()
    {
        var device = TestDevices.Late;
        using var source = device.AllocatePinned<float>(1);
        using var x = device.Allocate(4);
        var result = new float[1];
        device.Fill(x.Pointer<float>(), 0, 4);
        device.Synchronize();
        source.Span[0] = 3;
        device.UploadAsync(x.Pointer<float>(), source, stream: DeviceStream.Copy);
        device.Download(result.AsSpan(), x.Pointer<float>());
        Assert.That(result[0], Is.Zero, "a download waits for the compute stream only");
        device.Synchronize();
        device.Download(result.AsSpan(), x.Pointer<float>());
        Assert.That(result[0], Is.EqualTo(3f), "Synchronize waits for both");
    }

    [Test]
    public void ASourceThatChangesBeforeTheWaitArrivesChangedOnTheLateDevice()
    {
        var device = TestDevices.Late;
        using var source = device.AllocatePinned<float>(1);
        using var x = device.Allocate(4);
        using var uploaded = device.CreateEvent();
        var result = new float[1];
        foreach (var waits in new[] { false, true })
        {
            source.Span[0] = 1;
            device.UploadAsync(x.Pointer<float>(), source);
            uploaded.Record();
            if (waits)
                uploaded.Synchronize();
            source.Span[0] = 2;
            device.Download(result.AsSpan(), x.Pointer<float>());
            Assert.That(result[0], Is.EqualTo(waits ? 1f : 2f));
        }
    }

    [Test]
    public void AnEventIsNotDoneBeforeItsWork()
    {
        var device = TestDevices.Late;
        using var memory = device.Allocate(1 << 16);
        using var start = device.CreateEvent(timing: true);
        using var stop = device.CreateEvent(timing: true);
        Assert.That(start.IsDone, "never recorded");
        start.Record();
        device.Fill(memory.Pointer<byte>(), 1, memory.Bytes);
        stop.Record();
        Assert.That(stop.IsDone, Is.False);
        stop.Synchronize();
        Assert.That(stop.IsDone);
        Assert.That(stop.MillisecondsSince(start), Is.InRange(0, 60_000));
        using var untimed = device.CreateEvent();
        untimed.Record();
        Assert.Catch(() => untimed.MillisecondsSince(start));
    }

    [Test]
    public void ACaptureTakesTheCopyStreamAlong()
    {
        foreach (var device in Devices)
        {
            using var source = device.AllocatePinned<float>(2);
            using var x = device.Allocate(8);
            using var begun = device.CreateEvent();
            using var copied = device.CreateEvent();
            using var graph = device.Capture(() =>
            {
                begun.Record();
                begun.HoldBack(DeviceStream.Copy);
                device.UploadAsync(x.Pointer<float>(), source, stream: DeviceStream.Copy);
                copied.Record(DeviceStream.Copy);
                copied.HoldBack(DeviceStream.Compute);
            });
            var result = new float[2];
            for (var round = 1; round <= 2; round++)
            {
                source.Span.Fill(round);
                graph.Launch();
                device.Download(result.AsSpan(), x.Pointer<float>());
                Assert.That(result, Has.All.EqualTo((float)round), device.Properties.Name);
            }
        }
    }

    [Test]
    public void ADisposedEventRefuses()
    {
        _ = TestDevices.All;
        var device = ComputeDevice.Open();
        var left = device.CreateEvent();
        var freed = device.CreateEvent();
        freed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => freed.Record());
        device.Dispose();
        Assert.Throws<ObjectDisposedException>(() => left.Record());
        Assert.Throws<ObjectDisposedException>(() => _ = left.IsDone);
        left.Dispose();
    }
}

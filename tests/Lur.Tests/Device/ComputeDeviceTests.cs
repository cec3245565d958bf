using Lur.Device;

namespace Lur.Tests.Device;

/// <summary>Opening, extents, memory and copies.</summary>
public class ComputeDeviceTests
{
    [Test]
    public void ADeviceThatIsNotThereIsNamedWithTheCount()
    {
        _ = TestDevices.All;
        var count = ComputeDevice.Count;
        var e = Assert.Throws<UserErrorException>(() => ComputeDevice.Open(count))!;
        Assert.That(e.Message, Does.Contain($"no device {count}").And.Contain($"lists {count}"));
    }

    [Test]
    public void ExtentsCoverTheWorkAndObeyTheDevice([Values(1, 31, 257, 1_000_003)] int work, [Values(1, 33, 10_007)] int row)
    {
        foreach (var test in TestDevices.AllBlockSizes())
        {
            var p = test.Device.Properties;
            foreach (var shape in new[] { test.Device.Elements(work), test.Device.Rows(work, row), test.Device.Blocks(work, row) })
            {
                Assert.That(shape.GridX, Is.InRange(1, p.Multiprocessors * 16));
                Assert.That(shape.BlockX * shape.BlockY, Is.InRange(1, p.MaxThreadsPerBlock));
                Assert.That(shape.BlockX == 1 || shape.BlockX % p.WarpSize == 0, $"{shape}");
                // One block more would have nothing to do.
                Assert.That((shape.GridX - 1) * (long)shape.BlockY, Is.LessThan(work), $"{shape}");
            }
            Assert.That(test.Device.Blocks(work).BlockY, Is.EqualTo(1));
        }
    }

    [Test]
    public void NothingToDoIsStillALegalExtent() =>
        Assert.That(TestDevices.All.Select(t => t.Device.Elements(0).GridX), Has.All.EqualTo(1));

    [Test]
    public void BytesComeBackAsTheyWent([Values(1, 7, 4099)] int n)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.All)
        {
            var values = Enumerable.Range(0, n).Select(_ => (int)random.Next()).ToArray();
            using var a = new GuardedArray<int>(test, n);
            using var b = new GuardedArray<int>(test, n);
            a.Upload(values);
            test.Device.Copy(new DevicePointer<int>(b.Address), new DevicePointer<int>(a.Address), n * sizeof(int));
            Assert.That(b.Download(), Is.EqualTo(values), $"{test}");
            test.Device.Fill(new DevicePointer<int>(a.Address), 0xFF, n * sizeof(int));
            Assert.That(a.Download(), Has.All.EqualTo(-1), $"{test}");
        }
    }

    [Test]
    public void PinnedBuffersCopyPartsInOrder()
    {
        foreach (var test in TestDevices.All)
        {
            using var pinned = test.Device.AllocatePinned<float>(5);
            using var back = test.Device.AllocatePinned<float>(5);
            using var array = new GuardedArray<float>(test, 3);
            new float[] { 1, 2, 3, 4, 5 }.CopyTo(pinned.Span);
            test.Device.UploadAsync(new DevicePointer<float>(array.Address), pinned, 3, 1);
            test.Device.DownloadAsync(back, new DevicePointer<float>(array.Address), 3);
            test.Device.Synchronize();
            Assert.That(back.Span[..3].ToArray(), Is.EqualTo(new float[] { 2, 3, 4 }));
            Assert.Throws<ArgumentOutOfRangeException>(() =>
                test.Device.UploadAsync(new DevicePointer<float>(array.Address), pinned, 3, 3)
            );
        }
    }

    [Test]
    public void MemoryIsCountedWhileItLives()
    {
        foreach (var test in TestDevices.All)
        {
            var (bytes, count) = (test.Device.LiveBytes, test.Device.AllocationCount);
            test.Device.ResetPeak();
            using (var memory = test.Device.Allocate(1000))
            {
                Assert.That(memory.Address, Is.Not.Zero);
                Assert.That(test.Device.LiveBytes - bytes, Is.EqualTo(1000));
            }

            Assert.That(test.Device.PeakBytes - bytes, Is.EqualTo(1000));
            test.Device.ResetPeak();
            Assert.That(test.Device.PeakBytes, Is.EqualTo(bytes));
            Assert.That(test.Device.LiveBytes, Is.EqualTo(bytes));
            Assert.That(test.Device.AllocationCount - count, Is.EqualTo(1));
            using var aligned = test.Device.Allocate(4096);
            Assert.That(aligned.Address % 256, Is.Zero, $"{test}");
        }
    }

    [Test]
    public void AnImpossibleAllocationNamesItsSize()
    {
        const long bytes = 1L << 50;
        foreach (var test in TestDevices.All)
        {
            var e = Assert.Throws<CudaException>(() => test.Device.Allocate(bytes).Dispose())!;
            Assert.That(
                e.Message,
                Does.Contain("cuMemAlloc_v2").And.Contain($"bytes: {bytes}").And.Contain("CUDA_ERROR_OUT_OF_MEMORY (2)")
            );
            Assert.That(e.Message, Does.Contain("smaller batch"));
        }
    }

    [Test]
    public void ATimerMeasuresWorkInOrder()
    {
        foreach (var test in TestDevices.All)
        {
            using var timer = test.Device.CreateTimer();
            using var memory = test.Device.Allocate(1 << 20);
            timer.Start();
            test.Device.Fill(memory.Pointer<byte>(), 1, memory.Bytes);
            timer.Stop();
            Assert.That(timer.Milliseconds, Is.InRange(0, 60_000));
        }
    }

    [Test]
    public void TwoDevicesTakeTurnsOnOneThread()
    {
        var all = TestDevices.All.ToArray();
        if (all.Length < 2)
            Assert.Ignore("Not run: this machine has one device.");
        using var a = new GuardedArray<float>(all[0], 3);
        using var b = new GuardedArray<float>(all[1], 3);
        for (var i = 0; i < 3; i++)
        {
            a.Upload([i, 1, 2]);
            b.Upload([i, 3, 4]);
        }
        Assert.That(a.Download(), Is.EqualTo(new float[] { 2, 1, 2 }));
        Assert.That(b.Download(), Is.EqualTo(new float[] { 2, 3, 4 }));
    }
}

using Lur.Device;

namespace Lur.Tests.Device;

/// <summary>Generated launchers, counters, capture and replay, on every device of the machine.</summary>
public class LaunchTests
{
    // 1, primes, and one above a block of 256 and of a grain of 16384.
    private static readonly int[] Sizes = [1, 2, 31, 257, 1009, 16385];

    [Test]
    public void ALaunchComputesWhatTheKernelSays([ValueSource(nameof(Sizes))] int n, [Values] Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        {
            var values = random.NormalArray(n);
            using var x = new GuardedBuffer(test, precision, values);
            using var y = new GuardedBuffer(test, precision, n);
            test.Device.Kernels(precision).Vector.VectorScale(test.Device.Elements(n), y.Pointer, x.Pointer, n, -2);
            var expected = Array.ConvertAll(x.Get(), v => -2 * v);
            Errors.AssertSame(y.Get(), expected, $"scale on {test} with blocks of {test.Device.PreferredBlock}");
        }
    }

    [Test]
    public void ARealScalarArrivesInTheModulesPrecision([Values] Precision precision)
    {
        const double third = 1.0 / 3;
        foreach (var test in TestDevices.All)
        {
            using var y = new GuardedBuffer(test, precision, 7);
            test.Device.Kernels(precision).Vector.VectorFill(test.Device.Elements(7), y.Pointer, 7, third);
            var expected = precision == Precision.Float32 ? (double)(float)third : third;
            Errors.AssertSame(y.Get(), [.. Enumerable.Repeat(expected, 7)], $"fill on {test}");
        }
    }

    [Test]
    public void ALaunchAllocatesNothingAndIsCounted()
    {
        foreach (var test in TestDevices.All)
        {
            var device = test.Device;
            using var y = new GuardedBuffer(test, Precision.Float32, 64);
            var (kernels, shape) = (device.Kernels(Precision.Float32), new LaunchShape(1, test.IsLane ? 1u : 32u));
            var repeats = test.IsLane ? 1000 : 10;
            // The first round compiles; the second lets the JIT finish what it does on a second call.
            for (var i = 0; i < 3; i++)
                kernels.Vector.VectorScale(shape, y.Pointer, y.Pointer, 64, 1);
            var (bytes, launches, allocations) = (GC.GetAllocatedBytesForCurrentThread(), device.LaunchCount, device.AllocationCount);
            for (var i = 0; i < repeats; i++)
                kernels.Vector.VectorScale(shape, y.Pointer, y.Pointer, 64, 1);
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - bytes, Is.Zero, $"managed bytes on {test}");
            Assert.That(device.AllocationCount - allocations, Is.Zero, $"device allocations on {test}");
            Assert.That(device.LaunchCount - launches, Is.EqualTo(repeats), $"launches on {test}");
        }
    }

    [Test]
    public void AReplayRunsAgainWithTheCapturedArgumentsAndTheBuffersOfNow([Values] Precision precision)
    {
        const int n = 103;
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.All)
        {
            var device = test.Device;
            var kernels = device.Kernels(precision);
            kernels.Vector.Load();
            using var x = new GuardedBuffer(test, precision, random.NormalArray(n));
            using var y = new GuardedBuffer(test, precision, n);
            device.Fill(y.Pointer, 0, n * precision.Size());
            var factor = 2.0;
            using var graph = device.Capture(() => kernels.Vector.VectorAxpy(device.Elements(n), y.Pointer, x.Pointer, n, factor));
            Errors.AssertSame(y.Get(), new double[n], $"a capture does not run ({test})");
            Assert.That(graph.Launches, Is.EqualTo(1));
            factor = 1e9; // copied at capture: without effect
            var (first, launches) = (x.Get(), device.LaunchCount);
            graph.Launch();
            var other = random.NormalArray(n);
            device.Synchronize();
            x.Set(other);
            graph.Launch();
            Assert.That(device.LaunchCount - launches, Is.EqualTo(2), "a replay counts the launches it holds");
            // y = 2 x1 + 2 x2, each product exact, one rounding for the sum (fused or not).
            var expected = first.Zip(x.Get(), (a, b) => (2 * a) + (2 * b)).ToArray();
            Errors.AssertClose(y.Get(), expected, precision == Precision.Float32 ? 1.2e-7 : 2.3e-16, $"two replays on {test}");
        }
    }

    [Test]
    public void AReplayAllocatesNothing()
    {
        foreach (var test in TestDevices.All)
        {
            var kernels = test.Device.Kernels(Precision.Float32);
            using var y = new GuardedBuffer(test, Precision.Float32, 8);
            kernels.Vector.VectorFill(test.Device.Elements(8), y.Pointer, 8, 1);
            using var graph = test.Device.Capture(() => kernels.Vector.VectorFill(test.Device.Elements(8), y.Pointer, 8, 1));
            graph.Launch();
            graph.Launch();
            var bytes = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 10; i++)
                graph.Launch();
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - bytes, Is.Zero, $"managed bytes on {test}");
            test.Device.Synchronize();
        }
    }

    [Test]
    public void WhatCannotBeCapturedSaysSoAndTheDeviceGoesOn()
    {
        foreach (var test in TestDevices.All)
        {
            using var y = new GuardedBuffer(test, Precision.Float32, 4);
            var pointer = y.Pointer;
            var e = Assert.Throws<InvalidOperationException>(() => test.Device.Capture(() => test.Device.Upload(pointer, [1f, 2f])))!;
            Assert.That(e.Message, Does.Contain("UploadAsync"));
            y.Set([1, 2, 3, 4]);
            Errors.AssertSame(y.Get(), [1, 2, 3, 4], $"after a failed capture on {test}");
        }
    }

    [Test]
    public void ARefusedLaunchNamesKernelGridAndBlock()
    {
        foreach (var test in TestDevices.All)
        {
            using var y = new GuardedBuffer(test, Precision.Float32, 4);
            var tooLarge = new LaunchShape(1, (uint)test.Device.Properties.MaxThreadsPerBlock + 1);
            var e = Assert.Throws<CudaException>(() =>
                test.Device.Kernels(Precision.Float32).Vector.VectorScale(tooLarge, y.Pointer, y.Pointer, 4, 1)
            )!;
            Assert.That(e.CudaError, Is.EqualTo(CUResult.ErrorInvalidValue));
            Assert.That(
                e.Message,
                Does.Contain("cuLaunchKernel")
                    .And.Contain("vector_scale")
                    .And.Contain($"block: {tooLarge.BlockX}x1")
                    .And.Contain("CUDA_ERROR_INVALID_VALUE")
            );
        }
    }

    [Test]
    public void TheCatalogKnowsEveryKernelThatTheLaunchersKnow()
    {
        var scale = KernelCatalog.Files.Single(f => f.Path == "vectors/vector.cu").Kernels.Single(k => k.Name == "vector_scale");
        Assert.That(scale.Cooperative, Is.False);
        Assert.That(
            scale.Parameters,
            Is.EqualTo(
                new KernelParameter[]
                {
                    new("y", "real", true, false),
                    new("x", "real", true, true),
                    new("n", "int", false, false),
                    new("a", "accum", false, false),
                }
            )
        );
        Assert.That(
            TestDevices.Default.Kernels(Precision.Float32).All.Select(m => m.File),
            Is.EqualTo(KernelCatalog.Files.Select(f => f.Path))
        );
    }
}

using Lur.Device;
using Lur.Tensors;
using Lur.Tests.Kernels;

namespace Lur.Tests.Device;

/// <summary>A device in the context, the stream and the memory of a program that has its own.</summary>
public class AttachTests
{
    [Test]
    public void WorkGoesToTheCallersStreamAndMemoryComesFromItsAllocator()
    {
        _ = TestDevices.All;
        using var owner = ComputeDevice.Open();
        var memory = new Counted(owner);
        using (var device = ComputeDevice.Attach(owner.NativeContext, owner.NativeStream, memory))
        {
            Assert.That((device.NativeContext, device.NativeStream), Is.EqualTo((owner.NativeContext, owner.NativeStream)));
            Assert.That(device.Properties.Name, Is.EqualTo(owner.Properties.Name));
            using var own = device.Allocate(4000);
            Assert.That(memory.Live, Is.EqualTo(4000));
            // Two devices on one stream: what one was given first happens first, without waiting.
            owner.Fill(own.Pointer<byte>(), 7, 4000);
            device.Fill(own.Pointer<byte>(2000), 8, 2000);
            var read = new byte[4000];
            owner.Download(read.AsSpan(), own.Pointer<byte>());
            Assert.That(read, Is.EqualTo(Enumerable.Repeat((byte)7, 2000).Concat(Enumerable.Repeat((byte)8, 2000))));
            _ = device.Gemm; // its workspace too
            Assert.That(memory.Live, Is.GreaterThan(4000));
            Assert.That(device.LiveBytes, Is.EqualTo(4000));
        }

        Assert.That((memory.Live, memory.Blocks), Is.EqualTo((0L, 0)));
        // Context and stream are the owner's still.
        owner.Synchronize();
        using var after = owner.Allocate(16);
    }

    [Test]
    public void AnAllocatorThatHasNoneIsOutOfMemory()
    {
        _ = TestDevices.All;
        using var owner = ComputeDevice.Open();
        var memory = new Counted(owner) { Left = 1 };
        using var device = ComputeDevice.Attach(owner.NativeContext, 0, memory);
        using var first = device.Allocate(100);
        var thrown = Assert.Throws<CudaException>(() => device.Allocate(100))!;
        Assert.That((int)thrown.CudaError, Is.EqualTo(2));
        Assert.That(thrown.Message, Does.Contain("100 bytes"));
        Assert.That(device.LiveBytes, Is.EqualTo(100));
    }

    [Test]
    public void TheDefaultStreamIsRefused([Values(1, 2)] int stream)
    {
        _ = TestDevices.All;
        Assert.That(() => ComputeDevice.Attach(0, stream), Throws.TypeOf<UserErrorException>().With.Message.Contains("default stream"));
    }

    [Test]
    public void AVectorOverMemoryOfSomebodyElseFreesNothing()
    {
        foreach (var precision in KernelScope.Precisions)
        {
            var device = TestDevices.Default;
            using var memory = device.Allocate(7 * precision.Size());
            var layout = new ParameterLayout();
            layout.Add("x", ParameterKind.Bias, new Shape(7));
            double[] values = [1, 2, 3, 4, 5, 6, 7];
            using (var vector = new FlatVector(device, precision, layout, "borrowed", memory.Pointer<Real>()))
            {
                vector.Set(values);
                Assert.That(vector.Address, Is.EqualTo(memory.Address));
            }

            using var again = new FlatVector(device, precision, layout, "borrowed", memory.Pointer<Real>());
            Assert.That(again.ToArray(), Is.EqualTo(values));
            Assert.That(
                () => new FlatVector(device, precision, layout, "x", new DevicePointer<Real>(memory.Address + 2)),
                Throws.ArgumentException
            );
            Assert.That(() => new FlatVector(device, precision, layout, "x", default(DevicePointer<Real>)), Throws.ArgumentException);
        }
    }

    [Test]
    public void AKernelThatMayNotBeCompiledIsOneSentence()
    {
        _ = TestDevices.All;
        var places = new KernelPlaces { KeepsNone = true, MayCompile = false };
        using var device = ComputeDevice.Attach(new DeviceAttachment { Kernels = places });
        Assert.That(
            () => device.Kernels(Precision.Float64).Pieces.Load(),
            Throws.TypeOf<KernelCompilationException>().With.Message.Contains("would have to be compiled")
        );
    }

    [Test]
    public void KernelsComeFromTheFolderThatIsNamed()
    {
        _ = TestDevices.All;
        using var device = ComputeDevice.Attach(new DeviceAttachment { Kernels = new KernelPlaces { KernelFolder = "/nowhere/kernels" } });
        Assert.That(
            () => device.Kernels(Precision.Float32).Pieces.Load(),
            Throws.TypeOf<FileNotFoundException>().With.Message.Contains("/nowhere/kernels")
        );
    }

    private sealed class Counted(ComputeDevice from) : IDeviceAllocator
    {
        private readonly Dictionary<ulong, DeviceMemory> _blocks = [];

        public int Left { get; set; } = int.MaxValue;

        public int Blocks => _blocks.Count;

        public long Live { get; private set; }

        public ulong Allocate(long bytes, int alignment)
        {
            if (Left-- == 0)
                return 0;
            // A multiple of the alignment: a checking device aligns no other sizes.
            var memory = from.Allocate((bytes + alignment - 1) / alignment * alignment);
            _blocks.Add(memory.Address, memory);
            Live += bytes;
            return memory.Address;
        }

        public void Release(ulong address, long bytes)
        {
            Live -= bytes;
            _blocks.Remove(address, out var memory);
            memory!.Dispose();
        }
    }
}

using Lur.Cuda;
using Lur.Cuda.BasicTypes;
using Lur.Cuda.CudaBlas;
using Lur.Cuda.NVRTC;
using Lur.Cuda.VectorTypes;
using Lur.Tests.Device;
using Drv = Lur.Cuda.DriverAPINativeMethods;

namespace Lur.Tests.Bindings;

/// <summary>The bindings by themselves, the way a ManagedCuda user writes against them.</summary>
public class DriverTests
{
    private const string Axpy = """
        extern "C" __global__ void axpy(int n, float a, const float* x, float* y) {
            for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) y[i] += a * x[i];
        }
        """;

    private PrimaryContext _context = null!;
    private CUmodule _module;

    [OneTimeSetUp]
    public void Compile()
    {
        _ = TestDevices.All;
        _context = new PrimaryContext(0);
        _context.SetCurrent();
        using var program = new CudaRuntimeCompiler(Axpy, "axpy.cu");
        var capability = CudaContext.GetDeviceComputeCapability(0);
        program.Compile([$"--gpu-architecture=sm_{(capability.Major * 10) + capability.Minor}", "-default-device"]);
        _module = _context.LoadModulePTX(program.GetCubin());
    }

    [SetUp]
    public void MakeCurrent() => _context.SetCurrent();

    [OneTimeTearDown]
    public void Release()
    {
        _context.SetCurrent();
        _context.UnloadModule(_module);
        _context.Dispose();
        foreach (var test in TestDevices.All)
            test.Device.Synchronize();
    }

    [Test]
    public void AContextIsMadePushedPoppedAndDestroyed()
    {
        CUcontext before = default,
            own = default,
            popped = default;
        _ = Drv.ContextManagement.cuCtxGetCurrent(ref before);
        Assert.That(Drv.ContextManagement.cuCtxCreate_v2(ref own, CUCtxFlags.SchedAuto, _context.Device), Is.EqualTo(CUResult.Success));
        Assert.That(Drv.ContextManagement.cuCtxPushCurrent_v2(before), Is.EqualTo(CUResult.Success));
        Assert.That(Drv.ContextManagement.cuCtxPopCurrent_v2(ref popped), Is.EqualTo(CUResult.Success));
        Assert.That(popped.Pointer, Is.EqualTo(before.Pointer));
        Assert.That(Drv.ContextManagement.cuCtxPopCurrent_v2(ref popped), Is.EqualTo(CUResult.Success));
        Assert.That(popped.Pointer, Is.EqualTo(own.Pointer));
        Assert.That(Drv.ContextManagement.cuCtxDestroy_v2(own), Is.EqualTo(CUResult.Success));
        Assert.That(Drv.ContextManagement.cuCtxPushCurrent_v2(own), Is.EqualTo(CUResult.ErrorInvalidContext));
        _ = Drv.ContextManagement.cuCtxGetCurrent(ref popped);
        Assert.That(popped.Pointer, Is.EqualTo(before.Pointer));
    }

    [Test]
    public void AKernelRunsCapturesAndReplays()
    {
        const int n = 100;
        var kernel = new CudaKernel("axpy", _module) { GridDimensions = new dim3(3), BlockDimensions = new dim3(1) };
        using var stream = new CudaStream(CUStreamFlags.NonBlocking);
        using var x = new CudaDeviceVariable<float>(n);
        using var y = new CudaDeviceVariable<float>(n);
        x.CopyToDevice([.. Enumerable.Range(0, n).Select(i => (float)i)]);
        y.MemsetAsync(0, stream.Stream);
        kernel.RunAsync(stream.Stream, n, 2f, x.DevicePointer, y.DevicePointer);
        Drv.Streams.cuStreamBeginCapture(stream.Stream, CUstreamCaptureMode.Local);
        kernel.RunAsync(stream.Stream, n, 3f, x.DevicePointer, y.DevicePointer);
        CUgraph graph = default;
        CUgraphExec exec = default;
        Assert.That(Drv.Streams.cuStreamEndCapture(stream.Stream, ref graph), Is.EqualTo(CUResult.Success));
        Assert.That(Drv.GraphManagment.cuGraphInstantiate(ref exec, graph, CUgraphInstantiate_flags.None), Is.EqualTo(CUResult.Success));
        Assert.That(Drv.GraphManagment.cuGraphLaunch(exec, stream.Stream), Is.EqualTo(CUResult.Success));
        using var pinned = new CudaPageLockedHostMemory<float>(n);
        pinned.AsyncCopyFromDevice(y.DevicePointer, stream.Stream);
        stream.Synchronize();
        Assert.That(Enumerable.Range(0, n).Select(i => pinned[i]), Is.EqualTo(Enumerable.Range(0, n).Select(i => 5f * i)));
        _ = Drv.GraphManagment.cuGraphExecDestroy(exec);
        _ = Drv.GraphManagment.cuGraphDestroy(graph);
    }

    [Test]
    public void EventsOrderTwoStreamsAndMeasure()
    {
        using var first = new CudaStream(CUStreamFlags.NonBlocking);
        using var second = new CudaStream(CUStreamFlags.NonBlocking);
        using var start = new CudaEvent();
        using var end = new CudaEvent();
        using var x = new CudaDeviceVariable<uint>(1000);
        start.Record(first.Stream);
        x.MemsetAsync(7, first.Stream);
        end.Record(first.Stream);
        second.WaitEvent(end.Event);
        x.MemsetAsync(8, second.Stream);
        second.Synchronize();
        var values = new uint[1000];
        x.CopyToHost(values);
        Assert.That(values, Has.All.EqualTo(8u));
        Assert.That(end.Query() && first.Query());
        Assert.That(CudaEvent.ElapsedTime(start, end), Is.InRange(0, 60_000));
    }

    [Test]
    public void PoolMemoryIsAllocatedInStreamOrder()
    {
        CUmemoryPool pool = default;
        Assert.That(Drv.DeviceManagement.cuDeviceGetDefaultMemPool(ref pool, _context.Device), Is.EqualTo(CUResult.Success));
        var keep = ulong.MaxValue;
        Assert.That(
            Drv.MemoryManagement.cuMemPoolSetAttribute(pool, CUmemPool_attribute.ReleaseThreshold, ref keep),
            Is.EqualTo(CUResult.Success)
        );
        using var stream = new CudaStream();
        CUdeviceptr pointer = default;
        Assert.That(Drv.MemoryManagement.cuMemAllocAsync(ref pointer, 4096, stream.Stream), Is.EqualTo(CUResult.Success));
        Assert.That(Drv.MemsetAsync.cuMemsetD8Async(pointer, 1, 4096, stream.Stream), Is.EqualTo(CUResult.Success));
        Assert.That(Drv.MemoryManagement.cuMemFreeAsync(pointer, stream.Stream), Is.EqualTo(CUResult.Success));
        stream.Synchronize();
    }

    [Test]
    public void BlasIsColumnMajor()
    {
        using var stream = new CudaStream(CUStreamFlags.NonBlocking);
        var blas = new CudaBlas(stream.Stream);
        using var a = new CudaDeviceVariable<double>(4);
        using var b = new CudaDeviceVariable<double>(2);
        using var c = new CudaDeviceVariable<double>(2);
        a.CopyToDevice([1, 2, 3, 4]); // columns (1,2) and (3,4)
        b.CopyToDevice([5, 6]);
        blas.Gemm(Operation.NonTranspose, Operation.NonTranspose, 2, 1, 2, 1.0, a, 2, b, 2, 0.0, c, 2);
        stream.Synchronize();
        blas.Dispose();
        var result = new double[2];
        c.CopyToHost(result);
        Assert.That(result, Is.EqualTo(new double[] { (1 * 5) + (3 * 6), (2 * 5) + (4 * 6) }));
    }

    [Test]
    public void AnErrorNamesCallArgumentCodeAndRemedy()
    {
        var e = Assert.Throws<CudaException>(() => _ = new CudaKernel("missing", _module))!;
        Assert.That((e.CudaError, e.CudaInternalErrorName), Is.EqualTo((CUResult.ErrorNotFound, "CUDA_ERROR_NOT_FOUND")));
        Assert.That(
            e.Message,
            Does.StartWith("cuModuleGetFunction(kernel: missing) failed with CUDA_ERROR_NOT_FOUND (500): ").And.Contain("not in the module")
        );
        e = Assert.Throws<CudaException>(() => _context.LoadModulePTX([1, 2, 3, 4, 5, 6, 7, 8]))!;
        Assert.That((int)e.CudaError, Is.EqualTo(200).Or.EqualTo(209));
        Assert.That(e.Message, Does.Contain("cuModuleLoadData(bytes: 8)").And.Contain("kernel cache"));
        e = Assert.Throws<CudaException>(() => CudaContext.GetDeviceName(1000))!;
        Assert.That(e.Message, Does.Contain("cuDeviceGet(ordinal: 1000)").And.Contain("CUDA_ERROR_INVALID_DEVICE (101)"));
    }

    [Test]
    public void EveryCodeWithAHintDescribesItselfInOneLine()
    {
        foreach (var code in Enum.GetValues<CUResult>().Where(c => c != CUResult.Success))
        {
            var text = Lur.Cuda.Loading.ErrorText.Describe("cuCall", "bytes: 1", (int)code, code.ToString(), "text");
            Assert.That(text, Does.StartWith($"cuCall(bytes: 1) failed with {code} ({(int)code}): text.").And.Not.Contain("\n"));
        }
    }

    [Test]
    public void ARejectedProgramCarriesTheLog()
    {
        using var program = new CudaRuntimeCompiler("extern \"C\" __global__ void f(int* x) {\n  *x = undefined_thing;\n}\n", "broken.cu");
        var e = Assert.Throws<NVRTCException>(() => program.Compile(["-default-device"]))!;
        Assert.That(e.NVRTCError, Is.EqualTo(nvrtcResult.ErrorCompilation));
        Assert.That(e.Message, Does.Contain("broken.cu").And.Contain("undefined_thing").And.Contain("-default-device"));
        using var unknown = new CudaRuntimeCompiler("", "empty.cu");
        Assert.That(
            Assert.Throws<NVRTCException>(() => unknown.Compile(["--no-such-option"]))!.NVRTCError,
            Is.EqualTo(nvrtcResult.ErrorInvalidOption)
        );
    }

    [Test]
    public void AnArgumentThatNoKernelTakesIsNamed()
    {
        var kernel = new CudaKernel("axpy", _module);
        var e = Assert.Throws<ArgumentException>(() => kernel.RunAsync(CUstream.NullStream, 1, "two"))!;
        Assert.That(e.Message, Does.Contain("Argument 1 of kernel axpy is String"));
    }
}

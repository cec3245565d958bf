using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lur.Device;

/// <summary>Where a module's image came from.</summary>
public enum ImageOrigin
{
    /// <summary>The module was not needed yet.</summary>
    NotLoaded,

    /// <summary>Shipped beside the assembly.</summary>
    Shipped,

    /// <summary>The user's cache.</summary>
    Cached,

    /// <summary>Compiled in this process.</summary>
    Compiled,
}

/// <summary>One kernels/*.cu in one precision on one device; the base of the generated launchers.</summary>
public abstract unsafe class KernelModule
{
    private const int MaxParameters = 64;

    // Addresses of the arguments. An array per thread serves every binding (some take only IntPtr[]) and no launch
    // allocates one.
    [ThreadStatic]
    private static IntPtr[]? t_addresses;

    private readonly ComputeDevice _device;
    private readonly string[] _names;
    private readonly bool[] _launched;
    private CUfunction[]? _functions;
    private CUmodule _module;

    private protected KernelModule(ComputeDevice device, Precision precision, string file, string[] names)
    {
        (_device, Precision, File, _names, _launched) = (device, precision, file, names, new bool[names.Length]);
    }

    /// <summary>Element type of <c>real</c>.</summary>
    public Precision Precision { get; }

    /// <summary>Path of the source below the kernels folder.</summary>
    public string File { get; }

    /// <summary>Where the image came from.</summary>
    public ImageOrigin Origin { get; private set; }

    /// <summary>Those of its kernels that were launched, in order; a launch that is recorded in a graph counts.</summary>
    internal IEnumerable<string> Launched => _names.Where((_, i) => _launched[i]);

    /// <summary>Whether the device can run it, see <see cref="KernelFile.RunsOn"/>.</summary>
    public bool RunsHere => KernelCatalog.Files.Single(f => f.Path == File).RunsOn(_device.Properties.ComputeCapability);

    /// <summary>Makes the module ready: compiles it, or reads it from a cache. Without effect when it is.</summary>
    /// <exception cref="KernelCompilationException">The source does not compile.</exception>
    /// <exception cref="CudaException">The driver rejects the image.</exception>
    public void Load() => _ = _functions ?? LoadFunctions();

    /// <summary>Registers, shared and local memory of every kernel, as the driver reports them.</summary>
    public IReadOnlyList<KernelResources> Resources()
    {
        using var scope = _device.Enter();
        var functions = _functions ?? LoadFunctions();
        return
        [
            .. functions.Select(
                (f, i) =>
                    new KernelResources(
                        _names[i],
                        Get(f, CUFunctionAttribute.NumRegs),
                        Get(f, CUFunctionAttribute.SharedSizeBytes),
                        Get(f, CUFunctionAttribute.LocalSizeBytes),
                        Get(f, CUFunctionAttribute.MaxThreadsPerBlock)
                    )
            ),
        ];
    }

    internal void Unload()
    {
        using var scope = _device.EnterIfAlive();
        if (scope.IsOpen && _functions is not null)
            _ = Drv.ModuleManagement.cuModuleUnload(_module);
        _functions = null;
        Origin = ImageOrigin.NotLoaded;
    }

    /// <summary>Launches; each argument lies in an 8-byte slot. Bit i of <paramref name="pointers"/> says that argument i is a
    /// pointer, of <paramref name="alone"/> that it is written and declared <c>__restrict__</c>: then no other may be the same; of
    /// <paramref name="geometries"/> that it is a struct and the slot holds where it lies.</summary>
    private protected void Launch(int kernel, LaunchShape shape, ulong* slots, int count, ulong pointers, ulong alone, ulong geometries)
    {
        for (var written = alone; written != 0; written &= written - 1)
        {
            var i = BitOperations.TrailingZeroCount(written);
            for (var others = slots[i] != 0 ? pointers & ~(1UL << i) : 0; others != 0; others &= others - 1)
            {
                if (slots[BitOperations.TrailingZeroCount(others)] == slots[i])
                    ThrowInPlace(kernel, i, BitOperations.TrailingZeroCount(others));
            }
        }
        using var scope = _device.Enter();
        var functions = _functions ?? LoadFunctions();
        var addresses = t_addresses ??= new IntPtr[MaxParameters];
        for (var i = 0; i < count; i++)
            addresses[i] = (geometries >> i & 1) != 0 ? (IntPtr)slots[i] : (IntPtr)(slots + i);
        var result = Drv.Launch.cuLaunchKernel(
            functions[kernel],
            shape.GridX,
            shape.GridY,
            1,
            shape.BlockX,
            shape.BlockY,
            1,
            0,
            _device.Stream,
            addresses,
            null
        );
        Native.CheckLaunch(result, _names[kernel], shape);
        _device.LaunchCount++;
        _launched[kernel] = true;
    }

    /// <summary>Stores a number as the module's element type.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected void StoreReal(ulong* slot, double value)
    {
        if (Precision == Precision.Float32)
            *(float*)slot = (float)value;
        else
            *(double*)slot = value;
    }

    private void ThrowInPlace(int kernel, int written, int other)
    {
        var parameters = KernelCatalog.Files.Single(f => f.Path == File).Kernels[kernel].Parameters;
        throw new ArgumentException(
            $"{_names[kernel]} is not made for use in place: {parameters[written].Name}, which it writes, and "
                + $"{parameters[other].Name} are the same buffer."
        );
    }

    private static int Get(CUfunction function, CUFunctionAttribute attribute)
    {
        var value = 0;
        Native.Check(Drv.FunctionManagement.cuFuncGetAttribute(ref value, attribute, function), "cuFuncGetAttribute");
        return value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private CUfunction[] LoadFunctions()
    {
        _device.RequireRunning();
        using var scope = _device.Enter();
        var request = KernelSource.Read(File, Precision, _device.Places).For(_device.Properties.ComputeCapability);
        var (image, origin) = KernelImages.Get(request);
        var result = Drv.ModuleManagement.cuModuleLoadData(ref _module, image);
        if (IsRejected(result) && origin != ImageOrigin.Compiled)
        {
            // Made for another driver, or damaged in a way that its checksum shares: once more from the source.
            (image, origin) = KernelImages.Rebuild(request);
            result = Drv.ModuleManagement.cuModuleLoadData(ref _module, image);
        }
        if (result != CUResult.Success)
            Native.Throw(result, "cuModuleLoadData", $"file: {File}, precision: {Precision.TypeName()}, bytes: {image.Length}");
        var functions = new CUfunction[_names.Length];
        for (var i = 0; i < functions.Length; i++)
        {
            result = Drv.ModuleManagement.cuModuleGetFunction(ref functions[i], _module, _names[i]);
            if (result != CUResult.Success)
                Native.Throw(result, "cuModuleGetFunction", $"kernel: {_names[i]}, file: {File}");
        }
        Origin = origin;
        _device.Track(this);
        return _functions = functions;
    }

    // InvalidImage, NoBinaryForGPU, InvalidPtx.
    private static bool IsRejected(CUResult result) => (int)result is 200 or 209 or 218;
}

/// <summary>What a thread or block of a kernel occupies.</summary>
/// <param name="Kernel">Native name.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="SharedBytes">Static shared memory of a block.</param>
/// <param name="LocalBytes">Spilled registers and local arrays of a thread.</param>
/// <param name="MaxThreadsPerBlock">Largest block it can be launched with.</param>
public sealed record KernelResources(string Kernel, int Registers, int SharedBytes, int LocalBytes, int MaxThreadsPerBlock);

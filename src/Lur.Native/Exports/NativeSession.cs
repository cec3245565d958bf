using System.Runtime.InteropServices;
using Lur.Cuda.Loading;
using Lur.Device;

namespace Lur.Native.Exports;

/// <summary>A session: a device, and what was made on it.</summary>
internal sealed unsafe class NativeSession
{
    private const long MostGarbage = 1 << 18;

    private readonly HashSet<IDisposable> _owned = [];
    private readonly SessionLog _log;
    private readonly int* _callbacks,
        _cancelled;
    private DeviceAttachment _place = new();
    private GCHandle _handle;

    /// <summary>Opens a session.</summary>
    /// <param name="options">What the caller asks for, checked by the front.</param>
    /// <param name="callbacks">Counts callbacks that have not returned.</param>
    /// <param name="cancelled">Is set when a long call shall stop.</param>
    public NativeSession(in SessionOptions options, int* callbacks, int* cancelled)
    {
        _callbacks = callbacks;
        _cancelled = cancelled;
        var flags = (SessionFlags)options.Flags;
        var environment = (flags & SessionFlags.IgnoreEnvironment) == 0;
        _log = new SessionLog(options, callbacks);
        string[] kinds = ["", "cuda", "host"];
        var wish = new LibraryWish(kinds[options.DeviceKind], options.Threads, !environment);
        if (NativeLibraries.Settle(wish) is { } why)
        {
            // Threads and the libraries that the environment led to are the process's: a later session works with those that there are.
            if (wish == new LibraryWish(wish.Device) || NativeLibraries.Settle(new LibraryWish(wish.Device)) is not null)
                throw new CudaLibraryException(why);
            _log.Warn(why);
        }

        IsHost = NativeLibraries.ServesHost;
        if (options.Context == 0 && options.Ordinal >= ComputeDevice.Count)
        {
            throw new CodedException(
                Code.NoDevice,
                $"There is no device {options.Ordinal}; the driver lists {ComputeDevice.Count}, counted from 0."
            );
        }

        Device = Attach(options, environment, flags, callbacks);
        try
        {
            if ((flags & SessionFlags.NoCompile) != 0)
            {
                LoadStepKernels(Precision.Float32);
                LoadStepKernels(Precision.Float64);
            }
        }
        catch
        {
            Device.Dispose();
            throw;
        }

        _handle = GCHandle.Alloc(this);
        _log.Inform($"Opened {Device.Properties.Name}.");
    }

    /// <summary>The device.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Whether the device is the CPU.</summary>
    public bool IsHost { get; }

    /// <summary>What the front keeps of it.</summary>
    public nint Handle => GCHandle.ToIntPtr(_handle);

    /// <summary>Its log.</summary>
    public SessionLog Log => _log;

    /// <summary>Counts callbacks that have not returned.</summary>
    public int* Callbacks => _callbacks;

    /// <summary>Is not 0 when a long call shall stop.</summary>
    public int* Cancelled => _cancelled;

    /// <summary>How a job opens the session's device: in its context, stream and memory.</summary>
    public DeviceOptions Opening => new() { Attachment = _place with { Stream = Device.NativeStream } };

    /// <summary>Frees it with the session.</summary>
    public void Own(IDisposable item) => _owned.Add(item);

    /// <summary>It is freed.</summary>
    public void Disown(IDisposable item) => _owned.Remove(item);

    /// <summary>Frees everything.</summary>
    public void Close()
    {
        try
        {
            foreach (var item in _owned.ToArray())
                item.Dispose();
            Device.Dispose();
        }
        finally
        {
            _handle.Free();
        }

        Settle();
    }

    /// <summary>Collects what was opened, closed, made and freed, once that is a quarter of a megabyte. The collector itself waits for
    /// 6 MB where much survived one of its collections, whatever it is told to begin with.</summary>
    public static void Settle()
    {
        if (CallerAddress.Jumped is not null && *CallerAddress.Jumped != 0)
            return;
        if (GC.GetTotalMemory(false) - GC.GetGCMemoryInfo(GCKind.Any).HeapSizeBytes > MostGarbage)
            GC.Collect(1, GCCollectionMode.Forced, blocking: true);
    }

    /// <summary>Loads or compiles all kernels of a precision.</summary>
    /// <exception cref="CodedException">Somebody cancelled it.</exception>
    public void Precompile(Precision precision)
    {
        Volatile.Write(ref *_cancelled, 0);
        foreach (var module in Device.Kernels(precision).All.Where(m => m.RunsHere))
        {
            if (Volatile.Read(ref *_cancelled) != 0)
                throw new CodedException(Code.Cancelled, "The kernels are not all ready: lur_cancel was called.");
            module.Load();
            _log.Inform($"kernels/{module.File} is ready ({module.Origin}).");
        }
    }

    /// <summary>Says what the session works on.</summary>
    public void Describe(DeviceInfo* info)
    {
        var p = Device.Properties;
        info->DeviceKind = IsHost ? 2 : 1;
        (info->Ordinal, info->Multiprocessors, info->WarpSize) = (p.Ordinal, p.Multiprocessors, p.WarpSize);
        (info->ComputeMajor, info->ComputeMinor) = (p.ComputeCapability.Major, p.ComputeCapability.Minor);
        (info->Memory, info->Held) = ((ulong)p.TotalMemory, (ulong)Device.LiveBytes);
        (info->Stream, info->Context) = (Device.NativeStream, Device.NativeContext);
        Utf8.Write(p.Name, info->Name, 128);
    }

    private ComputeDevice Attach(in SessionOptions options, bool environment, SessionFlags flags, int* callbacks)
    {
        var folder = Utf8.Read(options.KernelFolder);
        var places = new KernelPlaces
        {
            KernelFolder = folder is null ? null : Path.Combine(folder, "kernels"),
            ImageFolder = folder is null ? null : Path.Combine(folder, "kernel-images"),
            CacheFolder = Utf8.Read(options.CacheFolder),
            KeepsNone = (flags & SessionFlags.NoCache) != 0,
            IgnoreEnvironment = !environment,
            MayCompile = (flags & SessionFlags.NoCompile) == 0,
        };
        places.Distrusted += _log.Warn;
        var how = new DeviceAttachment
        {
            Ordinal = options.Ordinal,
            Context = options.Context,
            Stream = options.Stream,
            Allocator = options.Allocate is null ? null : new CallerMemory(options, callbacks),
            Kernels = places,
        };
        try
        {
            _place = how;
            return ComputeDevice.Attach(how);
        }
        catch (CudaException e) when (options.Context != 0 && e.CudaError is (CUResult)201 or (CUResult)400 or (CUResult)709)
        {
            throw new CodedException(Code.Argument, $"The context is none, or the stream is none of it: {e.Message}");
        }
    }

    private void LoadStepKernels(Precision precision)
    {
        var kernels = Device.Kernels(precision);
        foreach (var module in new KernelModule[] { kernels.Lur, kernels.Vector, kernels.Guard, kernels.Pieces })
            module.Load();
    }
}

using System.Runtime.CompilerServices;

namespace Lur.Device;

/// <summary>
/// While it lasts a device's context is current on the thread; then what was current before is current again. It lies on
/// the stack, so it can outlive neither the call nor the thread that opened it.
/// </summary>
internal readonly ref struct ContextScope
{
    private ContextScope(bool isOpen) => IsOpen = isOpen;

    /// <summary>Whether the context is current.</summary>
    internal bool IsOpen { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ContextScope Open(CUcontext context)
    {
        Native.Check(Drv.ContextManagement.cuCtxPushCurrent_v2(context), "cuCtxPushCurrent_v2");
        return new ContextScope(true);
    }

    /// <summary>Stays closed when the context was destroyed.</summary>
    internal static ContextScope TryOpen(CUcontext context) => new(Drv.ContextManagement.cuCtxPushCurrent_v2(context) == CUResult.Success);

    /// <summary>Takes the context off the thread's stack.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose()
    {
        if (!IsOpen)
            return;
        CUcontext popped = default;
        _ = Drv.ContextManagement.cuCtxPopCurrent_v2(ref popped);
    }
}

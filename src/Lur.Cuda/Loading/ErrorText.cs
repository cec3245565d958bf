using System.Runtime.InteropServices;

namespace Lur.Cuda.Loading;

/// <summary>One form for every driver error: call, arguments, code, driver's text, remedy.</summary>
internal static unsafe class ErrorText
{
    /// <summary>Writes the message.</summary>
    /// <param name="call">Native function.</param>
    /// <param name="arguments">The arguments that matter, or null.</param>
    /// <param name="code">Native code.</param>
    /// <param name="name">Its native name.</param>
    /// <param name="text">The driver's text; the host driver puts its findings there.</param>
    internal static string Describe(string call, string? arguments, int code, string name, string text)
    {
        var message = $"{call}{(arguments is null ? "" : $"({arguments})")} failed with {name} ({code}): {text.TrimEnd('.')}.";
        return Hint(code) is { } hint ? $"{message} {hint}" : message;
    }

    /// <summary>The BLAS library's text for a status; libraries before CUDA 11.4 do not export one.</summary>
    internal static string Blas(int status)
    {
        var library = NativeLibraries.Get(NativeLibraries.Blas);
        return NativeLibrary.TryGetExport(library.Handle, "cublasGetStatusString", out var export)
            ? Marshal.PtrToStringUTF8(((delegate* unmanaged<int, IntPtr>)export)(status)) ?? "no text"
            : "no text";
    }

    private static string? Hint(int code) =>
        code switch
        {
            1 => "A size, pointer or launch extent is out of range.",
            2 => "Use a smaller batch, or free device memory that other processes hold.",
            3 or 4 => "The driver was not initialised or is shutting down: open a device first and do not use it in finalizers.",
            100 or 101 => "No such device: check nvidia-smi and CUDA_VISIBLE_DEVICES, or set LUR_DEVICE=host to run on the CPU.",
            200 or 209 or 218 or 300 =>
                "The kernel image does not fit this device or is damaged: delete the kernel cache (lur doctor names it) and run again.",
            222 => "NVRTC is newer than the driver: update the driver, or install the NVRTC of the driver's CUDA version.",
            201 or 709 => "No context is current on this thread, or it was reset: reopen the device.",
            400 => "The object was disposed or belongs to another device.",
            500 => "The name is not in the module: the .cu file and the generated launcher differ, so build again.",
            700 or 716 or 719 => "The context is lost. The checked host device "
                + "(LUR_DEVICE=host LUR_HOST_DEVICES=fiber:memory+init+race) names kernel, block and thread of a bad access.",
            701 => "The block needs more registers or shared memory than the device has: use a smaller block.",
            702 => "The kernel ran longer than the display watchdog allows.",
            >= 900 and <= 908 =>
                "The call is not allowed while a graph is captured: do it before, and capture launches, copies and fills only.",
            802 or 803 => "Driver and kernel module differ: reboot after a driver update.",
            _ => null,
        };
}

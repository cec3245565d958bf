using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lur.Cuda.Loading;

namespace Lur.Device;

/// <summary>Result codes to exceptions. Cold paths are out of line, so that a successful call costs a comparison.</summary>
internal static class Native
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check(CUResult result, string call)
    {
        if (result != CUResult.Success)
            Throw(result, call, null);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check(CUResult result, string call, long bytes)
    {
        if (result != CUResult.Success)
            Throw(result, call, $"bytes: {bytes}");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CheckLaunch(CUResult result, string kernel, in LaunchShape shape)
    {
        if (result != CUResult.Success)
        {
            Throw(result, "cuLaunchKernel", $"kernel: {kernel}, grid: {shape.GridX}x{shape.GridY}, block: {shape.BlockX}x{shape.BlockY}");
        }
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Throw(CUResult result, string call, string? arguments)
    {
        IntPtr name = 0,
            text = 0;
        _ = Drv.ErrorHandling.cuGetErrorName(result, ref name);
        _ = Drv.ErrorHandling.cuGetErrorString(result, ref text);
        var message = ErrorText.Describe(
            call,
            arguments,
            (int)result,
            Marshal.PtrToStringUTF8(name) ?? result.ToString(),
            Marshal.PtrToStringUTF8(text) ?? "no text"
        );
        throw new CudaException(result, message, null);
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Throw(CublasStatus status, string call, string? arguments) =>
        throw new CudaBlasException(
            status,
            $"{call}{(arguments is null ? "" : $"({arguments})")} failed with {status} ({(int)status}): {ErrorText.Blas((int)status)}",
            null
        );
}

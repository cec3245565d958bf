using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lur.Cuda.BasicTypes;
using Lur.Cuda.Loading;

namespace Lur.Cuda;

/// <summary>
/// A failed driver call. The message names the call, its arguments, the code's name, the driver's text and a remedy.
/// </summary>
public sealed class CudaException : Exception
{
    /// <summary>A failure of an unnamed call.</summary>
    public CudaException(CUResult error)
        : this(error, ErrorText.Describe("A CUDA call", null, (int)error, Name(error), Text(error)), null) { }

    /// <summary>A failure with a message of its own.</summary>
    /// <param name="error">The native code.</param>
    /// <param name="message">What failed, in full.</param>
    /// <param name="exception">The cause, if another exception was.</param>
    public CudaException(CUResult error, string message, Exception? exception)
        : base(message, exception)
    {
        CudaError = error;
        CudaInternalErrorName = Name(error);
    }

    /// <summary>The native code.</summary>
    public CUResult CudaError { get; }

    /// <summary>The code's native name, for example CUDA_ERROR_OUT_OF_MEMORY.</summary>
    public string CudaInternalErrorName { get; }

    /// <summary>The native name of a code.</summary>
    internal static string Name(CUResult error)
    {
        var text = IntPtr.Zero;
        _ = DriverAPINativeMethods.ErrorHandling.cuGetErrorName(error, ref text);
        return Marshal.PtrToStringUTF8(text) ?? error.ToString();
    }

    /// <summary>The driver's text for a code.</summary>
    internal static string Text(CUResult error)
    {
        var text = IntPtr.Zero;
        _ = DriverAPINativeMethods.ErrorHandling.cuGetErrorString(error, ref text);
        return Marshal.PtrToStringUTF8(text) ?? "no text";
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Throw(CUResult error, string call, string? arguments) =>
        throw new CudaException(error, ErrorText.Describe(call, arguments, (int)error, Name(error), Text(error)), null);
}

/// <summary>Checks of result codes; the throw is kept out of line so that callers inline.</summary>
internal static class ResultExtensions
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check(this CUResult result, string call)
    {
        if (result != CUResult.Success)
            CudaException.Throw(result, call, null);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check(this CUResult result, string call, SizeT bytes)
    {
        if (result != CUResult.Success)
            CudaException.Throw(result, call, $"bytes: {bytes}");
    }
}

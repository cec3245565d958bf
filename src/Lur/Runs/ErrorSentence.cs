using Lur.Device;

namespace Lur.Runs;

/// <summary>Which exceptions are of a caller's or a machine's making, and the sentence of each.</summary>
public static class ErrorSentence
{
    private const int NoSpace = 28; // ENOSPC of Linux

    /// <summary>The sentence of an exception; null for one that is a defect of Lur.</summary>
    /// <param name="e">The exception.</param>
    public static string? Of(Exception e) =>
        e switch
        {
            IOException { HResult: NoSpace } => $"{e.Message.TrimEnd('.')}; free space there, or write elsewhere.",
            UserErrorException or DllNotFoundException or KernelCompilationException => e.Message,
            // What the system refused: a folder in the place of a file, a disk that is full, rights that are missing.
            IOException or UnauthorizedAccessException => e.Message,
            OutOfMemoryException => "there is not enough memory for this; use a smaller batch, model or data set.",
            { } native when IsOfTheBindings(native) => e.Message,
            _ => null,
        };

    /// <summary>CudaException, NVRTCException and their like. By name: which assembly they come from depends on the bindings that the
    /// library was built with.</summary>
    private static bool IsOfTheBindings(Exception e) => e.GetType().Namespace?.Split('.') is ["Lur", "Cuda", ..] or ["ManagedCuda", ..];
}

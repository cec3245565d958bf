using System.Runtime.InteropServices;
using System.Text;
using Lur.Device;

namespace Lur.Native.Exports;

/// <summary>Where a failure is told: text of the calling thread, and CUDA's code. The fields are those of front/front.c.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Failure
{
    public byte* Text;
    public int Capacity;
    public int Native;

    /// <summary>Writes what went wrong.</summary>
    /// <returns>Its code.</returns>
    public int Set(Exception exception)
    {
        var code = CodeOf(exception);
        Native = exception is CudaException cuda ? (int)cuda.CudaError : 0;
        var text =
            code == Code.Defect
                ? $"This is a defect of Lur, please report it: {exception.GetType().Name}: {exception.Message}"
                : OptionNames.AsGiven(exception.Message);
        // A sentence; what some say of every tensor in lines of their own is for a page.
        Utf8.Write(text.Split('\n')[0], Text, Capacity);
        return (int)code;
    }

    private static Code CodeOf(Exception exception) =>
        exception switch
        {
            CodedException coded => coded.Code,
            UserErrorException { IsDivergence: true } => Code.NotFinite,
            UserErrorException { IsMemory: true } => Code.Memory,
            UserErrorException { InnerException: IOException or UnauthorizedAccessException } => Code.File,
            UserErrorException => Code.Argument,
            DllNotFoundException => Code.NoDevice,
            KernelCompilationException => Code.Compile,
            CudaException cuda => OfCuda((int)cuda.CudaError),
            OutOfMemoryException => Code.Memory,
            ArgumentOutOfRangeException => Code.Size,
            ArgumentException => Code.Argument,
            IOException or UnauthorizedAccessException => Code.File,
            NotSupportedException => Code.Unsupported,
            _ => Code.Defect,
        };

    private static Code OfCuda(int error) =>
        error switch
        {
            2 => Code.Memory,
            100 or 101 => Code.NoDevice,
            _ => Code.Device,
        };
}

/// <summary>Text for C.</summary>
internal static unsafe class Utf8
{
    /// <summary>Writes as many whole characters as there is room for, and a zero byte.</summary>
    /// <exception cref="CodedException">The buffer cannot be written.</exception>
    public static void Write(string text, byte* buffer, int capacity)
    {
        if (capacity < 1)
            return;
        var whole = new byte[Math.Min(capacity, Encoding.UTF8.GetMaxByteCount(text.Length) + 1)];
        _ = System.Text.Unicode.Utf8.FromUtf16(text, whole.AsSpan(0, whole.Length - 1), out _, out var written);
        if (!CallerAddress.TryWrite<byte>((ulong)buffer, whole.AsSpan(0, written + 1)))
            throw new CodedException(
                Code.Argument,
                $"The buffer for a text, at 0x{(ulong)buffer:x}, cannot be written: there is no memory for the {written + 1} bytes."
            );
    }

    /// <summary>Reads a string that the front has checked; null for none.</summary>
    public static string? Read(byte* text) =>
        text is null ? null : Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));

    /// <summary>Reads a list of strings that the front has checked.</summary>
    public static string[] ReadAll(byte** texts, uint count)
    {
        var all = new string[count];
        for (var i = 0; i < all.Length; i++)
            all[i] = Read(texts[i])!;
        return all;
    }
}

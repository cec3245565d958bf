using System.Runtime.InteropServices;
using System.Text;
using Lur.Cuda.BasicTypes;

namespace Lur.Cuda.NVRTC;

/// <summary>A failed NVRTC call; after a failed compilation <see cref="Exception.Message"/> carries the compiler's log.</summary>
/// <param name="error">The native code.</param>
/// <param name="message">What failed, in full.</param>
/// <param name="exception">The cause, if another exception was.</param>
public sealed class NVRTCException(nvrtcResult error, string message, Exception? exception) : Exception(message, exception)
{
    /// <summary>A failure described by its native text only.</summary>
    public NVRTCException(nvrtcResult error)
        : this(error, $"NVRTC failed with {error} ({(int)error}): {Text(error)}", null) { }

    /// <summary>The native code.</summary>
    public nvrtcResult NVRTCError => error;

    private static string Text(nvrtcResult error) => Marshal.PtrToStringUTF8(NVRTCNativeMethods.nvrtcGetErrorString(error)) ?? "no text";
}

/// <summary>One CUDA C++ program compiled at run time.</summary>
public sealed class CudaRuntimeCompiler : IDisposable
{
    private readonly string _name;
    private nvrtcProgram _program;

    /// <summary>A program without headers of its own.</summary>
    /// <param name="src">CUDA C++ source text.</param>
    /// <param name="name">File name used in messages.</param>
    public CudaRuntimeCompiler(string src, string name)
        : this(src, name, null, null) { }

    /// <summary>A program with in-memory headers.</summary>
    /// <param name="src">CUDA C++ source text.</param>
    /// <param name="name">File name used in messages.</param>
    /// <param name="headers">Texts of the headers.</param>
    /// <param name="includeNames">The name by which <c>#include</c> finds each of them.</param>
    /// <exception cref="NVRTCException">The program could not be created.</exception>
    public CudaRuntimeCompiler(string src, string name, string[]? headers, string[]? includeNames)
    {
        _name = name;
        Check(NVRTCNativeMethods.nvrtcCreateProgram(ref _program, src, name, headers?.Length ?? 0, headers, includeNames));
    }

    private delegate nvrtcResult GetSize(nvrtcProgram program, ref SizeT bytes);

    /// <summary>Version of the loaded compiler.</summary>
    public static Version GetVersion()
    {
        int major = 0,
            minor = 0;
        Check(NVRTCNativeMethods.nvrtcVersion(ref major, ref minor));
        return new Version(major, minor);
    }

    /// <summary>Architectures for which it can make machine code, as 10 x major + minor, ascending.</summary>
    public static int[] GetSupportedArchs()
    {
        var count = 0;
        Check(NVRTCNativeMethods.nvrtcGetNumSupportedArchs(ref count));
        var architectures = new int[count];
        Check(NVRTCNativeMethods.nvrtcGetSupportedArchs(architectures));
        return architectures;
    }

    /// <summary>Compiles.</summary>
    /// <param name="options">Command-line options of NVRTC.</param>
    /// <exception cref="NVRTCException">The text was rejected; the message holds the log.</exception>
    public void Compile(string[] options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var result = NVRTCNativeMethods.nvrtcCompileProgram(_program, options.Length, options);
        if (result == nvrtcResult.Success)
            return;
        var message =
            $"nvrtcCompileProgram failed with {result} ({(int)result}) for {_name} "
            + $"with options '{string.Join(' ', options)}':\n{GetLogAsString()}";
        throw new NVRTCException(result, message, null);
    }

    /// <summary>The PTX text, zero-terminated.</summary>
    public byte[] GetPTX() => Get(NVRTCNativeMethods.nvrtcGetPTXSize, NVRTCNativeMethods.nvrtcGetPTX);

    /// <summary>The machine code; empty unless compiled for a real architecture (<c>sm_XX</c>).</summary>
    public byte[] GetCubin() => Get(NVRTCNativeMethods.nvrtcGetCUBINSize, NVRTCNativeMethods.nvrtcGetCUBIN);

    /// <summary>The compiler's messages.</summary>
    public string GetLogAsString() =>
        Encoding.UTF8.GetString(Get(NVRTCNativeMethods.nvrtcGetProgramLogSize, NVRTCNativeMethods.nvrtcGetProgramLog)).TrimEnd('\0', '\n');

    /// <summary>Destroys the native program.</summary>
    public void Dispose()
    {
        if (_program.Pointer == IntPtr.Zero)
            return;
        _ = NVRTCNativeMethods.nvrtcDestroyProgram(ref _program);
        _program = default;
    }

    private static void Check(nvrtcResult result)
    {
        if (result != nvrtcResult.Success)
            throw new NVRTCException(result);
    }

    private byte[] Get(GetSize size, Func<nvrtcProgram, byte[], nvrtcResult> get)
    {
        SizeT bytes = 0;
        Check(size(_program, ref bytes));
        var data = new byte[(int)bytes];
        if (data.Length > 0)
            Check(get(_program, data));
        return data;
    }
}

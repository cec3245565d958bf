// Named as in nvrtc.h.
#pragma warning disable CS1591, CA1045, CA1051, CA1401, CA1815, CA5392, IDE1006
using System.Runtime.InteropServices;
using Lur.Cuda.BasicTypes;
using Lur.Cuda.Loading;

namespace Lur.Cuda.NVRTC;

/// <summary>Result codes of NVRTC.</summary>
public enum nvrtcResult
{
    Success = 0,
    ErrorOutOfMemory = 1,
    ErrorProgramCreationFailure = 2,
    ErrorInvalidInput = 3,
    ErrorInvalidProgram = 4,
    ErrorInvalidOption = 5,
    ErrorCompilation = 6,
    ErrorBuiltinOperationFailure = 7,
    NoNameExpressionsAfterCompilation = 8,
    NoLoweredNamesBeforeCompilation = 9,
    NameExpressionNotValid = 10,
    InternalError = 11,
}

/// <summary>A program under compilation.</summary>
public struct nvrtcProgram
{
    public IntPtr Pointer;
}

/// <summary>The run-time compiler, one method per native function.</summary>
public static partial class NVRTCNativeMethods
{
    private const string Library = NativeLibraries.Compiler;

    [LibraryImport(Library)]
    public static partial nvrtcResult nvrtcVersion(ref int major, ref int minor);

    [LibraryImport(Library)]
    public static partial nvrtcResult nvrtcGetNumSupportedArchs(ref int count);

    [LibraryImport(Library)]
    public static partial nvrtcResult nvrtcGetSupportedArchs([Out] int[] architectures);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nvrtcResult nvrtcCreateProgram(
        ref nvrtcProgram program,
        string source,
        string? name,
        int numHeaders,
        string[]? headers,
        string[]? includeNames
    );

    [LibraryImport(Library)]
    public static partial nvrtcResult nvrtcDestroyProgram(ref nvrtcProgram program);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int numOptions, string[]? options);

    [LibraryImport(Library)]
    public static partial nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, ref SizeT bytes);

    [LibraryImport(Library)]
    public static partial nvrtcResult nvrtcGetPTX(nvrtcProgram program, [Out] byte[] ptx);

    [LibraryImport(Library)]
    public static partial nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, ref SizeT bytes);

    [LibraryImport(Library)]
    public static partial nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, [Out] byte[] cubin);

    [LibraryImport(Library)]
    public static partial nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, ref SizeT bytes);

    [LibraryImport(Library)]
    public static partial nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, [Out] byte[] log);

    [LibraryImport(Library)]
    internal static partial IntPtr nvrtcGetErrorString(nvrtcResult result);
}

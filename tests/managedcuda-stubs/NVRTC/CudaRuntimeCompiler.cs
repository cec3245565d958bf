namespace ManagedCuda.NVRTC;

public class CudaRuntimeCompiler : IDisposable
{
    public CudaRuntimeCompiler(string src, string name, string[] headers, string[] includeNames) => throw null!;

    public CudaRuntimeCompiler(string src, string name) => throw null!;

    public static Version GetVersion() => throw null!;

    public static int[] GetSupportedArchs() => throw null!;

    public void Compile(string[] options) => throw null!;

    public byte[] GetPTX() => throw null!;

    public byte[] GetCubin() => throw null!;

    public string GetLogAsString() => throw null!;

    public void Dispose() => throw null!;
}

public enum nvrtcResult
{
    Success = 0,
}

public class NVRTCException : Exception
{
    public nvrtcResult NVRTCError => throw null!;
}

using System.Runtime.InteropServices;
using System.Text;

namespace Lur.Cuda.Loading;

/// <summary>
/// One particular run-time compiler, opened beside whatever serves execution: to compile for devices that are not here.
/// </summary>
public sealed unsafe class NvrtcLibrary
{
    /// <summary>What a usable NVRTC exports: cubins and the list of architectures came with CUDA 11.2.</summary>
    internal static readonly (string Export, string Since)[] Required =
    [
        ("nvrtcVersion", "every NVRTC"),
        ("nvrtcGetCUBIN", "CUDA 11.2"),
        ("nvrtcGetSupportedArchs", "CUDA 11.2"),
    ];

    private readonly IntPtr _handle;

    private NvrtcLibrary(LoadedLibrary library)
    {
        Path = library.Path;
        _handle = library.Handle;
        int major,
            minor,
            count;
        Check(((delegate* unmanaged<int*, int*, int>)Export("nvrtcVersion"))(&major, &minor), "nvrtcVersion");
        Version = new Version(major, minor);
        Check(((delegate* unmanaged<int*, int>)Export("nvrtcGetNumSupportedArchs"))(&count), "nvrtcGetNumSupportedArchs");
        var architectures = new int[count];
        fixed (int* p = architectures)
            Check(((delegate* unmanaged<int*, int>)Export("nvrtcGetSupportedArchs"))(p), "nvrtcGetSupportedArchs");
        Architectures = architectures;
    }

    /// <summary>The library's file.</summary>
    public string Path { get; }

    /// <summary>Its version.</summary>
    public Version Version { get; }

    /// <summary>Architectures for which it makes machine code, as 10 x major + minor, ascending.</summary>
    public IReadOnlyList<int> Architectures { get; }

    /// <summary>Opens the first usable NVRTC of the library search.</summary>
    /// <param name="reason">Why there is none; empty when there is.</param>
    /// <returns>The compiler, or null.</returns>
    public static NvrtcLibrary? TryFind(out string reason)
    {
        var found = NativeLibraries.FindCompiler();
        reason = found.Library is null ? string.Join("; ", found.Defects.Append(found.Tried)) : "";
        return found.Library is null ? null : new NvrtcLibrary(found.Library);
    }

    /// <summary>Opens a given file.</summary>
    /// <param name="file">Path of an NVRTC library; its builtins lie in the same folder.</param>
    /// <exception cref="CudaLibraryException">It cannot be loaded or is not an NVRTC of CUDA 11.2 or newer.</exception>
    public static NvrtcLibrary Open(string file)
    {
        var defects = new List<string>();
        var library = LibrarySearch.TryOpen(NativeLibraries.Compiler, file, "given", Required, defects);
        return library is not null
            ? new NvrtcLibrary(library)
            : throw new CudaLibraryException(
                $"{(defects.Count > 0 ? defects[^1] : $"{file} does not exist")}: give the path of an NVRTC library."
            );
    }

    /// <summary>Compiles one program.</summary>
    /// <param name="source">CUDA C++ text.</param>
    /// <param name="name">File name used in messages.</param>
    /// <param name="headers">In-memory headers by the name that <c>#include</c> uses.</param>
    /// <param name="options">NVRTC's options.</param>
    /// <param name="cubin">Machine code (needs a real architecture) rather than PTX.</param>
    /// <returns>The image, null when the text was rejected, and the compiler's log.</returns>
    public (byte[]? Image, string Log) Compile(
        string source,
        string name,
        IReadOnlyList<KeyValuePair<string, string>> headers,
        IReadOnlyList<string> options,
        bool cubin
    )
    {
        ArgumentNullException.ThrowIfNull(headers);
        ArgumentNullException.ThrowIfNull(options);
        using var text = new Utf8Array([source, name]);
        using var contents = new Utf8Array([.. headers.Select(h => h.Value)]);
        using var names = new Utf8Array([.. headers.Select(h => h.Key)]);
        using var flags = new Utf8Array(options);
        IntPtr program;
        Check(
            ((delegate* unmanaged<IntPtr*, IntPtr, IntPtr, int, IntPtr*, IntPtr*, int>)Export("nvrtcCreateProgram"))(
                &program,
                text.Pointers[0],
                text.Pointers[1],
                headers.Count,
                contents.Pointers,
                names.Pointers
            ),
            "nvrtcCreateProgram"
        );
        try
        {
            var code = ((delegate* unmanaged<IntPtr, int, IntPtr*, int>)Export("nvrtcCompileProgram"))(
                program,
                options.Count,
                flags.Pointers
            );
            var log = Encoding.UTF8.GetString(Read(program, "nvrtcGetProgramLog")).TrimEnd('\0', '\n');
            if (code != 0 && log.Length == 0)
                log = $"nvrtcCompileProgram returned {code} with options '{string.Join(' ', options)}'";
            return (code == 0 ? Read(program, cubin ? "nvrtcGetCUBIN" : "nvrtcGetPTX") : null, log);
        }
        finally
        {
            _ = ((delegate* unmanaged<IntPtr*, int>)Export("nvrtcDestroyProgram"))(&program);
        }
    }

    private byte[] Read(IntPtr program, string what)
    {
        nuint bytes;
        Check(((delegate* unmanaged<IntPtr, nuint*, int>)Export(what + "Size"))(program, &bytes), what + "Size");
        var data = new byte[bytes];
        fixed (byte* p = data)
            Check(((delegate* unmanaged<IntPtr, byte*, int>)Export(what))(program, p), what);
        return data;
    }

    private IntPtr Export(string name) => NativeLibrary.GetExport(_handle, name);

    private void Check(int code, string call)
    {
        if (code != 0)
            throw new CudaLibraryException($"{call} of {Path} failed with {code}.");
    }

    // char* const* for native calls.
    private sealed class Utf8Array : IDisposable
    {
        private readonly int _count;

        internal Utf8Array(IReadOnlyList<string> texts)
        {
            _count = texts.Count;
            Pointers = (IntPtr*)NativeMemory.AllocZeroed((nuint)Math.Max(1, _count), (nuint)sizeof(IntPtr));
            for (var i = 0; i < _count; i++)
                Pointers[i] = Marshal.StringToCoTaskMemUTF8(texts[i]);
        }

        internal IntPtr* Pointers { get; }

        public void Dispose()
        {
            for (var i = 0; i < _count; i++)
                Marshal.FreeCoTaskMem(Pointers[i]);
            NativeMemory.Free(Pointers);
        }
    }
}

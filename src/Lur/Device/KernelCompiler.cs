using Lur.Cuda.Loading;

namespace Lur.Device;

/// <summary>Something that turns kernel text into an image.</summary>
internal interface IKernelCompiler
{
    /// <summary>Version, file name and size: patch releases share a version and may make other code.</summary>
    string Identity { get; }

    /// <summary>Architectures it makes machine code for, as 10 x major + minor.</summary>
    IReadOnlyList<int> Architectures { get; }

    /// <summary>The image, null when the text was rejected, and the log.</summary>
    (byte[]? Image, string Log) Compile(
        string source,
        string name,
        IReadOnlyList<KeyValuePair<string, string>> headers,
        IReadOnlyList<string> options,
        bool cubin
    );
}

/// <summary>The compiler that belongs to whoever executes.</summary>
internal sealed class ServingCompiler : IKernelCompiler
{
    // A failure is not kept: the machine may be mended meanwhile.
    private static readonly Lazy<ServingCompiler> Lazy = new(() => new ServingCompiler(), LazyThreadSafetyMode.PublicationOnly);

    private ServingCompiler()
    {
        var library = NativeLibraries.Get(NativeLibraries.Compiler);
        Identity = KernelImages.Identify(CudaRuntimeCompiler.GetVersion(), library.Path);
        Architectures = CudaRuntimeCompiler.GetSupportedArchs();
    }

    /// <summary>The one of this process.</summary>
    /// <exception cref="CudaLibraryException">There is none.</exception>
    internal static ServingCompiler Instance => Lazy.Value;

    /// <inheritdoc/>
    public string Identity { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> Architectures { get; }

    /// <summary>The compiler, or null where there is none (a device with shipped images needs none).</summary>
    internal static ServingCompiler? TryGet()
    {
        try
        {
            return Instance;
        }
        catch (CudaLibraryException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public (byte[]? Image, string Log) Compile(
        string source,
        string name,
        IReadOnlyList<KeyValuePair<string, string>> headers,
        IReadOnlyList<string> options,
        bool cubin
    )
    {
        using var program = new CudaRuntimeCompiler(source, name, [.. headers.Select(h => h.Value)], [.. headers.Select(h => h.Key)]);
        try
        {
            program.Compile([.. options]);
        }
        catch (NVRTCException e)
        {
            var log = program.GetLogAsString();
            return (null, string.IsNullOrWhiteSpace(log) ? e.Message : log);
        }
        return (cubin ? program.GetCubin() : program.GetPTX(), program.GetLogAsString());
    }
}

/// <summary>A particular NVRTC, for devices that are not here.</summary>
internal sealed class ForeignCompiler(NvrtcLibrary library) : IKernelCompiler
{
    /// <inheritdoc/>
    public string Identity { get; } = KernelImages.Identify(library.Version, library.Path);

    /// <inheritdoc/>
    public IReadOnlyList<int> Architectures => library.Architectures;

    /// <inheritdoc/>
    public (byte[]? Image, string Log) Compile(
        string source,
        string name,
        IReadOnlyList<KeyValuePair<string, string>> headers,
        IReadOnlyList<string> options,
        bool cubin
    ) => library.Compile(source, name, headers, options, cubin);
}

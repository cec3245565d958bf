using System.Globalization;
using System.Text;

namespace Lur.Device;

/// <summary>A kernel file does not compile. The message names file, target and compiler and holds its log.</summary>
/// <param name="message">The message.</param>
public sealed class KernelCompilationException(string message) : Exception(message);

/// <summary>The text of one kernels/*.cu with its headers.</summary>
internal sealed class KernelSource
{
    private readonly string _text;
    private readonly Precision _precision;
    private readonly KeyValuePair<string, string>[] _headers;

    private KernelSource(KernelPlaces places, string file, Precision precision, string text, KeyValuePair<string, string>[] headers) =>
        (Places, File, _precision, _text, _headers) = (places, file, precision, text, headers);

    /// <summary>Where it was read, and where its images are.</summary>
    internal KernelPlaces Places { get; }

    /// <summary>Path below the kernels folder.</summary>
    internal string File { get; }

    /// <summary>Reads a file and all headers. In-memory headers are found by the very text between the quotes, so kernels have
    /// one spelling for them, <c>#include "include/name.cuh"</c>.</summary>
    /// <exception cref="FileNotFoundException">The file is not in the folder.</exception>
    internal static KernelSource Read(string file, Precision precision, KernelPlaces? places = null)
    {
        places ??= KernelPlaces.Default;
        var text = places.Text(file);
        var headers = places.Names("include/", ".cuh").Select(name => KeyValuePair.Create(name, places.Text(name)));
        return new KernelSource(places, file, precision, text, headers.ToValues());
    }

    /// <summary>The same text aimed at a device.</summary>
    internal KernelRequest For(Version computeCapability) => new(this, computeCapability);

    /// <summary>Options without the architecture, in a fixed order.</summary>
    internal string[] Options(string architecture) =>
        [$"--gpu-architecture={architecture}", "--std=c++17", "-default-device", $"-DLUR_REAL={_precision.TypeName()}"];

    /// <summary>Identifies text, headers, options and target; <paramref name="compiler"/> is empty for shipped images.</summary>
    internal string Key(string architecture, string compiler)
    {
        var content = new StringBuilder("lur-image-1\0").Append(compiler).Append('\0');
        foreach (var option in Options(architecture))
            content.Append(option).Append('\0');
        foreach (var (name, text) in _headers)
            content.Append(name).Append('\0').Append(text).Append('\0');
        content.Append(_text);
        return ContentHash.Text(Encoding.UTF8.GetBytes(content.ToString()));
    }

    /// <summary>A readable stem for shipped images: operators.bias-float-sm_80.</summary>
    internal string Stem(string architecture) =>
        $"{File.Replace('/', '.').Replace(".cu", "", StringComparison.Ordinal)}-{_precision.TypeName()}-{architecture}";

    /// <summary>Compiles.</summary>
    /// <exception cref="KernelCompilationException">The text was rejected.</exception>
    internal byte[] Compile(IKernelCompiler compiler, string architecture)
    {
        var cubin = architecture.StartsWith("sm_", StringComparison.Ordinal);
        var (image, log) = compiler.Compile(_text, Path.GetFileName(File), _headers, Options(architecture), cubin);
        return image
            ?? throw new KernelCompilationException(
                $"kernels/{File} does not compile for {architecture} in {_precision.TypeName()} with {compiler.Identity}:\n{log}"
            );
    }
}

/// <summary>A source and the device it is for.</summary>
internal sealed record KernelRequest(KernelSource Source, Version ComputeCapability)
{
    /// <summary>10 x major + minor.</summary>
    private int Target => (ComputeCapability.Major * 10) + ComputeCapability.Minor;

    /// <summary>The architecture to compile for.</summary>
    internal string Architecture(IKernelCompiler compiler) => Architecture(ComputeCapability, compiler);

    /// <summary>The architecture to compile for, for a device of a compute capability.</summary>
    /// <exception cref="KernelCompilationException">The compiler knows only newer ones.</exception>
    internal static string Architecture(Version computeCapability, IKernelCompiler compiler)
    {
        var (known, target) = (compiler.Architectures, (computeCapability.Major * 10) + computeCapability.Minor);
        if (known.Contains(target))
            return string.Create(CultureInfo.InvariantCulture, $"sm_{target}");
        // A compiler older than the device: intermediate code for the newest it knows, which the driver translates.
        var below = known.Where(a => a < target).DefaultIfEmpty(-1).Max();
        return below >= 0
            ? string.Create(CultureInfo.InvariantCulture, $"compute_{below}")
            : throw new KernelCompilationException(
                string.Create(CultureInfo.InvariantCulture, $"{compiler.Identity} makes code for compute capability ")
                    + string.Create(CultureInfo.InvariantCulture, $"{known.DefaultIfEmpty(0).Min() / 10.0:F1} and newer, ")
                    + $"the device has {computeCapability}: install an older NVRTC."
            );
    }

    /// <summary>Architectures whose images run here, best first: own, same major, then intermediate code.</summary>
    internal IEnumerable<string> Runnable()
    {
        for (var a = Target; a >= ComputeCapability.Major * 10; a--)
            yield return string.Create(CultureInfo.InvariantCulture, $"sm_{a}");
        for (var a = Target; a >= 50; a--)
            yield return string.Create(CultureInfo.InvariantCulture, $"compute_{a}");
    }
}

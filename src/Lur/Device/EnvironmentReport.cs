using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lur.Device;

/// <summary>A native library: where it was found, or what is wrong with it.</summary>
/// <param name="Role">driver, compiler, blas, or nvrtc for checks where the host driver compiles.</param>
/// <param name="Path">Its file, or null.</param>
/// <param name="FoundBy">Which part of the search found it, or null.</param>
/// <param name="Version">Its own version, or null.</param>
/// <param name="Problem">Why it cannot be used, or null.</param>
public sealed record LibraryReport(string Role, string? Path, string? FoundBy, string? Version, string? Problem);

/// <summary>A device.</summary>
/// <param name="Ordinal">Position in the driver's list.</param>
/// <param name="Name">The driver's name for it.</param>
/// <param name="ComputeCapability">major.minor of a GPU; null on the host driver, which has none.</param>
/// <param name="Multiprocessors">Multiprocessors or worker threads.</param>
/// <param name="WarpSize">Threads that share an instruction.</param>
/// <param name="MaxThreadsPerBlock">Largest block.</param>
/// <param name="TotalMemoryBytes">Memory.</param>
/// <param name="FreeMemoryBytes">Memory that is free now.</param>
public sealed record DeviceReport(
    int Ordinal,
    string Name,
    string? ComputeCapability,
    int Multiprocessors,
    int WarpSize,
    int MaxThreadsPerBlock,
    long TotalMemoryBytes,
    long FreeMemoryBytes
);

/// <summary>Kernel sources and images.</summary>
/// <param name="SourceFolder">Where the .cu files are read from: a folder, or the words that they are within the library.</param>
/// <param name="SourceFiles">How many of the catalog's files are there.</param>
/// <param name="CatalogFiles">How many files the launchers were generated from.</param>
/// <param name="ShippedFolder">Images that came with the program.</param>
/// <param name="ShippedImages">How many.</param>
/// <param name="CacheFolder">The user's cache, or null when it is off.</param>
/// <param name="CachedImages">How many images it holds.</param>
/// <param name="CachedBytes">Their size.</param>
public sealed record KernelReport(
    string SourceFolder,
    int SourceFiles,
    int CatalogFiles,
    string ShippedFolder,
    int ShippedImages,
    string? CacheFolder,
    int CachedImages,
    long CachedBytes
);

/// <summary>Something that is missing or wrong, and what to do about it, in one sentence.</summary>
/// <param name="Severity">error: nothing runs without it. warning: something does not.</param>
/// <param name="Text">The sentence.</param>
public sealed record Finding(string Severity, string Text);

/// <summary>What this machine computes with.</summary>
/// <param name="Backend">cuda, host or none.</param>
/// <param name="Reason">Why that one.</param>
/// <param name="DriverVersion">The newest CUDA version the driver supports, or null.</param>
/// <param name="CompilerArchitectures">What the serving compiler makes machine code for, as 10 x major + minor.</param>
/// <param name="Libraries">The native libraries.</param>
/// <param name="Devices">The devices.</param>
/// <param name="Kernels">Kernel sources and images.</param>
/// <param name="Findings">What is missing; empty when all is well.</param>
public sealed record EnvironmentReport(
    string Backend,
    string Reason,
    string? DriverVersion,
    IReadOnlyList<int> CompilerArchitectures,
    IReadOnlyList<LibraryReport> Libraries,
    IReadOnlyList<DeviceReport> Devices,
    KernelReport Kernels,
    IReadOnlyList<Finding> Findings
)
{
    /// <summary>Indented JSON; property names in camel case.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EnvironmentReportJson.Default.EnvironmentReport);

    /// <summary>True if models can be trained here; warnings do not count.</summary>
    public bool Ready => Findings.All(f => f.Severity != "error") && Devices.Count > 0;

    /// <summary>"ready", or how many things have to be mended before it is.</summary>
    private string Conclusion
    {
        get
        {
            if (Ready)
                return Backend == "host" ? "ready; computing on the CPU, since there is no GPU that can be used" : "ready";
            var errors = Findings.Count(f => f.Severity == "error");
            return errors == 0
                ? "not ready: there is no device"
                : $"not ready: {(errors == 1 ? "mend the error above" : $"mend the {errors} errors above")}, and run 'lur doctor' again";
        }
    }

    /// <summary>Plain text, a fact a line.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        void Line(string name, string value) => text.Append(CultureInfo.InvariantCulture, $"{name, -12}{value}\n");
        // What the host driver reports of itself as a GPU, a capability and targets, are numbers of its own making.
        var cuda = Backend == "cuda";
        Line("backend", $"{Backend} ({Reason})");
        if (cuda || DriverVersion is null)
            Line("driver", DriverVersion is null ? "none" : $"CUDA {DriverVersion}");
        foreach (var library in Libraries)
            Line(
                library.Role,
                library.Problem
                    ?? $"{(cuda || library.Role == "nvrtc" ? $"{library.Version ?? "?"}  " : "")}{library.Path}  (found by "
                        + $"{library.FoundBy})"
            );
        if (cuda && CompilerArchitectures.Count > 0)
            Line("targets", string.Join(' ', CompilerArchitectures.Select(a => $"sm_{a}")));
        foreach (var d in Devices)
        {
            Line(
                $"device {d.Ordinal}",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{d.Name}; {(cuda ? $"compute capability {d.ComputeCapability}; {d.Multiprocessors} multiprocessors; " : "")}"
                        + $"{d.FreeMemoryBytes / 1048576.0:F0} of {d.TotalMemoryBytes / 1048576.0:F0} MiB free"
                )
            );
        }
        Line("kernels", $"{Kernels.SourceFiles} of {Kernels.CatalogFiles} files in {Kernels.SourceFolder}");
        Line("images", $"{Kernels.ShippedImages} in {Kernels.ShippedFolder}");
        Line(
            "cache",
            Kernels.CacheFolder is null
                ? "off"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Kernels.CachedImages} images, {Kernels.CachedBytes / 1048576.0:F1} MiB in {Kernels.CacheFolder}"
                )
        );
        foreach (var finding in Findings)
            Line(finding.Severity, finding.Text);
        Line("result", Conclusion);
        return text.ToString();
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(EnvironmentReport))]
internal sealed partial class EnvironmentReportJson : JsonSerializerContext;

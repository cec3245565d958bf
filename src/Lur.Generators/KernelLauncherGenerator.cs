using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Lur.Generators;

/// <summary>
/// Makes typed launchers from the signatures in kernels/*.cu, so that a wrong argument does not compile and a stale
/// launcher cannot exist.
/// </summary>
[Generator]
public sealed class KernelLauncherGenerator : IIncrementalGenerator
{
#pragma warning disable RS2008 // release tracking is for analyzers shipped as packages
    private static readonly DiagnosticDescriptor Unparsable = new(
        "LUR001",
        "Kernel signature",
        "{0}",
        "Lur.Kernels",
        DiagnosticSeverity.Error,
        isEnabledByDefault: true
    );

    private static readonly DiagnosticDescriptor SameName = new(
        "LUR002",
        "Kernel file name",
        "kernel files {0} and {1} would both become class {2}Kernels; rename one",
        "Lur.Kernels",
        DiagnosticSeverity.Error,
        isEnabledByDefault: true
    );
#pragma warning restore RS2008

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var files = context
            .AdditionalTextsProvider.Where(f =>
                f.Path.EndsWith(".cu", StringComparison.Ordinal) || f.Path.EndsWith(".cuh", StringComparison.Ordinal)
            )
            .Select((f, cancellation) => (f.Path, Text: f.GetText(cancellation)?.ToString() ?? ""))
            .Collect();
        context.RegisterSourceOutput(files, (output, sources) => Emit(output, sources));
    }

    private static void Emit(SourceProductionContext output, IReadOnlyList<(string Path, string Text)> sources)
    {
        var set = new List<(string RelativePath, string ClassName)>();
        var catalog = new List<(string RelativePath, IReadOnlyList<KernelSignature> Kernels)>();
        var geometries = new List<GeometryStruct>();
        foreach (var (path, text) in sources.OrderBy(s => s.Path, StringComparer.Ordinal))
        {
            if (!IsHeader(path))
                continue;
            var errors = new List<SignatureError>();
            geometries.AddRange(GeometryParser.Parse(text, errors));
            Report(output, path, text, errors);
        }

        var names = new HashSet<string>(geometries.Select(g => g.Name));
        foreach (var (path, text) in sources.OrderBy(s => s.Path, StringComparer.Ordinal))
        {
            if (IsHeader(path))
                continue;
            var errors = new List<SignatureError>();
            var kernels = SignatureParser.Parse(text, errors, names);
            Report(output, path, text, errors);
            var name = LauncherWriter.Pascal(Path.GetFileNameWithoutExtension(path));
            var relative = RelativePath(path);
            var twin = set.Find(f => f.ClassName == name);
            if (twin.ClassName is not null)
            {
                output.ReportDiagnostic(Diagnostic.Create(SameName, Location.None, twin.RelativePath, relative, name));
                continue;
            }
            set.Add((relative, name));
            catalog.Add((relative, kernels));
            output.AddSource($"{name}Kernels.g.cs", SourceText.From(LauncherWriter.Launchers(relative, name, kernels), Encoding.UTF8));
            output.AddSource($"{name}Launches.g.cs", SourceText.From(RecorderWriter.Launches(relative, name, kernels), Encoding.UTF8));
        }
        output.AddSource("Geometries.g.cs", SourceText.From(LauncherWriter.Geometries(geometries), Encoding.UTF8));
        output.AddSource("KernelSet.g.cs", SourceText.From(LauncherWriter.KernelSet(set), Encoding.UTF8));
        output.AddSource("LaunchSet.g.cs", SourceText.From(RecorderWriter.LaunchSet(set), Encoding.UTF8));
        output.AddSource("KernelCatalog.g.cs", SourceText.From(LauncherWriter.Catalog(catalog), Encoding.UTF8));
    }

    private static bool IsHeader(string path) => path.EndsWith(".cuh", StringComparison.Ordinal);

    private static void Report(SourceProductionContext output, string path, string text, List<SignatureError> errors)
    {
        foreach (var error in errors)
            output.ReportDiagnostic(Diagnostic.Create(Unparsable, Locate(path, text, error), error.Message));
    }

    private static Location Locate(string path, string text, SignatureError error)
    {
        var span = new TextSpan(error.Offset, error.Length);
        return Location.Create(path, span, SourceText.From(text).Lines.GetLinePositionSpan(span));
    }

    // The path below the kernels folder, with forward slashes: operators/bias.cu.
    private static string RelativePath(string path)
    {
        var normal = path.Replace('\\', '/');
        var folder = normal.LastIndexOf("/kernels/", StringComparison.Ordinal);
        return folder < 0 ? normal.Substring(normal.LastIndexOf('/') + 1) : normal.Substring(folder + "/kernels/".Length);
    }
}

using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Lur.Generators.Options;

/// <summary>
/// Makes from a record of options (OptionsAttribute) the properties, the range check, the list that help and recipes are made of
/// and the reader from text, so that an option is one declaration.
/// </summary>
[Generator]
public sealed class OptionRecordGenerator : IIncrementalGenerator
{
    private const string Attribute = "Lur.OptionsAttribute";

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var records = context.SyntaxProvider.ForAttributeWithMetadataName(
            Attribute,
            (node, _) => node is RecordDeclarationSyntax,
            (found, cancellation) => Make((INamedTypeSymbol)found.TargetSymbol, cancellation)
        );
        context.RegisterSourceOutput(records, Emit);
    }

    private static Output Make(INamedTypeSymbol record, CancellationToken cancellation)
    {
        var collector = new OptionCollector(record, cancellation);
        var model = collector.Collect();
        var source = collector.Problems.Count == 0 ? OptionRecordWriter.Write(model) : "";
        return new Output($"{model.Namespace}.{model.Name}.Options.g.cs", source, [.. collector.Problems]);
    }

    private static void Emit(SourceProductionContext context, Output output)
    {
        foreach (var problem in output.Problems)
            context.ReportDiagnostic(problem);
        if (output.Source.Length > 0)
            context.AddSource(output.File, SourceText.From(output.Source, Encoding.UTF8));
    }

    private readonly record struct Output(string File, string Source, ImmutableArray<Diagnostic> Problems)
    {
        // Equal texts are not written again; a problem is told anew whenever anything changes.
        public bool Equals(Output other) => File == other.File && Source == other.Source && Problems.IsEmpty && other.Problems.IsEmpty;

        public override int GetHashCode() => File.GetHashCode() ^ Source.GetHashCode();
    }
}

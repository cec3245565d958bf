using System.Globalization;
using System.Reflection;
using System.Xml.Linq;
using Lur.Generators.Options;
using Lur.Tests.Architecture;
using Lur.Unlearning;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Lur.Tests.Unlearning;

/// <summary>The method of docs/add-a-method.md compiles as it stands there, is listed, and does what the page says.</summary>
public class AddAMethodTests
{
    private const string Page = "docs/add-a-method.md";
    private static readonly Lazy<Assembly> s_page = new(Compile);
    private static readonly Lazy<MethodDefinition> s_flatten = new(() =>
        (MethodDefinition)s_page.Value.GetType("Lur.Unlearning.Flatten")!.GetProperty("Definition")!.GetValue(null)!
    );

    [Test]
    public void TheMethodOfThePageIsListedWithItsOptions()
    {
        var own = s_flatten.Value.Options[^1];
        Assert.That((own.Name, own.Default, own.Description), Is.EqualTo(("strength", "1", "Weight of the forget loss.")));
        Assert.That(s_flatten.Value.Options.Single(o => o.Name == "lr").Default, Is.EqualTo("0.01"));
        Assert.That(
            () => s_flatten.Value.Read(new Dictionary<string, string> { ["strength"] = "0" }),
            Throws.TypeOf<UserErrorException>().With.Message.EqualTo("Option --strength is 0; it must be above 0.")
        );
    }

    [Test]
    public void TheMethodOfThePageFlattensTheForgetSet()
    {
        using var scope = new MethodScope(forget: "random:40");
        var given = new Dictionary<string, string>
        {
            ["batch"] = "4",
            ["epochs"] = "2",
            ["lr"] = "0.05",
        };
        using var method = s_flatten.Value.Make(scope.Task, s_flatten.Value.Read(given));
        var telemetry = MethodScope.Run(method);
        var (forget, retain) = (scope.Task.Set.Forget.Length / 4, scope.Task.Set.Retain.Length / 4);
        Assert.That(telemetry, Has.Count.EqualTo(2 * (forget + retain)));
        // CE against the uniform distribution is log 10 at the least, and forget steps come first in an epoch.
        double[] above = [.. telemetry.Take(forget).Select(t => t.ForgetLoss - Math.Log(10))];
        Assert.That(above, Is.All.GreaterThan(-1e-5));
        Assert.That(above[^3..].Average(), Is.LessThan(above[..3].Average() / 2), string.Join(' ', above));
        Assert.That(telemetry.Skip(forget).Take(retain).Select(t => t.ForgetLoss), Is.All.NaN);
    }

    [Test]
    public void TheTestOfThePagePasses()
    {
        var type = s_page.Value.GetType("Lur.Tests.Unlearning.TestsOfThePage")!;
        var tests = type.GetMethods().Where(m => m.IsDefined(typeof(TestAttribute))).ToArray();
        Assert.That(tests.Select(t => t.Name), Is.EqualTo(new[] { "FlattenFlattens" }));
        tests[0].Invoke(Activator.CreateInstance(type), BindingFlags.DoNotWrapExceptions, null, [], CultureInfo.InvariantCulture);
    }

    [Test]
    public void ThePageShowsHowTheCatalogIsWritten()
    {
        var line = Blocks("csharp-part").First().Trim();
        Assert.That(line, Is.EqualTo("Flatten.Definition,"));
        Assert.That(Repository.Read("src/Lur/Unlearning/MethodCatalog.cs"), Does.Contain("        FineTune.Definition,\n"));
    }

    private static IEnumerable<string> Blocks(string language) =>
        Repository.Read(Page).Split($"```{language}\n").Skip(1).Select(part => part[..part.IndexOf("```", StringComparison.Ordinal)]);

    /// <summary>Compiles the method of the page and its test, by the name of an assembly that sees what is internal in the library
    /// and in the tests.</summary>
    private static Assembly Compile()
    {
        var parsing = new CSharpParseOptions(LanguageVersion.Preview, DocumentationMode.Parse);
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path, documentation: new Summaries(Path.ChangeExtension(path, "xml"))));
        const string usings = "global using System; global using System.Collections.Generic; global using System.Linq;";
        var test =
            "using Lur.Unlearning; using NUnit.Framework; namespace Lur.Tests.Unlearning; public class TestsOfThePage {"
            + $"{Blocks("csharp-part").Last()} }}";
        var compilation = CSharpCompilation.Create(
            "Lur.Bench",
            [.. new[] { usings, Blocks("csharp").Single(), test }.Select(text => CSharpSyntaxTree.ParseText(text, parsing))],
            references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable)
        );
        CSharpGeneratorDriver
            .Create([new OptionRecordGenerator().AsSourceGenerator()], parseOptions: parsing)
            .RunGeneratorsAndUpdateCompilation(compilation, out var whole, out var problems);
        using var stream = new MemoryStream();
        var result = whole.Emit(stream);
        Assert.That(problems.Concat(result.Diagnostics).Where(d => d.Severity >= DiagnosticSeverity.Warning), Is.Empty);
        return Assembly.Load(stream.ToArray());
    }

    /// <summary>Help of an inherited option is its summary, which lies beside the library.</summary>
    private sealed class Summaries(string path) : DocumentationProvider
    {
        private readonly Lazy<Dictionary<string, string>> _members = new(() =>
            File.Exists(path)
                ? XDocument.Load(path).Descendants("member").ToDictionary(m => m.Attribute("name")!.Value, m => m.ToString())
                : []
        );

        public override bool Equals(object? obj) => ReferenceEquals(this, obj);

        public override int GetHashCode() => path.GetHashCode(StringComparison.Ordinal);

        protected override string? GetDocumentationForSymbol(string id, CultureInfo culture, CancellationToken cancellation) =>
            _members.Value.GetValueOrDefault(id);
    }
}

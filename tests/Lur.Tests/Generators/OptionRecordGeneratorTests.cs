using System.Collections.Immutable;
using System.Reflection;
using Lur.Generators.Options;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Lur.Tests.Generators;

/// <remarks>Over budget: each diagnostic has a source text of its own.</remarks>
/// <summary>What the generator makes of a record of options, and what it refuses.</summary>
public class OptionRecordGeneratorTests
{
    private const string Head = "using Lur; namespace Try; ";

    /// <summary>One option of each type, a group, an inherited option with another default, and a flag that implies two.</summary>
    private const string Everything =
        Head
        + """
            public enum Colour { [Choice("red")] Red, [Choice("dark-blue")] DarkBlue }

            [Options]
            public sealed partial record Part : OptionRecord
            {
                /// <summary>Parts of names.</summary>
                [Option("part-names", "", Source = "ours")]
                public partial System.Collections.Generic.IReadOnlyList<string> Names { get; init; }
            }

            [Options]
            public partial record Shared : OptionRecord
            {
                /// <summary>Rate.</summary>
                [Option("rate", Above = 0)]
                public partial double Rate { get; init; }

                /// <summary>Colour
                /// of it.</summary>
                [Option("colour", Colour.Red, Source = "ours")]
                public partial Colour Colour { get; init; }
            }

            [Options]
            [OptionDefault(nameof(Rate), 0.25, Source = Paper)]
            public sealed partial record Whole : Shared
            {
                private const string Paper = "a paper";

                /// <summary>Rows; 0 takes <see cref="Steps"/>.</summary>
                [Option("rows", 4, Source = "ours", Least = 0, Most = 8, Before = nameof(Colour))]
                public partial int Rows { get; init; }

                /// <summary>Steps.</summary>
                [Option("steps", 5000000000, Source = "ours")]
                public partial long Steps { get; init; }

                /// <summary>The part.</summary>
                [OptionGroup]
                public Part Part { get; init; } = new();

                /// <summary>Mirror.</summary>
                [Option("no-mirror", true, Source = "ours", Description = "No mirror.")]
                public partial bool Mirror { get; init; }

                /// <summary>Text with "quotes".</summary>
                [Option("text", "a\"b", Source = "ours")]
                public partial string Text { get; init; }

                /// <summary>Room.</summary>
                [Option("room", "2MB", Source = "ours")]
                public partial ByteSize Room { get; init; }

                /// <summary>As they did.</summary>
                [Option("compat", false, Source = "ours")]
                [Implies(nameof(Colour), Colour.DarkBlue)]
                [Implies(nameof(Rows), 2)]
                public partial bool Compat { get; init; }

                partial void Check()
                {
                    if (Rows > 6 && !Mirror)
                        throw Refusal($"[Rows] is {Rows}, which needs [Mirror].");
                }
            }
            """;

    private static readonly Lazy<Type> s_whole = new(() => Compile(Everything).GetType("Try.Whole")!);

    private static IReadOnlyList<OptionInfo> List => (IReadOnlyList<OptionInfo>)s_whole.Value.GetProperty("List")!.GetValue(null)!;

    [Test]
    public void TheListHasInheritedGroupedAndOwnOptionsInOrder()
    {
        Assert.That(
            List.Select(o => (o.Name, o.Property, o.Kind, o.Default, o.Source)),
            Is.EqualTo(
                new[]
                {
                    ("rate", "Rate", OptionKind.Number, "0.25", "a paper"),
                    ("rows", "Rows", OptionKind.Integer, "4", "ours"),
                    ("colour", "Colour", OptionKind.Choice, "red", "ours"),
                    ("steps", "Steps", OptionKind.Integer, "5000000000", "ours"),
                    ("part-names", "Part.Names", OptionKind.Text, "", "ours"),
                    ("no-mirror", "Mirror", OptionKind.Flag, "false", "ours"),
                    ("text", "Text", OptionKind.Text, "a\"b", "ours"),
                    ("room", "Room", OptionKind.Text, "2MB", "ours"),
                    ("compat", "Compat", OptionKind.Flag, "false", "ours"),
                }
            )
        );
        Assert.That(List.Select(o => o.Range), Is.EqualTo(new[] { "above 0", "from 0 to 8", "", "", "", "", "", "", "" }));
        Assert.That(List[2].Choices, Is.EqualTo(new[] { "red", "dark-blue" }));
        Assert.That(List[8].Implies, Is.EqualTo(new[] { ("colour", "dark-blue"), ("rows", "2") }));
    }

    [Test]
    public void HelpIsTheSummaryWithOptionsForProperties() =>
        Assert.That(
            List.Select(o => o.Description),
            Is.EqualTo(
                new[]
                {
                    "Rate.",
                    "Rows; 0 takes --steps.",
                    "Colour of it.",
                    "Steps.",
                    "Parts of names.",
                    "No mirror.",
                    "Text with \"quotes\".",
                    "Room.",
                    "As they did: the defaults become --colour dark-blue and --rows 2.",
                }
            )
        );

    [Test]
    public void WhatIsReadIsWhatWasGivenAndDefaults()
    {
        Assert.That(Texts(), Is.EqualTo(List.Select(o => o.Default)), "nothing given");
        string[] given = ["0.5", "8", "dark-blue", "7", "a,b", "true", "x", "1GiB", "false"];
        var names = List.Select(o => o.Name).ToArray();
        for (var i = 0; i < names.Length; i++)
        {
            string[] expected = [.. List.Select((o, k) => k == i ? given[k] : o.Default)];
            Assert.That(Texts((names[i], given[i])), Is.EqualTo(expected), names[i]);
        }

        Assert.That(Texts(("part-names", " a , b,")), Has.Member("a,b"));
    }

    [Test]
    public void AFlagChangesDefaultsAndNothingThatWasGiven()
    {
        Assert.That(Texts(("compat", "true"))[1..3], Is.EqualTo(new[] { "2", "dark-blue" }));
        Assert.That(Texts(("compat", "true"), ("rows", "4"), ("colour", "red"))[1..3], Is.EqualTo(new[] { "4", "red" }));
    }

    [TestCase("rate", "0", "Option --rate is 0; it must be above 0.")]
    [TestCase("rate", "x", "Option --rate is 'x'; it takes a number.")]
    [TestCase("rows", "9", "Option --rows is 9; it must be from 0 to 8.")]
    [TestCase("rows", "3000000000", "Option --rows is 3000000000; it must be from 0 to 8.")]
    [TestCase("rows", "1.5", "Option --rows is '1.5'; it takes a whole number.")]
    [TestCase("colour", "green", "Option --colour is 'green'; it takes one of red, dark-blue.")]
    [TestCase("no-mirror", "yes", "Option --no-mirror is 'yes'; it takes true or false.")]
    [TestCase("room", "much", "Option --room is 'much'; it takes a size of at least 1 byte, for example 64M, 500MB or 1.5GiB.")]
    [TestCase("gone", "1", "Option --gone is not an option of the test; it has --rate, --rows, --colour,")]
    public void TheReaderRefuses(string name, string text, string sentence) =>
        Assert.That(() => Read((name, text)), Throws.InstanceOf<UserErrorException>().With.Message.StartsWith(sentence));

    [Test]
    public void ValuesThatDoNotGoTogetherAreNamedAsTheyWereGiven() =>
        Assert.That(
            () => Read(("rows", "7"), ("no-mirror", "true")),
            Throws.InstanceOf<UserErrorException>().With.Message.EqualTo("Option --rows is 7, which needs --no-mirror.")
        );

    [Test]
    public void FromCSharpTheExceptionNamesTheProperty()
    {
        var options = Activator.CreateInstance(s_whole.Value)!;
        s_whole.Value.GetProperty("Rows")!.SetValue(options, -1);
        Assert.That(
            ((OptionRecord)options).Validate,
            Throws
                .TypeOf<OptionException>()
                .With.Message.EqualTo("Whole.Rows is -1; it must be from 0 to 8.")
                .And.Property(nameof(OptionException.Property))
                .EqualTo("Rows")
        );
        s_whole.Value.GetProperty("Rows")!.SetValue(options, 0);
        s_whole.Value.GetProperty("Rate")!.SetValue(options, double.NaN);
        Assert.That(((OptionRecord)options).Validate, Throws.TypeOf<OptionException>().With.Message.StartsWith("Whole.Rate is NaN;"));
        s_whole.Value.GetProperty("Rate")!.SetValue(options, double.PositiveInfinity);
        Assert.That(((OptionRecord)options).Validate, Throws.TypeOf<OptionException>().With.Message.Contains("must be above 0"));
        s_whole.Value.GetProperty("Rate")!.SetValue(options, 1.0);
        s_whole.Value.GetProperty("Colour")!.SetValue(options, Enum.ToObject(s_whole.Value.GetProperty("Colour")!.PropertyType, 7));
        Assert.That(
            ((OptionRecord)options).Validate,
            Throws.TypeOf<OptionException>().With.Message.EqualTo("Whole.Colour is 7; it must be one of Red, DarkBlue.")
        );
    }

    [TestCase("LUR101", "[Option(\"a\", 1)] public partial int A { get; init; }", "option --a of R has a default without a source")]
    [TestCase(
        "LUR102",
        "[Option(\"a\", 1, Source = \"s\")] public partial int A { get; init; }\n/// <summary>B.</summary>\n"
            + "[Option(\"a\", 1, Source = \"s\")] public partial int B { get; init; }",
        "R has two options --a"
    )]
    [TestCase(
        "LUR103",
        "[Option(\"a\", 0, Source = \"s\", Above = 0)] public partial double A { get; init; }",
        "the default of option --a of R is 0; it must be above 0"
    )]
    [TestCase(
        "LUR103",
        "[Option(\"a\", 9, Source = \"s\", Least = 1, Most = 8)] public partial int A { get; init; }",
        "is 9; it must be from 1 to 8"
    )]
    [TestCase("LUR104", "[Option(\"a\", 0.5, Source = \"s\")] public partial int A { get; init; }", "no default of the type int")]
    [TestCase("LUR104", "[Option(\"a\", Source = \"s\")] public partial int A { get; init; }", "no default of the type int")]
    [TestCase("LUR105", "[Option(\"a\", 1, Source = \"s\")] public partial decimal A { get; init; }", "is of type decimal")]
    [TestCase("LUR106", "[Option(\"a\", 1, Source = \"s\")] public int A { get; init; }", "A must be partial")]
    [TestCase(
        "LUR107",
        "[Option(\"a\", false, Source = \"s\")] [Implies(\"Gone\", 1)] public partial bool A { get; init; }",
        "R has no option property Gone"
    )]
    [TestCase("LUR107", "[Option(\"a\", 1, Source = \"s\", Before = \"Gone\")] public partial int A { get; init; }", "property Gone")]
    [TestCase(
        "LUR108",
        "[Option(\"a\", System.DayOfWeek.Monday, Source = \"s\")] public partial System.DayOfWeek A { get; init; }",
        "DayOfWeek.Monday is a choice of option --a and has no text"
    )]
    [TestCase("LUR109", "[Option(\"aB\", 1, Source = \"s\")] public partial int A { get; init; }", "lower-case words")]
    [TestCase("LUR109", "[Option(\"a\", true, Source = \"s\")] public partial bool A { get; init; }", "begins with \"no-\"")]
    [TestCase("LUR109", "[Option(\"no-a\", false, Source = \"s\")] public partial bool A { get; init; }", "begins with \"no-\"")]
    [TestCase("LUR105", "[Option(\"a\", 1, Source = \"s\")] public partial Gone A { get; init; }", "is of type Gone")]
    [TestCase("LUR111", "[Option(\"a\", Gone.One, Source = \"s\")] public partial Gone A { get; init; }", "[Option] of A has arguments")]
    [TestCase("LUR111", "[Option] public partial int A { get; init; }", "[Option] of A has arguments")]
    [TestCase("LUR111", "[Option(Gone.Name, 1)] public partial int A { get; init; }", "[Option] of A has arguments")]
    [TestCase(
        "LUR111",
        "[Option(\"a\", false, Source = \"s\")] [Implies(nameof(A), Gone.One)] public partial bool A { get; init; }",
        "[Implies] of A has arguments"
    )]
    public void ADefectIsAnErrorOfTheBuild(string id, string property, string message)
    {
        var problems = Problems(
            $"{Head}[Options] public sealed partial record R : OptionRecord {{\n/// <summary>A.</summary>\n{property} }}"
        );
        Assert.That(
            problems.Select(p => (p.Severity, p.Id, p.GetMessage().Contains(message, StringComparison.Ordinal))),
            Has.Member((DiagnosticSeverity.Error, id, true)),
            string.Join('\n', problems)
        );
    }

    [Test]
    public void AnOptionWithoutSummaryIsAnError() =>
        Assert.That(
            Problems(
                    $"{Head}[Options] public sealed partial record R : OptionRecord {{ [Option(\"a\", 1, Source = \"s\")] "
                        + "public partial int A { get; init; } }"
                )
                .Select(p => p.Id),
            Is.EqualTo(new[] { "LUR110" })
        );

    [Test]
    public void ADefaultThatARecordChangesIsCheckedToo()
    {
        const string code =
            Head
            + """
                [Options]
                public partial record B : OptionRecord
                {
                    /// <summary>A.</summary>
                    [Option("a", Least = 1)]
                    public partial int A { get; init; }
                }

                [Options]
                [OptionDefault(nameof(A), 0, Source = "s")]
                [OptionDefault("Gone", 0)]
                public sealed partial record R : B;
                """;
        Assert.That(Problems(code).Select(p => p.Id).Order(), Is.EqualTo(new[] { "LUR103", "LUR107" }));
    }

    [TestCase("[OptionDefault(nameof(A))]", "LUR111")]
    [TestCase("[OptionDefault(nameof(A), Gone.One, Source = \"s\")]", "LUR111")]
    public void ADefaultThatDoesNotCompileIsAnError(string attribute, string id)
    {
        const string property = "{ /// <summary>A.</summary>\n[Option(\"a\", 1, Source = \"s\")] public partial int A { get; init; } }";
        var problems = Problems($"{Head}[Options] {attribute} public sealed partial record R : OptionRecord {property}");
        Assert.That(problems.Select(p => p.Id), Has.Member(id), string.Join('\n', problems));
    }

    [Test]
    public void AChoiceThatDoesNotCompileHasNoText()
    {
        var problems = Problems(
            $"{Head}public enum E {{ [Choice] One }} [Options] public sealed partial record R : OptionRecord {{\n"
                + "/// <summary>A.</summary>\n[Option(\"a\", E.One, Source = \"s\")] public partial E A { get; init; } }"
        );
        Assert.That(problems.Select(p => p.Id), Is.EqualTo(new[] { "LUR108" }), string.Join('\n', problems));
    }

    [Test]
    public void TheSameRecordGivesTheSameTextAndIsNotWrittenAgainForAnotherFile()
    {
        Assert.That(Sources(Everything), Is.EqualTo(Sources(Everything)));
        GeneratorDriver driver = Driver(trackSteps: true);
        var compilation = Compilation(Everything);
        driver = driver
            .RunGenerators(compilation)
            .RunGenerators(compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText("class Other;", Parsing)));
        var reasons = driver.GetRunResult().Results.Single().TrackedOutputSteps.SelectMany(s => s.Value).SelectMany(s => s.Outputs);
        Assert.That(reasons.Select(o => o.Reason), Is.Not.Empty.And.All.EqualTo(IncrementalStepRunReason.Cached));
    }

    private static OptionRecord Read(params (string Name, string Text)[] texts)
    {
        var given = texts.ToDictionary(t => t.Name, t => t.Text);
        try
        {
            return (OptionRecord)s_whole.Value.GetMethod("Read")!.Invoke(null, ["the test", given])!;
        }
        catch (TargetInvocationException e)
        {
            throw e.InnerException!;
        }
    }

    private static string[] Texts(params (string Name, string Text)[] texts) => [.. Read(texts).Texts().Select(t => t.Text)];

    private static CSharpGeneratorDriver Driver(bool trackSteps = false) =>
        CSharpGeneratorDriver.Create(
            [new OptionRecordGenerator().AsSourceGenerator()],
            parseOptions: Parsing,
            driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackSteps)
        );

    private static CSharpParseOptions Parsing => new(LanguageVersion.Preview, DocumentationMode.Parse);

    private static string[] Sources(string code) =>
        [.. Driver().RunGenerators(Compilation(code)).GetRunResult().GeneratedTrees.Select(t => t.ToString())];

    private static ImmutableArray<Diagnostic> Problems(string code) => Driver().RunGenerators(Compilation(code)).GetRunResult().Diagnostics;

    private static Assembly Compile(string code)
    {
        Driver().RunGeneratorsAndUpdateCompilation(Compilation(code), out var compilation, out var problems);
        Assert.That(problems, Is.Empty);
        using var stream = new MemoryStream();
        var result = compilation.Emit(stream);
        Assert.That(result.Diagnostics.Where(d => d.Severity >= DiagnosticSeverity.Warning), Is.Empty);
        return Assembly.Load(stream.ToArray());
    }

    private static CSharpCompilation Compilation(string code) =>
        CSharpCompilation.Create(
            "Try",
            [CSharpSyntaxTree.ParseText(code, Parsing)],
            [
                .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
                    .Split(Path.PathSeparator)
                    .Select(path => MetadataReference.CreateFromFile(path)),
            ],
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable)
        );
}

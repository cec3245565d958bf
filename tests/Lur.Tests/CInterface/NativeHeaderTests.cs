using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Lur.Native.Exports;
using Lur.Tests.Architecture;

namespace Lur.Tests.CInterface;

/// <summary>lur.h compiles everywhere, and what a program has compiled against stays as it is.</summary>
public partial class NativeHeaderTests
{
    private const string Header = "src/Lur.Native/include/lur.h",
        Golden = "tests/Lur.Tests/CInterface/lur-abi.txt";
    private static readonly string[] s_headers = [Header, "src/Lur.Native/include/lur_dlpack.h"];

    [TestCase("c", "c99")]
    [TestCase("c", "c11")]
    [TestCase("c++", "c++11")]
    [TestCase("c++", "c++20")]
    public void TheHeaderCompilesWithoutAWarning(string language, string standard)
    {
        foreach (var (compiler, header) in from c in NativeBuild.Compilers from h in s_headers select (c, h))
        {
            string[] strict = language == "c" ? ["-Wstrict-prototypes", "-Wmissing-prototypes"] : [];
            var result = ChildProcess.Run(
                compiler,
                [
                    "-x",
                    language,
                    "-std=" + standard,
                    "-pedantic",
                    "-Wall",
                    "-Wextra",
                    "-Werror",
                    "-Wconversion",
                    .. strict,
                    "-fsyntax-only",
                    "-include",
                    header,
                    "/dev/null",
                ],
                folder: Repository.Root
            );
            Assert.That(result.ExitCode, Is.Zero, $"{compiler}: {result.Text}");
        }
    }

    [Test]
    public void SizesOffsetsAndNumbersAreThoseOfTheRelease()
    {
        // Written anew with LUR_WRITE_GOLDEN=1 when something was added; a line that changes breaks programs.
        var text = Describe();
        var path = Path.Combine(Repository.Root, Golden);
        if (Environment.GetEnvironmentVariable("LUR_WRITE_GOLDEN") == "1")
            File.WriteAllText(path, text);
        Assert.That(text, Is.EqualTo(File.ReadAllText(path)));
    }

    [Test]
    public void TheStructsOfBothSidesAreTheSame()
    {
        var golden = File.ReadAllLines(Path.Combine(Repository.Root, Golden));
        (string Name, int Size)[] ours =
        [
            ("lur_session_options", Unsafe.SizeOf<SessionOptions>()),
            ("lur_device_info", Unsafe.SizeOf<DeviceInfo>()),
            ("lur_segment", Unsafe.SizeOf<Segment>()),
            ("lur_vector", Unsafe.SizeOf<Vector>()),
            ("lur_step_options", Unsafe.SizeOf<StepOptions>()),
            ("lur_telemetry", Unsafe.SizeOf<Telemetry>()),
            ("lur_model_options", Unsafe.SizeOf<ModelOptions>()),
            ("lur_model_info", Unsafe.SizeOf<ModelInfo>()),
            ("lur_tensor_info", Unsafe.SizeOf<TensorInfo>()),
            ("lur_tensor", Unsafe.SizeOf<Tensor>()),
            ("lur_batch_request", Unsafe.SizeOf<BatchRequest>()),
            ("lur_batch", Unsafe.SizeOf<Batch>()),
            ("lur_provider", Unsafe.SizeOf<Provider>()),
            ("lur_sample_options", Unsafe.SizeOf<SampleOptions>()),
            ("lur_job_options", Unsafe.SizeOf<JobOptions>()),
            ("lur_progress", Unsafe.SizeOf<ProgressReport>()),
        ];
        foreach (var (name, size) in ours)
            Assert.That(golden, Has.Member(string.Create(CultureInfo.InvariantCulture, $"struct {name} {size}")));
        Assert.That(golden.Count(l => l.StartsWith("struct ", StringComparison.Ordinal)), Is.EqualTo(ours.Length));
    }

    [Test]
    public void CodesAndOperationsAreTheSameOnBothSides()
    {
        var codes = ErrorCode().Matches(Repository.Read(Header)).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);
        Assert.That(codes, Has.Count.EqualTo(Enum.GetValues<Code>().Length - 1)); // beside LUR_OK
        foreach (var code in Enum.GetValues<Code>().Where(c => c != Code.Ok))
            Assert.That(codes[Upper(code.ToString())], Is.EqualTo(((int)code).ToString(CultureInfo.InvariantCulture)), $"{code}");

        var front = OperationName().Matches(Repository.Read("src/Lur.Native/front/front.h")).Select(m => m.Groups[1].Value);
        Assert.That(front, Is.EqualTo(Enum.GetNames<Operation>().Select(Upper)));
    }

    [Test]
    public void NothingIsIncludedButFixedSizes()
    {
        var includes = Repository.Lines(Header).Where(l => l.StartsWith("#include", StringComparison.Ordinal));
        Assert.That(includes, Is.EqualTo(new[] { "#include <stddef.h>", "#include <stdint.h>" }));
        Repository.AssertNone(
            Repository.Lines(Header).Where(l => ForBindings().IsMatch(Comment().Replace(l, ""))),
            "What generators of bindings do not read without help:"
        );
    }

    // A program that the structs of the header themselves give: no field can be left out.
    private static string Describe()
    {
        var header = Repository.Read(Header);
        var code = Comment().Replace(header, "");
        var program = new StringBuilder("#include <lur.h>\n#include <stdio.h>\nint main(void) {\n");
        program.Append("printf(\"LUR_API_VERSION %d\\n\", LUR_API_VERSION);\n");
        foreach (Match s in Struct().Matches(code))
        {
            var name = s.Groups[2].Value;
            program.Append(CultureInfo.InvariantCulture, $"printf(\"struct {name} %zu\\n\", sizeof({name}));\n");
            foreach (Match field in Field().Matches(s.Groups[1].Value))
            {
                var f = field.Groups[1].Success ? field.Groups[1].Value : field.Groups[2].Value;
                program.Append(
                    CultureInfo.InvariantCulture,
                    $"printf(\"  {f} %zu %zu\\n\", offsetof({name}, {f}), sizeof((({name}*)0)->{f}));\n"
                );
            }
        }

        foreach (Match c in Constant().Matches(code))
            program.Append(CultureInfo.InvariantCulture, $"printf(\"{c.Groups[1].Value} %d\\n\", (int){c.Groups[1].Value});\n");
        foreach (Match f in Function().Matches(code))
            program.Append(CultureInfo.InvariantCulture, $"puts(\"{Blank().Replace(f.Value, " ")}\");\n");
        var source = Path.Combine(NativeBuild.Scratch, "abi.c");
        File.WriteAllText(source, program.Append("return 0;\n}\n").ToString());
        return ChildProcess.Run(NativeBuild.CompileTo(Path.Combine(NativeBuild.Scratch, "abi"), source), []).Output + "\n";
    }

    private static string Upper(string name) => Capital().Replace(name, "_$1").ToUpperInvariant();

    [GeneratedRegex(@"/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"typedef struct \w+ \{(.*?)\} (\w+);", RegexOptions.Singleline)]
    private static partial Regex Struct();

    // A function pointer, or the last word before a semicolon.
    [GeneratedRegex(@"\(\*(\w+)\)\([^;]*;|(\w+)(?:\[\d+\])?;")]
    private static partial Regex Field();

    [GeneratedRegex(@"^\s+(LUR_[A-Z0-9_]+) = ", RegexOptions.Multiline)]
    private static partial Regex Constant();

    [GeneratedRegex(@"^(?:int32_t|size_t|const char\*) lur_\w+\([^;]*;", RegexOptions.Multiline)]
    private static partial Regex Function();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();

    [GeneratedRegex(@"LUR_ERROR_(\w+) = (\d+)")]
    private static partial Regex ErrorCode();

    [GeneratedRegex(@"^\s+OP_(\w+),?$", RegexOptions.Multiline)]
    private static partial Regex OperationName();

    [GeneratedRegex(@"(?<=[a-z])([A-Z])")]
    private static partial Regex Capital();

    [GeneratedRegex(@"\bbool\b|\bunion\b|: \d+;|^#define \w+\(|\benum \w|\blong\b|\bshort\b|\bunsigned\b")]
    private static partial Regex ForBindings();
}

using System.Text.RegularExpressions;
using Lur.Tests.Architecture;

namespace Lur.Tests.CInterface;

/// <summary>liblur from Python and Rust, and tensors by DLPack.</summary>
public partial class LanguageTests
{
    [Test]
    public void ATensorOfDlpackIsATensorOfTheHeader() =>
        Assert.That(NativeBuild.RunSilently(NativeBuild.Compile("tests/Lur.Tests/CInterface/Programs/dlpack.c")), Is.GreaterThan(30));

    [Test]
    public void ThePythonSampleAgreesWithNumPyAndAutograd()
    {
        if (ChildProcess.TryRun("/usr/bin/python3", ["-c", "import numpy"]) is not { ExitCode: 0 })
            Assert.Ignore("Not run: python3-numpy is missing.");
        var result = ChildProcess.Run("/usr/bin/python3", ["samples/step.py", NativeBuild.Library], folder: Repository.Root);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
        Assert.That(result.Output, Does.Contain("NumPy, finite difference: weights differ by"));
        if (result.Output.Contains("PyTorch is not installed", StringComparison.Ordinal))
            Assert.Ignore("Not run: python3-torch is missing; the part for NumPy agrees.");
        Assert.That(result.Output, Does.Contain("PyTorch, given by autograd: weights differ by"));
    }

    [Test]
    public void TheRustSampleAgreesWithAPlainLoop()
    {
        // The first may be a launcher for compilers that are not there.
        string[] compilers = ["rustc", "/usr/bin/rustc"];
        var rustc = compilers.FirstOrDefault(c => ChildProcess.TryRun(c, ["--version"]) is { ExitCode: 0 });
        if (rustc is null)
        {
            Assert.Ignore("Not run: rustc is missing.");
            return;
        }

        var program = Path.Combine(NativeBuild.Scratch, "step-rust");
        string[] arguments = ["--edition", "2021", "-D", "warnings", "-L", $"native={NativeBuild.Folder}", "-l", "dylib=lur"];
        var built = ChildProcess.Run(rustc, [.. arguments, "samples/rust/src/main.rs", "-o", program], folder: Repository.Root);
        Assert.That(built.ExitCode, Is.Zero, built.Text);
        var result = ChildProcess.Run(program, ["--quiet"], [("LD_LIBRARY_PATH", NativeBuild.Folder)]);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
        Assert.That(result.Text, Is.Empty);
    }

    [Test]
    public void TheBindingsForRustAreThoseOfTheHeader()
    {
        const string golden = "samples/rust/src/lur.rs",
            clang = "/usr/lib/llvm-14/lib";
        // What another version makes differs in form; on newer libclang this one fails on enums without names.
        if (ChildProcess.TryRun("bindgen", ["--version"]) is not { ExitCode: 0 } version || !version.Output.Contains("0.60.1"))
        {
            Assert.Ignore("Not run: bindgen 0.60.1 is missing.");
            return;
        }

        if (!Directory.Exists(clang))
            Assert.Ignore("Not run: libclang1-14 is missing.");
        string[] how = ["--no-doc-comments", "--no-layout-tests", "--size_t-is-usize", "--no-prepend-enum-name"];
        string[] arguments = ["src/Lur.Native/include/lur.h", .. how, "--allowlist-file", @".*/lur\.h"];
        var result = ChildProcess.Run("bindgen", arguments, [("LIBCLANG_PATH", clang)], Repository.Root);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
        if (Environment.GetEnvironmentVariable("LUR_WRITE_GOLDEN") == "1")
            File.WriteAllText(Path.Combine(Repository.Root, golden), result.Output);
        Assert.That(Tokens(result.Output), Is.EqualTo(Tokens(Repository.Read(golden))));
    }

    // bindgen's text goes through rustfmt where there is one, which breaks lines and puts commas at their ends.
    private static string Tokens(string text) => Gaps().Replace(text, "$1");

    [GeneratedRegex(@",?\s+([)}>\]])|\s+")]
    private static partial Regex Gaps();
}

using System.Runtime.InteropServices;
using Lur.Tests.Architecture;
using Lur.Tests.Data;

namespace Lur.Tests.CInterface;

/// <summary>Programs in C around liblur. They say nothing when all is well, also where errors happen, which is the proof that the
/// library says nothing either.</summary>
public class NativeProgramTests
{
    private const string Programs = "tests/Lur.Tests/CInterface/Programs";

    [Test]
    public void ASampleMakesStepsWithItsOwnGradients()
    {
        var program = NativeBuild.Compile("samples/step.c", "-std=c99", "-pedantic", "-Wstrict-prototypes");
        var result = ChildProcess.Run(program, []);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
        Assert.That(result.Output, Does.Contain("agree in every byte"));
        var quiet = ChildProcess.Run(program, ["--quiet"]);
        Assert.That(quiet.ExitCode, Is.Zero);
        Assert.That(quiet.Text, Is.Empty);
    }

    [Test]
    public void MisuseIsACodeAndASentence() => Assert.That(NativeBuild.RunSilently(Build("misuse")), Is.GreaterThan(400));

    [Test]
    public void TheFrontIsCleanUnderAddressSanitizer()
    {
        string[] front = [.. Repository.Files("src/Lur.Native/front", ".c")];
        var program = NativeBuild.CompileTo(
            Path.Combine(NativeBuild.Scratch, "misuse-asan"),
            [
                "-DFRONT_ONLY",
                "-Wno-unused", // what the rows use that are left out
                "-DLUR_VERSION_NUMBER=0.0.0",
                "-fsanitize=address,undefined",
                "-fno-sanitize-recover",
                $"{Programs}/misuse.c",
                $"{Programs}/stub.c",
                .. front,
                "-Wl,--wrap=__tls_get_addr,--wrap=pthread_attr_setstacksize",
                "-lm",
                "-ldl",
                "-pthread",
            ]
        );
        Assert.That(NativeBuild.RunSilently(program), Is.GreaterThan(200));
    }

    [TestCase("lane:late")]
    [TestCase("lane")]
    [TestCase("fiber:memory+init")]
    public void TheCallersContextStreamAndMemory(string device) =>
        Assert.That(NativeBuild.RunSilently(Build("contexts"), environment: [("LUR_HOST_DEVICES", device)]), Is.GreaterThan(200));

    [Test]
    public void ThreadsCallbacksAndCancelling() => Assert.That(NativeBuild.RunSilently(Build("threads")), Is.GreaterThan(30));

    [TestCase("signals", 60)]
    [TestCase("signals-sent", 100)]
    [TestCase("forks", 4)]
    [TestCase("forks-before", 1)]
    [TestCase("unloads", 10)]
    [TestCase("growth", 5000)]
    [TestCase("exit", 2)]
    public void TheProcessStaysAsItWas(string what, int checks) =>
        Assert.That(NativeBuild.RunSilently(Build("process"), [what]), Is.GreaterThanOrEqualTo(checks));

    [Test]
    public void AProgramWithLittleAddressSpaceRuns()
    {
        var program = NativeBuild.Compile("samples/step.c");
        var result = ChildProcess.Run("bash", ["-c", $"ulimit -v 4194304; exec '{program}' --quiet"]);
        Assert.That((result.ExitCode, result.Text), Is.EqualTo((0, "")));
        using var temp = new TempFolder();
        var job = NativeBuild.Compile("samples/memory.c");
        result = ChildProcess.Run("bash", ["-c", $"ulimit -v 4194304; exec '{job}' '{temp.Path}'"]);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
    }

    [TestCase("step")]
    [TestCase("memory")]
    public void ValgrindFindsNothing(string sample)
    {
        if (ChildProcess.TryRun("valgrind", ["--version"]) is null)
            Assert.Ignore("Not run: valgrind is not installed.");
        using var temp = new TempFolder();
        var argument = sample == "step" ? "--quiet" : temp.Path;
        string[] leaks = ["--leak-check=full", "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"];
        string[] all = ["-q", "--error-exitcode=9", .. leaks, NativeBuild.Compile($"samples/{sample}.c"), argument];
        var result = ChildProcess.Run("valgrind", all);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
    }

    /// <summary>Binaries of the samples, built against the header of 0.1 (Release-0.1/build.sh made them): they are never built
    /// again.</summary>
    [TestCase("step", "--quiet")]
    [TestCase("memory", null)]
    public void AProgramBuiltAgainstTheFirstReleaseRuns(string sample, string? argument)
    {
        if (RuntimeInformation.ProcessArchitecture != System.Runtime.InteropServices.Architecture.X64)
            Assert.Ignore("Not run: the binaries are for x86-64.");
        using var temp = new TempFolder();
        // A copy: what comes out of an archive need not be marked as a program.
        var program = temp[sample];
        File.Copy(Path.Combine(Repository.Root, "tests/Lur.Tests/CInterface/Release-0.1", sample), program);
        UnixModes.Allow(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var folder = Directory.CreateDirectory(temp["results"]).FullName;
        var result = ChildProcess.Run(program, [argument ?? folder], [("LD_LIBRARY_PATH", NativeBuild.Folder)]);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
    }

    private static string Build(string program) => NativeBuild.Compile($"{Programs}/{program}.c");
}

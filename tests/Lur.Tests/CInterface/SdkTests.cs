using System.Text.RegularExpressions;
using Lur.Tests.Architecture;

namespace Lur.Tests.CInterface;

/// <summary>The archive for C and C++ programs, the C++ header, and the page about them.</summary>
public partial class SdkTests
{
    [Test]
    public void TheHeaderForCppMovesClosesAndKeepsExceptionsBack() =>
        Assert.That(NativeBuild.RunSilently(Cpp("tests/Lur.Tests/CInterface/Programs/wrapper.cpp")), Is.GreaterThan(10));

    [Test]
    public void TheSampleInCppTakesAFiniteDifference()
    {
        var result = ChildProcess.Run(Cpp("samples/step.cpp"), []);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
    }

    [Test]
    public void TheSdkServesPkgConfigAndCMakeFromAFolderWithSpaces()
    {
        var sdk = Path.Combine(NativeBuild.Scratch, "an sdk");
        var packed = ChildProcess.Run("bash", ["src/Lur.Native/sdk/pack.sh", NativeBuild.Folder, sdk, "0.1.0"], folder: Repository.Root);
        Assert.That(packed.ExitCode, Is.Zero, packed.Text);
        var build = Directory.CreateDirectory(Path.Combine(NativeBuild.Scratch, "a consumer")).FullName;
        foreach (var built in new[] { WithPkgConfig(sdk, build), WithCMake(sdk, build) })
        {
            if (built is null)
                Assert.Ignore("Not run: pkg-config or cmake is missing.");
            var result = ChildProcess.Run(built, [], [("LD_LIBRARY_PATH", Path.Combine(sdk, "lib"))]);
            Assert.That(result.ExitCode, Is.Zero, result.Text);
        }
    }

    [Test]
    public void TheProgramsOfThePageAreThoseOfTheSamples()
    {
        var samples = Repository.Files("samples", ".c", ".cpp").Select(Repository.Read).ToArray();
        var blocks = Block().Matches(Repository.Read("docs/embedding.md"));
        Assert.That(blocks, Has.Count.GreaterThan(3));
        Repository.AssertNone(
            blocks.Select(b => b.Groups[1].Value).Where(b => !samples.Any(s => s.Contains(b, StringComparison.Ordinal))),
            "Not a part of a sample:"
        );
    }

    private static string? WithPkgConfig(string sdk, string build)
    {
        if (ChildProcess.TryRun("pkg-config", ["--version"]) is null)
            return null;
        var program = Path.Combine(build, "by-pkg-config");
        const string script = "eval \"$1 '$2/samples/step.c' $(pkg-config --cflags --libs lur) -lm -o '$3'\"";
        var result = ChildProcess.Run(
            "bash",
            ["-c", script, "build", NativeBuild.Compilers[0], sdk, program],
            [("PKG_CONFIG_PATH", Path.Combine(sdk, "lib/pkgconfig"))]
        );
        Assert.That(result.ExitCode, Is.Zero, result.Text);
        return program;
    }

    private static string? WithCMake(string sdk, string build)
    {
        if (ChildProcess.TryRun("cmake", ["--version"]) is null)
            return null;
        File.WriteAllText(
            Path.Combine(build, "CMakeLists.txt"),
            $"""
            cmake_minimum_required(VERSION 3.16)
            project(consumer C CXX)
            set(CMAKE_CXX_STANDARD 17)
            find_package(Lur 0.1 REQUIRED)
            add_executable(by-cmake "{sdk}/samples/step.cpp")
            target_link_libraries(by-cmake PRIVATE Lur::lur)
            """
        );
        foreach (
            var arguments in new[]
            {
                ["-S", build, "-B", build + "/build", $"-DCMAKE_PREFIX_PATH={sdk}"],
                new[] { "--build", build + "/build" },
            }
        )
        {
            var result = ChildProcess.Run("cmake", arguments);
            Assert.That(result.ExitCode, Is.Zero, result.Text);
        }

        return Path.Combine(build, "build/by-cmake");
    }

    internal static string Cpp(string source)
    {
        var program = Path.Combine(NativeBuild.Scratch, Path.GetFileName(source) + ".run");
        var compiler = NativeBuild
            .Compilers[0]
            .Replace("gcc", "g++", StringComparison.Ordinal)
            .Replace("clang", "clang++", StringComparison.Ordinal);
        string[] arguments =
        [
            "-std=c++17",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-I" + NativeBuild.Include,
            source,
            "-L" + NativeBuild.Folder,
            "-llur",
            "-ldl",
            "-Wl,-rpath," + NativeBuild.Folder,
            "-o",
            program,
        ];
        var result = ChildProcess.Run(compiler, arguments, folder: Repository.Root);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
        return program;
    }

    [GeneratedRegex("```c(?:pp)?\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}

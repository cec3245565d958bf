using System.Text.RegularExpressions;
using Lur.Tests.Architecture;

namespace Lur.Tests.CInterface;

/// <summary>liblur as programs see it: built once where it is older than its sources, and C programs built against it.</summary>
internal static partial class NativeBuild
{
    private static readonly Lazy<string> s_folder = new(Build);
    private static readonly Lazy<string> s_scratch = new(() =>
        Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "native-tests")).FullName
    );

    /// <summary>Folder of liblur.so.0, the driver and the kernels. Where the native compiler cannot be had the test is not run.</summary>
    public static string Folder => s_folder.Value;

    /// <summary>The library.</summary>
    public static string Library => Path.Combine(Folder, "liblur.so.0");

    /// <summary>Folder of lur.h.</summary>
    public static string Include => Path.Combine(Repository.Root, "src/Lur.Native/include");

    /// <summary>Where programs are built.</summary>
    public static string Scratch => s_scratch.Value;

    /// <summary>C compilers of this machine, gcc's and clang's kind; not run where there is neither.</summary>
    public static IReadOnlyList<string> Compilers
    {
        get
        {
            string[][] kinds =
            [
                ["gcc"],
                ["clang", "clang-19", "clang-18", "clang-14"],
            ];
            string[] found = [.. kinds.Select(names => names.FirstOrDefault(Exists)).OfType<string>()];
            if (found.Length == 0)
                Assert.Ignore("Not run: there is no C compiler (gcc or clang) on this machine.");
            return found;
        }
    }

    /// <summary>Compiles a program against the library.</summary>
    /// <param name="source">C file, from the root of the repository.</param>
    /// <param name="arguments">What else the compiler is told.</param>
    /// <returns>The program.</returns>
    public static string Compile(string source, params string[] arguments)
    {
        var program = Path.Combine(Scratch, Path.GetFileNameWithoutExtension(source));
        return CompileTo(program, [source, .. arguments, "-L" + Folder, "-llur", "-lm", "-ldl", "-pthread", "-Wl,-rpath," + Folder]);
    }

    /// <summary>Compiles and links; a complaint of the compiler fails the test.</summary>
    public static string CompileTo(string program, params string[] arguments)
    {
        string[] all = ["-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-I" + Include, .. arguments, "-o", program];
        var result = ChildProcess.Run(Compilers[0], all, folder: Repository.Root);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
        return program;
    }

    /// <summary>Runs a program that must say nothing and end well.</summary>
    /// <returns>How many checks it made.</returns>
    public static int RunSilently(string program, string[]? arguments = null, (string, string?)[]? environment = null)
    {
        var count = Path.Combine(Scratch, $"{Path.GetFileName(program)}-{TestContext.CurrentContext.Test.ID}.count");
        File.Delete(count);
        var result = ChildProcess.Run(program, [count, .. arguments ?? []], [.. Environment, .. environment ?? []]);
        Assert.That(result.Text, Is.Empty);
        Assert.That(result.ExitCode, Is.Zero);
        return int.Parse(File.ReadAllText(count), System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>What the programs are told of where things are; the device is that of production.</summary>
    public static (string, string?)[] Environment =>
        [("LUR_TEST_DRIVER", Path.Combine(Folder, "liblur_cuda_host.so")), ("LUR_TEST_LIBRARY", Library), ("LUR_HOST_DEVICES", null)];

    private static bool Exists(string program) => ChildProcess.TryRun(program, ["--version"]) is { ExitCode: 0 };

    private static string Build()
    {
        var folder = Path.Combine(Repository.Root, "artifacts", "native");
        var built = new FileInfo(Path.Combine(folder, "liblur.so.0"));
        var newest = Repository
            .Files("src", ".cs", ".c", ".h", ".cpp", ".csproj", ".map", ".xml")
            .Where(f =>
                !f.StartsWith("src/Lur.Cli/", StringComparison.Ordinal) && !f.StartsWith("src/Lur.Reports/", StringComparison.Ordinal)
            )
            .Concat(Repository.Files("kernels", ".cu", ".cuh"))
            .Max(f => File.GetLastWriteTimeUtc(Path.Combine(Repository.Root, f)));
        if (built.Exists && built.LastWriteTimeUtc > newest)
            return folder;
        _ = Compilers;
        var restored = Dotnet("restore", "src/Lur.Native", "-p:LurNative=true");
        if (restored.ExitCode != 0 && Unreachable().IsMatch(restored.Text))
            Assert.Ignore("Not run: the native compiler (Microsoft.DotNet.ILCompiler) is on no package source of this machine.");
        Assert.That(restored.ExitCode, Is.Zero, restored.Text);
        var published = Dotnet([
            "publish",
            "src/Lur.Native",
            "--no-restore",
            "-c",
            "Release",
            "-p:LurNative=true",
            "-p:RunAnalyzers=false",
            "-o",
            folder,
            "-v",
            "quiet",
        ]);
        Assert.That(published.ExitCode, Is.Zero, published.Text);
        // What was up to date is not written again.
        File.SetLastWriteTimeUtc(built.FullName, DateTime.UtcNow);
        return folder;
    }

    private static ChildProcess.Result Dotnet(params string[] arguments) =>
        ChildProcess.Run(
            ChildProcess.Dotnet,
            [.. arguments, "--nologo"],
            // The build that runs the tests tells its children where its own parts are.
            [("MSBUILD_EXE_PATH", null), ("MSBuildExtensionsPath", null), ("MSBuildSDKsPath", null), ("MSBUILDDISABLENODEREUSE", "1")],
            Repository.Root
        );

    [GeneratedRegex("NU1100|NU1101|NU1102|NU1103|NU1301")]
    private static partial Regex Unreachable();
}

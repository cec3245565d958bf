using System.IO.Compression;
using Lur.Tests.Architecture;
using Lur.Tests.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Samples;

/// <summary>The C# program of README.md: the text that is shown is the text that runs, in a folder of its own and with the packages that
/// this build makes.</summary>
[NonParallelizable]
public class QuickstartTests
{
    private const string Folder = "samples/csharp-quickstart",
        Source = $"{Folder}/Program.cs";

    // No version that anybody has published, and another in every run: NuGet keeps what it has once seen.
    private static readonly string s_version = $"0.0.1-test{Environment.ProcessId}";

    private TempFolder _temp = null!;
    private string _expected = "";

    [OneTimeSetUp]
    public void Pack()
    {
        _temp = new TempFolder();
        if (!File.Exists(Path.Combine(Repository.Root, "src/Lur/bin/Release/net10.0/Lur.dll")))
            Assert.Ignore("Not run: packages are made of a Release build.");
        var packed = ChildProcess.Run("bash", [Path.Combine(Repository.Root, "packages/pack.sh"), _temp["packages"], s_version], s_clean);
        Assert.That(packed.ExitCode, Is.Zero, packed.Text);
        _temp.Copy(Path.Combine(Repository.Root, Folder), "program");
        _temp.Write(
            "program/nuget.config",
            $"""
            <configuration>
              <packageSources><add key="lur" value="{_temp["packages"]}" /></packageSources>
              <fallbackPackageFolders><add key="user" value="{UserPackages}" /></fallbackPackageFolders>
              <config><add key="globalPackagesFolder" value="{_temp["restored"]}" /></config>
            </configuration>
            """
        );
        _expected = OfTheCommand();
    }

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    // What a program that runs the tests says to MSBuild and NuGet is not said to another.
    private static readonly (string, string?)[] s_clean =
    [
        ("CI", null),
        ("MSBuildSDKsPath", null),
        ("MSBUILD_EXE_PATH", null),
        ("MSBuildExtensionsPath", null),
        ("DOTNET_CLI_USE_MSBUILD_SERVER", "0"),
        ("MSBUILDDISABLENODEREUSE", "1"),
    ];

    private static string UserPackages =>
        Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } folder
            ? folder
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    [Test]
    public void TheReadmeShowsTheProgram() =>
        Assert.That(Repository.Read("README.md"), Does.Contain("```csharp\n" + Repository.Read(Source) + "```\n"));

    [Test]
    public void ThePackagesHoldWhatTheySay()
    {
        Assert.That(Entries("Lur"), Is.SupersetOf(new[] { "lib/net10.0/Lur.dll", "lib/net10.0/Lur.Cuda.dll", "lib/net10.0/Lur.xml" }));
        Assert.That(
            Entries("Lur.Runtime.linux-x64").Where(e => e.EndsWith(".so", StringComparison.Ordinal)),
            Is.EqualTo(new[] { "runtimes/linux-x64/native/liblur_cuda_host.so" })
        );
    }

    /// <summary>With the runtime that is installed.</summary>
    [Test]
    public void TheProgramRunsWithThePackages()
    {
        var built = Dotnet("build", "-o", _temp["built"]);
        Assert.That(built.ExitCode, Is.Zero, built.Text);
        Assert.That(built.Output, Does.Contain("0 Warning(s)"));
        Run(ChildProcess.Dotnet, "exec", _temp["built/Quickstart.dll"]);
    }

    /// <summary>Trimmed and compiled ahead of time. The compiler needs half a minute of a core, and is a package of its own.</summary>
    [Test]
    public void TheProgramRunsAsOneNativeFile()
    {
        if (!new[] { "clang", "gcc" }.Any(c => ChildProcess.TryRun(c, ["--version"]) is not null))
            Assert.Ignore("Not run: a native program is linked by clang or gcc (apt-get install gcc), and there is neither.");
        var published = Dotnet("publish", "-r", "linux-x64", "-p:PublishAot=true", "-o", _temp["native"]);
        if (published.ExitCode != 0 && new[] { "NU1101", "NU1102", "NU1301" }.Any(published.Text.Contains))
            Assert.Ignore("Not run: the native compiler's package is not on this machine, and no feed has it.");
        Assert.That(published.ExitCode, Is.Zero, published.Text);
        Assert.That(published.Text, Does.Not.Contain("warning"), "trimming and compiling ahead of time lose nothing");
        Assert.That(File.Exists(_temp["native/Lur.dll"]), Is.False);
        Run(_temp["native/Quickstart"]);
    }

    private void Run(string program, params string[] arguments)
    {
        var folder = Directory.CreateDirectory(_temp[Path.GetFileName(program)]).FullName;
        var run = ChildProcess.Run(program, arguments, [("LUR_REFERENCES", _temp["references"])], folder);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines.Select(l => l[..l.IndexOf(':')]), Is.EqualTo(new[] { "device", "trained", "forgot", "verified", "saved" }));
        Assert.That(run.Error, Is.Empty, "the library does not print");
        Assert.That(Path.Combine(folder, "out/unlearned/verify.json"), Does.Exist);
        Assert.That(Lur.Runs.RunFolder.Sha256Of(Path.Combine(folder, "out/unlearned/model.safetensors")), Is.EqualTo(_expected));
    }

    /// <summary>Hash of the model that the command makes with the options of the program.</summary>
    private string OfTheCommand()
    {
        string[] data = ["--data", "synthetic:train=1000,test=200", "--batch", "32"];
        Command.Done(["train", .. data, "--model", "resnet[1,1,1]:w8", "--epochs", "8", "-o", _temp["command/original"]]);
        var original = _temp["command/original/model.safetensors"];
        Command.Done(["forget", original, .. data, "--forget", "class:3", "--epochs", "2", "-o", _temp["command/unlearned"]]);
        return Lur.Runs.RunFolder.Sha256Of(_temp["command/unlearned/model.safetensors"]);
    }

    private ChildProcess.Result Dotnet(string verb, params string[] more) =>
        ChildProcess.Run(
            ChildProcess.Dotnet,
            [verb, "-c", "Release", "--nologo", $"-p:LurVersion={s_version}", .. more],
            s_clean,
            _temp["program"]
        );

    private string[] Entries(string package)
    {
        using var archive = ZipFile.OpenRead(_temp[$"packages/{package}.{s_version}.nupkg"]);
        return [.. archive.Entries.Select(e => e.FullName)];
    }
}

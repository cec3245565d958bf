// The build. Run it through build.sh, which checks the machine first:  ./build.sh --target=Help
// Every step prints one line before it runs; a target's own result is the last thing on standard output.

using System.Diagnostics;
using System.Globalization;
using System.Xml.Linq;

var target = Argument("target", "Build");
var filter = Argument("filter", "");
var cifar = Argument("cifar", "");
var from = Argument("from", "");

const string Solution = "Lur.Native.sln";
const string TestProject = "tests/Lur.Tests/Lur.Tests.csproj";
string root = Context.Environment.WorkingDirectory.FullPath;
string artifacts = System.IO.Path.Combine(root, "artifacts");
string cli = System.IO.Path.Combine(artifacts, "lur");
string testResults = System.IO.Path.Combine(artifacts, "test-results");
var clock = Stopwatch.StartNew();
bool testsCounted = false;

// ---- helpers ---------------------------------------------------------------------------------------------------------

void Say(string line) => Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[{clock.Elapsed.TotalSeconds,6:F1} s] {line}"));

int Execute(string program, string[] arguments)
{
    var start = new ProcessStartInfo(program) { WorkingDirectory = root, UseShellExecute = false };
    foreach (string argument in arguments)
        start.ArgumentList.Add(argument);
    using var process = Process.Start(start);
    process.WaitForExit();
    return process.ExitCode;
}

void Require(string step, string program, params string[] arguments)
{
    int code = Execute(program, arguments);
    if (code != 0)
        throw new Exception($"{step} failed with exit code {code}; what it printed is above.");
}

// Locked: a package that is not in the lock files is a change somebody has to commit.
void Dotnet(string step, params string[] arguments) =>
    Require(step, "dotnet", [.. arguments, "--nologo", "-v", "quiet", "-clp:ErrorsOnly;NoSummary", "-p:RestoreLockedMode=true"]);

string Lur => System.IO.Path.Combine(cli, "lur");

// ---- targets ---------------------------------------------------------------------------------------------------------

Task("Help")
    .Description("List the targets.")
    .Does(() => PrintTargets(Console.Out));

Task("Cli")
    .Does(() =>
{
    Say("Building the lur command into artifacts/lur");
    // Analyzers cost a third of the build and are run by Build and Test; the demo need not wait for them.
    string[] lean = target == "Demo" ? ["-p:RunAnalyzers=false", "-p:GenerateDocumentationFile=false"] : [];
    Dotnet("The build of the lur command", ["publish", "src/Lur.Cli", "-c", "Release", "-o", cli, .. lean]);
    Say("Compiling the kernels for this machine");
    // Double precision serves gradient checks; the demo does without.
    string[] precisions = target == "Demo" ? ["--precision", "float32"] : [];
    Require("Compiling the kernels", Lur, ["kernels", "--precompile", System.IO.Path.Combine(cli, "kernel-images"), "--quiet", .. precisions]);
});

Task("Solution")
    .Does(() =>
{
    Say("Building the solution");
    Dotnet("The build", "build", Solution, "-c", "Release");
});

Task("Build")
    .Description("Build everything; the lur command, ready to run, goes to artifacts/lur.")
    .IsDependentOn("Solution")
    .IsDependentOn("Cli")
    .Does(() => Say("Done: artifacts/lur/lur"));

Task("Bindings")
    .Description("Build the library, the command and the tests with -p:CudaBindings=ManagedCuda, against stub packages.")
    .Does(() =>
{
    Say("Building with ManagedCuda's names (tests/managedcuda-stubs)");
    Require("The build with ManagedCuda's names", "bash", "tests/managedcuda-stubs/check.sh");
});

Task("Test")
    .Description("Build everything and run every test, on the GPU where there is one; last line: N passed, M failed.")
    .IsDependentOn("Solution")
    .IsDependentOn("Bindings")
    .Does(() => RunTests("all", filter));

Task("Demo")
    .Description("Build the lur command, train a small ResNet, forget a class, print what was forgotten and kept.")
    .IsDependentOn("Cli")
    .Does(() => Require("The demo", Lur, "demo", "-o", "out/demo"));

Task("Kernels")
    .Description("Compile every kernel for this machine, and with a real NVRTC for sm_80 and sm_90 where one is found.")
    .IsDependentOn("Cli")
    .IsDependentOn("Solution")
    .Does(() => RunTests("nvrtc", "FullyQualifiedName~NvrtcTests"));

Task("Check")
    .Description("Run the kernel tests under memory, initialisation and race checks, and the host driver's sanitizer builds.")
    .IsDependentOn("Solution")
    .Does(() =>
{
    // The fiber device of lur.runsettings has every check on; the lane device beside it tells a kernel's fault from a check's.
    Say("Building the host driver with AddressSanitizer and ThreadSanitizer, and running its fiber cases");
    Require("The sanitizer runs", "bash", "src/Lur.Cuda.Host/tests/sanitize.sh");
    RunTests("check", "FullyQualifiedName~Lur.Tests.Kernels|FullyQualifiedName~Lur.Tests.HostDriver");
});

Task("Bench")
    .Description("Run the benchmarks (--filter=PATTERN picks some, peers runs PyTorch beside Lur, tables rewrites the tables of docs/results.md); results go to bench/results as JSON.")
    .Does(() =>
{
    Say("Building the benchmarks");
    Dotnet("The build of the benchmarks", "build", "bench/Lur.Bench", "-c", "Release");
    Require("The benchmarks", "dotnet", "run", "--project", "bench/Lur.Bench", "-c", "Release", "--no-build", "--",
        "--filter", filter.Length > 0 ? filter : "*");
});

Task("GpuBundle")
    .Description("Pack command, tests, benchmarks, images and a .NET runtime for ten minutes on a GPU machine without an SDK (--cifar=FOLDER packs images of CIFAR-10).")
    .Does(() => PackGpuBundle());

Task("GpuResults")
    .Description("Put what the bundle's run.sh brought back (--from=FOLDER) into bench/results/Gpu.json and the tables of docs/results.md.")
    .Does(() =>
{
    if (from.Length == 0)
        throw new Exception("name the folder that run.sh calls its results: ./build.sh --target=GpuResults --from=FOLDER");
    Say("Building the benchmarks");
    Dotnet("The build of the benchmarks", "build", "bench/Lur.Bench", "-c", "Release");
    Require("Merging", "dotnet", "run", "--project", "bench/Lur.Bench", "-c", "Release", "--no-build", "--", "gpu", "merge", from);
});

Task("Pack")
    .Description("Pack the library as NuGet packages, Lur and Lur.Runtime.linux-x64, into artifacts/packages.")
    .Does(() =>
{
    Say("Building the library");
    Dotnet("The build of the library", "build", "src/Lur", "-c", "Release");
    Say("Packing");
    Require("Packing", "bash", "packages/pack.sh", System.IO.Path.Combine(artifacts, "packages"));
});

Task("Publish")
    .Description("Publish the lur command: framework-dependent, and as one native executable (NativeAOT).")
    .Does(() => PublishAll());

Task("Native")
    .Description("Build liblur, the C interface, into artifacts/native.")
    .Does(() => PublishNative());

Task("Sdk")
    .Description("Pack liblur with headers, samples, pkg-config and CMake files into artifacts/lur-sdk-RID.tar.xz.")
    .IsDependentOn("Native")
    .Does(() => PackSdk());

// ---- tests -----------------------------------------------------------------------------------------------------------

void RunTests(string name, string testFilter)
{
    System.IO.Directory.CreateDirectory(testResults);
    string trx = System.IO.Path.Combine(testResults, name + ".trx");
    System.IO.File.Delete(trx);
    Say("Running the tests");
    // A hang ends as a failure that names the test, instead of as a CI run that is killed without a word.
    string[] arguments = ["test", TestProject, "-c", "Release", "--no-build", "--nologo",
        "--logger", $"trx;LogFileName={trx}", "--logger", "console;verbosity=minimal",
        "--blame-hang-timeout", "10m", "--blame-hang-dump-type", "none", "--results-directory", testResults];
    int code = Execute("dotnet", testFilter.Length > 0 ? [.. arguments, "--filter", testFilter] : arguments);
    if (!System.IO.File.Exists(trx))
        throw new Exception("the test host ended without a result; run 'dotnet test " + TestProject + "' to see why.");
    Summarise(trx, code);
}

void Summarise(string trx, int code)
{
    XElement[] results = [.. XDocument.Load(trx).Descendants().Where(e => e.Name.LocalName == "UnitTestResult")];
    string Outcome(XElement e) => (string)e.Attribute("outcome") ?? "Failed";
    string Message(XElement e) => e.Descendants().FirstOrDefault(d => d.Name.LocalName == "Message")?.Value.Trim() ?? "";
    int passed = results.Count(e => Outcome(e) == "Passed");
    XElement[] skipped = [.. results.Where(e => Outcome(e) is "NotExecuted" or "Inconclusive")];
    XElement[] failed = [.. results.Where(e => Outcome(e) is not ("Passed" or "NotExecuted" or "Inconclusive"))];
    Console.WriteLine();
    if (skipped.Length > 0)
    {
        Console.WriteLine("Not run:");
        foreach (var reason in skipped.GroupBy(e => Message(e).Split('\n')[0].Trim()).OrderByDescending(g => g.Count()))
            Console.WriteLine($"  {reason.Count(),4}  {(reason.Key.Length > 0 ? reason.Key : "no reason given")}");
    }
    if (failed.Length > 0)
    {
        Console.WriteLine("Failed:");
        foreach (XElement e in failed)
            Console.WriteLine($"  {(string)e.Attribute("testName")}: {Message(e).Split('\n')[0].Trim()}");
    }
    int failures = failed.Length;
    if (failures == 0 && (code != 0 || passed == 0))
    {
        Console.WriteLine(code != 0 ? "The test host ended badly after the last test." : "No test ran.");
        failures = 1;
    }
    string count = $"{passed} passed, {failures} failed" + (skipped.Length > 0 ? $", {skipped.Length} skipped" : "");
    Say("Tests done");
    Console.WriteLine(count);
    testsCounted = true;
    if (failures > 0)
        throw new Exception("");
}

// ---- publishing ------------------------------------------------------------------------------------------------------

void PublishAll()
{
    string runtime = "linux-" + System.Runtime.InteropServices.RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();
    string plain = System.IO.Path.Combine(artifacts, "publish", "lur"), native = System.IO.Path.Combine(artifacts, "publish", "lur-native-" + runtime);
    Say("Publishing the framework-dependent command");
    Dotnet("Publishing", "publish", "src/Lur.Cli", "-c", "Release", "-o", plain);
    Say("Publishing the native executable; this takes a minute or two");
    // The native compiler is a package of the machine's own kind: it is kept out of the lock files that all machines share.
    Require("Publishing the native executable", "dotnet", "publish", "src/Lur.Cli", "-c", "Release", "-r", runtime, "-o", native,
        "-p:PublishAot=true", "-p:NuGetLockFilePath=obj/native.lock.json", "--nologo", "-v", "quiet");
    foreach (string file in System.IO.Directory.GetFiles(native))
    {
        if (file.EndsWith(".pdb") || file.EndsWith(".xml") || file.EndsWith(".dbg") || file.EndsWith("Lur.Cli"))
            System.IO.File.Delete(file);
    }
    foreach (string folder in new[] { plain, native })
        Console.WriteLine($"{System.IO.Path.GetRelativePath(root, folder)}/lur");
}

string Native => System.IO.Path.Combine(artifacts, "native");

void PublishNative()
{
    Say("Building liblur; the native compiler takes a minute or two");
    // The native compiler is a package of the machine's own kind: it is kept out of the lock files that all machines share.
    Require("Building liblur", "dotnet", "publish", "src/Lur.Native", "-c", "Release", "-p:LurNative=true", "-o", Native, "--nologo", "-v", "quiet");
    Console.WriteLine("artifacts/native/liblur.so.0");
}

void PackSdk()
{
    string name = "lur-sdk-linux-x64", archive = System.IO.Path.Combine(artifacts, name + ".tar.xz");
    string version = XDocument.Load(System.IO.Path.Combine(root, "Directory.Build.props")).Descendants("Version").First().Value;
    Say("Packing");
    Require("Laying out the archive", "bash", "src/Lur.Native/sdk/pack.sh", Native, System.IO.Path.Combine(artifacts, name), version);
    Require("Packing", "tar", "-C", artifacts, "-cJf", archive, name);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"artifacts/{name}.tar.xz  {new System.IO.FileInfo(archive).Length / 1e6:F1} MB"));
}

/// One folder: app/ (tests, benchmarks, command, kernels; shared assemblies once), dotnet/ (this machine's runtime), peers/ (PyTorch's
/// side), data/ (images), trace.json, VERSION, run.sh.
void PackGpuBundle()
{
    string bundle = System.IO.Path.Combine(artifacts, "gpu-bundle"), app = System.IO.Path.Combine(bundle, "app");
    string archive = System.IO.Path.Combine(artifacts, "lur-gpu-bundle.tar.xz");
    if (System.IO.Directory.Exists(bundle))
        System.IO.Directory.Delete(bundle, recursive: true);
    Say("Publishing the tests, the benchmarks and the command");
    foreach (string project in new[] { "bench/Lur.Bench", "src/Lur.Cli", "tests/Lur.Tests" })
        Dotnet("Publishing " + project, "publish", project, "-c", "Release", "-o", app, "-p:DebugType=embedded", "-p:RunAnalyzers=false");
    Say("Copying the .NET runtime");
    CopyRuntime(System.IO.Path.Combine(bundle, "dotnet"));
    LeaveOut(bundle, System.IO.Path.Combine(root, "tests", "gpu-bundle", "leave-out.txt"));
    foreach (string file in System.IO.Directory.GetFiles(System.IO.Path.Combine(root, "tests", "gpu-bundle"), "*.sh"))
        System.IO.File.Copy(file, System.IO.Path.Combine(bundle, System.IO.Path.GetFileName(file)));
    System.IO.Directory.CreateDirectory(System.IO.Path.Combine(bundle, "peers"));
    foreach (string file in System.IO.Directory.GetFiles(System.IO.Path.Combine(root, "bench", "peers"), "*.py"))
        System.IO.File.Copy(file, System.IO.Path.Combine(bundle, "peers", System.IO.Path.GetFileName(file)));
    Say("Packing the images, and tracing the kernels");
    string bench = System.IO.Path.Combine(app, "Lur.Bench.dll");
    string[] source = cifar.Length > 0 ? ["--cifar", cifar] : [];
    Require("Packing the images", "dotnet", [bench, "gpu", "images", System.IO.Path.Combine(bundle, "data"), .. source]);
    Require("Tracing the kernels", "dotnet", bench, "gpu", "trace", System.IO.Path.Combine(bundle, "trace.json"));
    Require("Noting the version", "bash", "-c", "dotnet \"$0\" --version >\"$1\"", System.IO.Path.Combine(app, "Lur.Cli.dll"),
        System.IO.Path.Combine(bundle, "VERSION"));
    Say("Packing");
    Require("Packing", "tar", "-C", artifacts, "-cJf", archive, "gpu-bundle");
    double megabytes = new System.IO.FileInfo(archive).Length / 1e6;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"artifacts/lur-gpu-bundle.tar.xz  {megabytes:F1} MB"));
    if (megabytes > 60)
        throw new Exception($"the bundle is larger than 60 MB; look for what grew with: du -a artifacts/gpu-bundle | sort -n | tail -30");
}

/// What only debuggers, coverage and other processors need: files and folders by name, a line each.
void LeaveOut(string folder, string list)
{
    foreach (string name in System.IO.File.ReadAllLines(list))
    {
        foreach (string path in System.IO.Directory.GetDirectories(folder, name, SearchOption.AllDirectories))
            System.IO.Directory.Delete(path, recursive: true);
        foreach (string path in System.IO.Directory.GetFiles(folder, name, SearchOption.AllDirectories))
            System.IO.File.Delete(path);
    }
}

/// The runtime's own three parts, and nothing of the SDK.
void CopyRuntime(string destination)
{
    string home = System.IO.Path.GetFullPath(System.IO.Path.Combine(typeof(object).Assembly.Location, "..", "..", "..", ".."));
    string version = System.IO.Directory.GetDirectories(System.IO.Path.Combine(home, "shared", "Microsoft.NETCore.App"), "10.0.*")
        .Select(path => Version.Parse(System.IO.Path.GetFileName(path))).Max().ToString();
    foreach (string part in new[] { $"host/fxr/{version}", $"shared/Microsoft.NETCore.App/{version}" })
    {
        foreach (string file in System.IO.Directory.GetFiles(System.IO.Path.Combine(home, part)))
        {
            string copy = System.IO.Path.Combine(destination, part, System.IO.Path.GetFileName(file));
            System.IO.Directory.CreateDirectory(System.IO.Path.GetDirectoryName(copy));
            System.IO.File.Copy(file, copy);
        }
    }
    System.IO.File.Copy(System.IO.Path.Combine(home, "dotnet"), System.IO.Path.Combine(destination, "dotnet"));
}

// ---- the end ---------------------------------------------------------------------------------------------------------

void PrintTargets(TextWriter writer)
{
    writer.WriteLine("Usage: ./build.sh [--target=NAME]   (Build when none is named)");
    foreach (var task in Tasks.Where(t => !string.IsNullOrEmpty(t.Description)))
        writer.WriteLine($"  {task.Name,-10} {task.Description}");
}

Teardown(context =>
{
    // Leaves here: Cake's table of tasks would follow the line that scripts read as the last one.
    if (context.Successful)
        Environment.Exit(0);
    string message = context.ThrownException?.GetBaseException().Message ?? "";
    if (message.Length > 0)
        Console.Error.WriteLine($"build: {message}");
    // Scripts read the last line; a build that failed is one failure.
    if (target == "Test" && !testsCounted)
        Console.WriteLine("0 passed, 1 failed");
    Environment.Exit(1);
});

if (!Tasks.Any(t => string.Equals(t.Name, target, StringComparison.OrdinalIgnoreCase)))
{
    Console.Error.WriteLine($"build: there is no target '{target}'.");
    PrintTargets(Console.Error);
    Environment.Exit(2);
}
RunTarget(target);

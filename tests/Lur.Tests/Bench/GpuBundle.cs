using System.Text.Json;
using Lur.Tests.Architecture;
using Lur.Tests.Data;

namespace Lur.Tests.Bench;

/// <summary>A bundle for a GPU machine as <c>./build.sh --target=GpuBundle</c> lays it out, of links to what the build has left; or one
/// whose programs are a script, to test what run.sh makes of them.</summary>
internal sealed class GpuBundle : IDisposable
{
    private readonly TempFolder _folder = new();

    private GpuBundle()
    {
        foreach (var script in new[] { "run.sh", "stages.sh", "json.sh" })
            _folder.Write($"bundle/{script}", Repository.Read($"tests/gpu-bundle/{script}"));
        Directory.CreateDirectory(_folder["bundle/app"]);
        Directory.CreateDirectory(_folder["bundle/data"]);
        _folder.Write("bundle/VERSION", "0.1.0+test\n");
    }

    /// <summary>One of this build. The calling test is not run where the benchmarks are not built.</summary>
    public static GpuBundle OfThisBuild()
    {
        var bench = Path.Combine(AppContext.BaseDirectory.Replace("tests/Lur.Tests", "bench/Lur.Bench", StringComparison.Ordinal));
        if (!File.Exists(Path.Combine(bench, "Lur.Bench.dll")))
            Assert.Ignore($"Not run: the benchmarks are not built in {bench}; build the solution.");
        var bundle = new GpuBundle();
        bundle.Link("app/Lur.Bench.dll", Path.Combine(bench, "Lur.Bench.dll"));
        foreach (var own in new[] { "Lur.Cli.dll", "Lur.Tests.dll" })
            bundle.Link($"app/{own}", Path.Combine(AppContext.BaseDirectory, own));
        bundle.Link("dotnet", Runtime);
        bundle.Link("peers", Path.Combine(Repository.Root, "bench/peers"));
        return bundle;
    }

    /// <summary>One whose programs are this text: <c>$words</c> is the program's name and its words, such as
    /// <c>Lur.Bench.dll gpu steps ...</c>.</summary>
    public static GpuBundle Of(string script)
    {
        var bundle = new GpuBundle();
        bundle.Script("bundle/dotnet/dotnet", "words=\"${1##*/} ${*:2}\"\n" + script);
        return bundle;
    }

    /// <summary>The folder of the runtime that runs the tests.</summary>
    public static string Runtime =>
        Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));

    /// <summary>Where results go.</summary>
    public string Out => _folder["out"];

    public string this[string relative] => _folder[relative];

    /// <summary>A program in a folder that <see cref="Arguments"/> puts ahead in the search path.</summary>
    public void Tool(string name, string script) => Script($"tools/{name}", script);

    /// <summary>The words that run run.sh with these options.</summary>
    public string[] Arguments(params string[] options) => [_folder["bundle/run.sh"], "--out", Out, .. options];

    /// <summary>Changes to the environment: tools first, and no choice of devices that this process has made.</summary>
    public (string, string?)[] Environment =>
        [
            ("PATH", $"{_folder["tools"]}:{System.Environment.GetEnvironmentVariable("PATH")}"),
            ("LUR_DEVICE", null),
            ("LUR_HOST_DEVICES", null),
            ("LUR_DATA", null),
            ("PYTHON", null),
        ];

    /// <summary>Runs run.sh to its end.</summary>
    public ChildProcess.Result Run(params string[] options) => ChildProcess.Run("bash", Arguments(options), Environment);

    /// <summary>What a stage left.</summary>
    public JsonElement Stage(string name)
    {
        var file = Directory.GetFiles(Path.Combine(Out, "stages"), $"*-{name}.json").Single();
        using var document = JsonDocument.Parse(File.ReadAllText(file));
        return document.RootElement.Clone();
    }

    /// <summary>Result of a stage.</summary>
    public string Result(string stage) => Stage(stage).GetProperty("result").GetString()!;

    public void Dispose() => _folder.Dispose();

    private void Script(string path, string text)
    {
        var file = _folder.Write(path, "#!/usr/bin/env bash\n" + text);
        UnixModes.Set(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private void Link(string name, string target) => File.CreateSymbolicLink(_folder[$"bundle/{name}"], target);
}

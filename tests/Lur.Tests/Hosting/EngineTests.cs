using System.Reflection;
using System.Runtime.CompilerServices;
using Lur.Cuda.Loading;
using Lur.Device;
using Lur.Hosting;
using Lur.Runs;
using Lur.Tests.Architecture;
using Lur.Tests.Cli;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Hosting;

/// <summary>What an engine takes from its options and what from the environment, and that nothing is shared or printed beside.</summary>
public class EngineTests
{
    /// <summary>Static fields that change, and why they may.</summary>
    private static readonly Dictionary<string, string> s_mayChange = new()
    {
        ["NativeLibraries.s_settled"] = "the loader answers an import of a process once; set once",
        ["KernelModule.t_addresses"] = "scratch of one launch, a thread its own",
        ["AtomicFile.s_counter"] = "names of temporary files",
    };

    [Test]
    public void TheEnvironmentIsIgnoredWhereThatIsAskedFor()
    {
        using var temp = new TempFolder();
        (string, string?)[] wrong =
        [
            ("LUR_DEVICE", "gpu"),
            ("LUR_HOST_THREADS", "1"),
            ("LUR_HOST_DEVICES", "nonsense"),
            ("LUR_HOST_CXX", "no-such-compiler"),
            ("LUR_HOST_OPENBLAS", "no-such-library"),
            ("LUR_KERNELS", temp["kernels"]),
            ("LUR_KERNEL_IMAGES", temp["images"]),
            ("LUR_CACHE", temp["cache"]),
            ("LUR_CUDA_LIB_DIR", temp["libraries"]),
            ("CPLUS_INCLUDE_PATH", temp.Write("include/math.h", "#error of the environment")[..^"/math.h".Length]),
        ];
        var child = ChildProcess.Probe("hermetic", wrong);
        Assert.That(child.ExitCode, Is.Zero, child.Error);
        var lines = child.Output.Split('\n');
        Assert.That(lines[0], Does.Contain("3 threads").And.Contain("lane"));
        Assert.That(lines[1..], Is.EqualTo(new[] { "10 images", "kernels kept" }));
        Assert.That(child.Error, Is.Empty);
        Assert.That(Directory.Exists(temp["cache"]), Is.False);
        Assert.That(ChildProcess.Probe("compile", wrong).ExitCode, Is.Not.Zero, "they are wrong for whoever asks them");
    }

    [Test]
    public void OneProcessHasOneSetOfLibraries()
    {
        if (TestDevices.All.Any(t => t.Name == "gpu"))
            Assert.Ignore("Not run: this machine has a GPU.");
        var child = ChildProcess.Probe("settled", [("LUR_HOST_DEVICES", null)]);
        Assert.That(child.ExitCode, Is.Zero, child.Error);
        var lines = child.Output.Split('\n');
        Assert.That(lines[0], Does.StartWith("The program asks for an NVIDIA device, but no usable NVIDIA driver was found"));
        Assert.That(lines[1], Does.Contain("2 threads"), "a failure decides nothing");
        Assert.That((lines[2], lines[5]), Is.EqualTo((lines[1], lines[1])), "who asks for nothing, or for the same, gets what there is");
        Assert.That(lines[3], Does.StartWith("This process computes with 'host' already (the program asks for 'host')"));
        Assert.That(lines[4], Does.StartWith("The host driver of this process computes with 2 threads already; ask for 3"));
        Assert.That(lines[6], Does.StartWith("This process has chosen its libraries by the environment already"));
        Assert.That(lines[7], Does.StartWith("There is no device 7; the driver lists 1"));
        Assert.That(lines[8], Does.StartWith("-1 threads were asked for"));
    }

    [Test]
    public void NothingIsPrintedWhateverFails()
    {
        var child = ChildProcess.Probe("silent", []);
        Assert.That(child.Error, Is.Empty);
        Assert.That(child.Output, Does.StartWith("FileNotFoundException: The kernel source ").And.Contain("is missing"));
        Assert.That(child.Output.Split('\n'), Has.Length.EqualTo(1), "what the probe returns, and nothing else");
    }

    [Test]
    public void AnErrorHasTheSentenceOfTheCommand()
    {
        using var temp = new TempFolder();
        var path = temp.Write("model.safetensors", "no model");
        var printed = Command.Run("forget", path, "--data", JobScope.Data, "--forget", "class:3", "-o", temp["out"]);
        using var engine = LurEngine.Open();
        var settings = new ForgetSettings
        {
            Model = path,
            Data = JobScope.Data,
            Output = temp["out"],
            Forget = ["class:3"],
            Method = new BoundMethod(FineTune.Definition, FineTune.Definition.Read(new Dictionary<string, string>())),
        };
        var e = Assert.Throws<UserErrorException>(() => ForgetJob.RunAsync(engine, settings).GetAwaiter().GetResult())!;
        Assert.That(printed.Error.Trim(), Is.EqualTo($"lur: {e.Message}"));
        Assert.That(engine.IsBusy, Is.False);
        Assert.That(() => engine.OpenModel(path), Throws.InstanceOf<UserErrorException>());
    }

    /// <summary>What is embedded is what lies beside: a program that has the library alone computes with the same kernels.</summary>
    [Test]
    public void TheLibraryHoldsTheKernels()
    {
        var places = KernelPlaces.Default;
        var library = typeof(KernelPlaces).Assembly;
        var embedded = library.GetManifestResourceNames().Where(n => n.StartsWith("kernels/", StringComparison.Ordinal)).ToArray();
        Assert.That(embedded.Order(StringComparer.Ordinal), Is.EqualTo(places.Names("", ".cu").Select(n => "kernels/" + n)));
        foreach (var name in embedded)
        {
            using var stream = library.GetManifestResourceStream(name)!;
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            Assert.That(bytes, Is.EqualTo(places.Bytes(name["kernels/".Length..])), name);
        }
    }

    [Test]
    public void NoStaticStateChangesBesideWhatTheTableSays()
    {
        Assembly[] product = [typeof(LurEngine).Assembly, typeof(NativeLibraries).Assembly];
        var violations = product
            .SelectMany(a => a.GetTypes())
            .Where(t => !t.IsDefined(typeof(CompilerGeneratedAttribute)) && !(t.FullName ?? "").Contains('<', StringComparison.Ordinal))
            .SelectMany(t => t.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            // A cache of the compiler's (a lambda, a generated regular expression) has a name that no program can write.
            .Where(f => !f.IsInitOnly && !f.IsLiteral && !f.Name.Contains('<', StringComparison.Ordinal))
            .Where(f => !(f.DeclaringType!.Namespace ?? "").StartsWith("System.", StringComparison.Ordinal))
            .Select(f => $"{f.DeclaringType!.Name}.{f.Name}")
            .Where(name => !s_mayChange.ContainsKey(name));
        Repository.AssertNone(violations, "Static state that engines would share:");
    }
}

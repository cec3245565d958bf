using Lur.Runs;
using Lur.Tasks.Diffusion;
using Lur.Tests.Architecture;
using Lur.Tests.Hosting;

namespace Lur.Tests.CInterface;

/// <summary>Jobs of liblur: the bytes of the command, an end from everywhere, and silence.</summary>
public class NativeJobTests
{
    private const string Programs = "tests/Lur.Tests/CInterface/Programs";
    private static readonly string[] s_quick = ["epochs=1", "batch=16", "lr=0.01"];
    private JobScope _scope = null!;

    [OneTimeSetUp]
    public void Train() => _scope = new JobScope();

    [OneTimeTearDown]
    public void Delete() => _scope.Dispose();

    [Test]
    public void TheSampleLeavesTheBytesOfTheCommand()
    {
        new ForgetRun(_scope.Settings("command", "lur")).Run();
        var program = NativeBuild.Compile("samples/job.c", "-std=c99", "-pedantic", "-Wstrict-prototypes");
        string[] words = [_scope.Classifier, JobScope.Data, "class:3", _scope["sample"]];
        var result = ChildProcess.Run(program, [.. words, .. s_quick], NativeBuild.Environment);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
        Assert.That(_scope.Model("sample"), Is.EqualTo(_scope.Model("command")));
        Assert.That(result.Error, Does.StartWith("9 steps, ").And.Contain("\nrepair: 9 of 9 steps\n"));
        Assert.That(result.Output.Trim(), Is.EqualTo(File.ReadAllText(_scope["sample/result.json"]).Trim()));
        var again = ChildProcess.Run(program, [.. words, .. s_quick], NativeBuild.Environment);
        Assert.That(again.ExitCode, Is.EqualTo(1));
        Assert.That(again.Error, Does.Contain("error 1: ").And.Contain("LUR_JOB_OVERWRITE"));
    }

    [Test]
    public void AUNetComesOutAsOfTheCommand()
    {
        var settings = _scope.DrawnSettings("drawn-command");
        new ForgetRun(settings).Run();
        string[] options = ["steps=3", "batch=4", "lr=0.05"];
        RunJobs(settings.Model, settings.Data, settings.Forget[0], _scope["drawn"], ["ga", .. options]);
        Assert.That(_scope.Model("drawn"), Is.EqualTo(_scope.Model("drawn-command")));
    }

    [Test]
    public void AnotherProcessGoesOnToTheSameBytes()
    {
        new ForgetRun(_scope.Settings("unstopped")).Run();
        foreach (var method in new[] { "-ft", "+ft" })
        {
            Assert.That(File.Exists(_scope["stopped/model.safetensors"]), Is.False);
            RunJobs(_scope.Classifier, JobScope.Data, "class:3", _scope["stopped"], [method, .. s_quick]);
        }

        Assert.That(_scope.Model("stopped"), Is.EqualTo(_scope.Model("unstopped")));
    }

    [Test]
    public void AJobEndsFromEverywhereAndItsFailuresHaveCodes()
    {
        var folder = Directory.CreateDirectory(_scope["jobs"]).FullName;
        Assert.That(RunJobs(_scope.Classifier, JobScope.Data, "class:3", folder), Is.GreaterThan(100));
    }

    [Test]
    public void WeightsAndDataOfTheProgramServeAsFilesDo()
    {
        var folder = Directory.CreateDirectory(_scope["memory"]).FullName;
        var program = NativeBuild.Compile($"{Programs}/models.c");
        string[] words = [_scope.Classifier, JobScope.Data, "class:3", folder, _scope.UNet];
        Assert.That(NativeBuild.RunSilently(program, words), Is.GreaterThan(2000));
        // The images of the file, of memory, and of the command.
        var settings = new SampleSettings
        {
            Model = _scope.UNet,
            Output = _scope["drawn-by-csharp"],
            Classes = ["star"],
            Count = 3,
            Sampling = new SamplingOptions { Steps = 4 },
        };
        new SampleRun(settings).Run();
        for (var i = 0; i < settings.Count; i++)
        {
            var ours = File.ReadAllBytes(Path.Combine(settings.Output, "star", $"0000{i}.png"));
            foreach (var drawn in new[] { "drawn", "drawn-of-memory" })
                Assert.That(File.ReadAllBytes(Path.Combine(folder, drawn, "star", $"0000{i}.png")), Is.EqualTo(ours));
        }
    }

    [Test]
    public void AProgramWithMuchThreadLocalStorageHasItsThreads()
    {
        // A megabyte, four times what the runtime gives its own threads.
        const string much = "__thread char big[1 << 20];\n";
        var source = Path.Combine(NativeBuild.Scratch, "much.c");
        File.WriteAllText(source, much + Repository.Read("samples/memory.c"));
        var program = NativeBuild.Compile(source);
        var result = ChildProcess.Run(program, [Directory.CreateDirectory(_scope["much"]).FullName], NativeBuild.Environment);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
    }

    [Test]
    public void AHundredJobsLeaveTheProcessAsItWas()
    {
        var folder = Directory.CreateDirectory(_scope["growth"]).FullName;
        string[] words = [_scope.Classifier, JobScope.Data, "class:3", folder, _scope.UNet, "growth"];
        Assert.That(NativeBuild.RunSilently(NativeBuild.Compile($"{Programs}/models.c"), words), Is.GreaterThan(300));
    }

    [Test]
    public void TheSampleInMemoryForgetsInItsOwnVectors()
    {
        var program = NativeBuild.Compile("samples/memory.c", "-std=c99", "-pedantic", "-Wstrict-prototypes");
        var result = ChildProcess.Run(program, [Directory.CreateDirectory(_scope["bars"]).FullName], NativeBuild.Environment);
        Assert.That(result.ExitCode, Is.Zero, result.Text);
        Assert.That(result.Output, Does.Contain("weights changed in their place"));
        Assert.That(File.Exists(_scope["bars/run/original/model.safetensors"]));
    }

    [Test]
    public void WhatAProgressFunctionOfCppThrowsEndsTheJobAndIsThrownAgain()
    {
        var program = SdkTests.Cpp($"{Programs}/jobs.cpp");
        var checks = NativeBuild.RunSilently(program, [_scope.Classifier, JobScope.Data, "class:3", _scope["thrown"]]);
        Assert.That(checks, Is.GreaterThan(5));
    }

    private static int RunJobs(string model, string data, string forget, string folder, params string[] one) =>
        NativeBuild.RunSilently(NativeBuild.Compile($"{Programs}/jobs.c"), [model, data, forget, folder, .. one]);
}

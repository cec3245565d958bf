using Lur.Hosting;
using Lur.Runs;
using Lur.Tasks.Diffusion;
using Lur.Tests.Cli;
using Lur.Verification;
using Microsoft.Extensions.Logging;

namespace Lur.Tests.Hosting;

/// <summary>The other jobs: drawing, and where a verification keeps the models it trains.</summary>
public class SampleJobTests
{
    [Test]
    public void ImagesAreThoseOfTheCommand()
    {
        using var scope = new JobScope();
        string[] words = ["--class", "star", "--count", "2", "--steps", "2", "-o", scope["command"]];
        Command.Done(["sample", scope.UNet, .. words]);
        var logger = new ListLogger();
        using var engine = LurEngine.Open(new LurEngineOptions { Logger = logger });
        var settings = new SampleSettings
        {
            Model = scope.UNet,
            Output = scope["job"],
            Classes = ["star"],
            Count = 2,
            Sampling = new SamplingOptions { Steps = 2 },
        };
        var drawn = SampleJob.RunAsync(engine, settings).GetAwaiter().GetResult();
        Assert.That((drawn.Images, drawn.HasSheet), Is.EqualTo((2L, false)));
        string[] names = ["star/00000.png", "star/00001.png"];
        foreach (var name in names)
            Assert.That(
                File.ReadAllBytes(Path.Combine(scope["job"], name)),
                Is.EqualTo(File.ReadAllBytes(Path.Combine(scope["command"], name)))
            );
        Assert.That(logger.Lines[^1], Is.EqualTo((LogLevel.Information, "wrote sample.json")));
    }

    [Test]
    public void AClassifierDrawsNothing()
    {
        using var scope = new JobScope();
        Command.Refused("is a classifier, which draws nothing", ["sample", scope.Classifier, "-o", scope["drawn"]]);
        Assert.That(Directory.Exists(scope["drawn"]), Is.False);
    }

    [Test]
    public void AClassifierIsVerifiedAsByTheCommand()
    {
        using var scope = new JobScope();
        new ForgetRun(scope.Settings("run")).Run();
        using var engine = LurEngine.Open(new LurEngineOptions { CacheFolder = scope["cache"] });
        var settings = new VerifySettings
        {
            Runs = [scope["run"]],
            RetrainSeeds = [1],
            Attacks = AttackChoice.None,
        };
        var verified = VerifyJob.RunAsync(engine, settings).GetAwaiter().GetResult();
        var hosted = File.ReadAllText(scope["run/verify.json"]);
        Assert.That(Directory.Exists(scope["cache/references"]));
        File.Delete(scope["run/verify.json"]);
        var printed = new VerifyRun(settings with { CacheFolder = scope["cache/references"] }).Run();
        Assert.That(hosted, Is.EqualTo(File.ReadAllText(scope["run/verify.json"])));
        Assert.That(verified.Verdict.Verdict, Is.EqualTo(printed.Verdict.Verdict));
    }

    [Test]
    public void ReferencesLieInTheCacheOfTheEngineUnlessTheSettingsSayWhere()
    {
        using LurEngine own = LurEngine.Open(new LurEngineOptions { CacheFolder = "cache" }),
            users = LurEngine.Open();
        Assert.That(own.References(ReferenceCache.DefaultFolder), Is.EqualTo(Path.GetFullPath("cache/references")));
        Assert.That(own.References("given"), Is.EqualTo("given"));
        Assert.That(users.References(ReferenceCache.DefaultFolder), Is.EqualTo(ReferenceCache.DefaultFolder));
        Assert.That(Directory.Exists("cache"), Is.False, "nothing is made before it is needed");
    }
}

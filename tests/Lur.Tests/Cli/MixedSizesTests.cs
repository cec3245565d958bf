using Lur.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Cli;

/// <summary>Pictures of several sizes, and sets too small to measure with, from the first command to the last.</summary>
public class MixedSizesTests
{
    private static async Task<(int Code, string Output, string Error)> Run(params string[] args)
    {
        using StringWriter output = new(),
            error = new();
        var code = await CommandLine.RunAsync(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    private static void Pictures(TempFolder folder, int count, params int[] sides)
    {
        for (var i = 0; i < count; i++)
            foreach (var (name, c) in new[] { ("a", 0), ("b", 150) })
            {
                var side = sides[i % sides.Length];
                var pixels = Enumerable.Range(0, side * side * 3).Select(p => (byte)(p * (i + 3) % 90 + c)).ToArray();
                folder.Write($"data/{name}/{i}.png", PngWriter.Encode(side, side, 3, pixels));
            }
    }

    [Test]
    public async Task TheModelGivesTheSizeToEvaluationAndForgetting()
    {
        using var folder = new TempFolder();
        Pictures(folder, 10, 12, 9);
        string data = folder["data"],
            model = folder["base/model.safetensors"];
        string[] recipe = ["--model", "resnet[1]:w4", "--epochs", "1", "--batch", "8", "--quiet"];
        var refused = await Run(["train", "--data", data, "-o", folder["none"], .. recipe]);
        Assert.That((refused.Code, Directory.Exists(folder["none"])), Is.EqualTo((ExitCode.Failed, false)));
        Assert.That(refused.Error, Does.Contain("differ in size").And.Contain("--image-size"));
        var trained = await Run(["train", "--data", data, "-o", folder["base"], "--image-size", "10", .. recipe]);
        Assert.That(trained.Code, Is.EqualTo(ExitCode.Done), trained.Error);
        var measured = await Run("eval", model, "--data", data, "--quiet");
        Assert.That(measured.Code, Is.EqualTo(ExitCode.Done), measured.Error);
        string[] forget = ["forget", model, "--data", data, "--forget", "random:2", "--method", "ft", "--epochs", "1", "--quiet"];
        var forgotten = await Run([.. forget, "-o", folder["forgotten"]]);
        Assert.That(forgotten.Code, Is.EqualTo(ExitCode.Done), forgotten.Error);
        var other = await Run("eval", model, "--data", data, "--image-size", "9");
        Assert.That((other.Code, other.Error), Is.EqualTo((ExitCode.Failed, other.Error)));
        Assert.That(other.Error, Does.Contain("takes images of 3 x 10 x 10").And.Contain("3 x 9 x 9"));
    }

    [Test]
    public void AnotherDrawOfTheTestPartIsSaid()
    {
        using var folder = new TempFolder();
        Pictures(folder, 10, 8);
        string data = folder["data"],
            model = folder["base/model.safetensors"];
        Command.Done("train", "--data", data, "-o", folder["base"], "--model", "resnet[1]:w4", "--epochs", "1", "--batch", "8", "--quiet");
        Assert.That(Command.Done("eval", model, "--data", data).Error, Does.Not.Contain("the model has seen"));
        Pictures(folder, 11, 8);
        Assert.That(Command.Done("eval", model, "--data", data, "--json").Error, Does.Contain(model).And.Contain("the model has seen"));
        Assert.That(Command.Done("eval", model, "--data", data, "--train").Error, Does.Not.Contain("the model has seen"));
    }

    [Test]
    public async Task OnePictureAClassIsRefusedBeforeTheFirstStep()
    {
        using var folder = new TempFolder();
        Pictures(folder, 1, 8);
        var run = await Run(
            "train",
            "--data",
            folder["data"],
            "-o",
            folder["out"],
            "--model",
            "resnet[1]:w4",
            "--epochs",
            "1",
            "--batch",
            "2"
        );
        Assert.That((run.Code, Directory.Exists(folder["out"])), Is.EqualTo((ExitCode.Failed, false)));
        Assert.That(run.Error, Does.Contain("test part").And.Contain("is empty"));
    }
}

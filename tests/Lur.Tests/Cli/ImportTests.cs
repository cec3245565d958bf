using Lur.Cli;
using Lur.Device;
using Lur.Models;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Tests.Diffusion;

namespace Lur.Tests.Cli;

/// <summary>Mean and deviation of an imported model: printed, taken as options, and never silently another's.</summary>
public class ImportTests
{
    private const string Data = "synthetic:train=40,test=20";

    private static void Train(string folder) =>
        Assert.That(Command.Run("train", "-d", Data, "-m", "resnet[1]:w4", "--epochs", "0", "-o", folder).Code, Is.Zero);

    [Test]
    public void MeanAndDeviationAreThoseGivenAndPrinted()
    {
        using var temp = new TempFolder();
        Train(temp["base"]);
        Assert.That(Command.Run("export", temp["base/model.safetensors"], "-o", temp["torch.safetensors"]).Code, Is.Zero);
        string[] import = ["import", temp["torch.safetensors"], "-d", Data, "-o", temp["in.safetensors"]];
        var (code, output, error) = Command.Run([.. import, "--mean", "0.25,0.5,0.75", "--std", "0.125", "--std", "0.25,0.5"]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("0.25, 0.5, 0.75").And.Contain("0.125, 0.25, 0.5"));
        using (var model = ModelFile.Load(temp["in.safetensors"], TestDevices.Default, Precision.Float32))
        {
            Assert.That(model.Normalization.Mean, Is.EqualTo(new[] { 0.25, 0.5, 0.75 }));
            Assert.That(model.Normalization.Std, Is.EqualTo(new[] { 0.125, 0.25, 0.5 }));
        }

        (code, output, error) = Command.Run(import);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("mean").And.Contain("deviation").And.Not.Contain("0.125"));
        Assert.That(error, Does.Contain("--mean and --deviation"));
        (code, _, error) = Command.Run([.. import, "--mean", "0.5", "--std", "0.5"]);
        Assert.That(code, Is.EqualTo(ExitCode.Failed), error);
        Assert.That(error, Does.Contain("have 3 channels"));
        // A model of Lur says itself how pixels are normalised.
        import[1] = temp["base/model.safetensors"];
        (code, _, error) = Command.Run([.. import, "--mean", "0.25,0.5,0.75", "--std", "0.125,0.25,0.5"]);
        Assert.That(code, Is.EqualTo(ExitCode.Failed), error);
        Assert.That(error, Does.Contain("leave mean and deviation out"));
    }

    [Test]
    public void AUNetGoesOutAsAFolderAndComesBackWithoutItsData()
    {
        using var temp = new TempFolder();
        using (var model = TinyUNet.Create(TestDevices.Default, Precision.Float32))
            ModelFile.Save(model, temp["model.safetensors"]);
        Command.Done("export", temp["model.safetensors"], "-o", temp["folder"]);
        Assert.That(Directory.Exists(temp["folder/unet"]));
        Command.Refused("is there already", "export", temp["model.safetensors"], "-o", temp["folder"]);
        var ended = Command.Done("import", temp["folder"], "-o", temp["back.safetensors"]);
        Assert.That(ended.Error, Does.Contain("3 classes; wrote"));
        using (var model = ModelFile.Load(temp["back.safetensors"], TestDevices.Default, Precision.Float32))
            Assert.That(model.ClassNames, Is.EqualTo(new[] { "cat", "dog", "owl" }));
        // The data set has 10 classes of its own.
        Command.Refused("draws 3 classes", "import", temp["folder"], "-d", Data, "-o", temp["back.safetensors"]);
        var wrong = Command.Run("import", temp["folder"], "--mean", "0.5", "--std", "0.5", "-o", temp["back.safetensors"]);
        Assert.That((wrong.Code, wrong.Error.Contains("leave them out")), Is.EqualTo((ExitCode.BadUsage, true)));
        Train(temp["base"]);
        wrong = Command.Run("import", temp["base/model.safetensors"], "-o", temp["back.safetensors"]);
        Assert.That((wrong.Code, wrong.Error.Contains("--data is missing")), Is.EqualTo((ExitCode.BadUsage, true)));
    }

    [Test]
    public void AForgettingRunEndsWithItsConclusionAndTheNextCommand()
    {
        using var temp = new TempFolder();
        Train(temp["base"]);
        string[] method = ["--method", "FT", "--epochs", "1", "--batch", "16"];
        var (code, output, error) = Command.Run([
            "forget",
            temp["base/model.safetensors"],
            "-d",
            Data,
            "-f",
            "class:3",
            .. method,
            "-o",
            temp["run"],
        ]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output.TrimEnd().Split(Environment.NewLine)[^1], Does.StartWith("star (4 images) "));
        Assert.That(
            error.TrimEnd().Split(Environment.NewLine)[^1],
            Is.EqualTo($"next: lur verify {temp["run"]} --retrain 1,2,3 --relearn")
        );
        // What the method does not have is in no line.
        Assert.That(output + error, Does.Not.Contain("NaN"));
    }

    [Test]
    public void DerivativesWithoutAForgetWeightAreCheckedToo()
    {
        var (code, output, error) = Command.Run("check", "grad", "-d", Data, "--batch", "4", "--lambda", "0");
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("LUR gradient").And.Not.Contain("DISAGREES"));
    }
}

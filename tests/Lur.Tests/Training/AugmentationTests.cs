using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tasks.Classification;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Training;

namespace Lur.Tests.Training;

public class AugmentationTests
{
    private static Model CreateModel(int size, int channels, Augmentation augmentation)
    {
        var spec = ModelFamilies.Parse("resnet[1]:w4", new ImageSize(size, size, channels), 2);
        return new Model(
            TestDevices.Default,
            Precision.Float32,
            spec,
            ["a", "b"],
            new InputNormalization([.. Enumerable.Repeat(0.0, channels)], [.. Enumerable.Repeat(1.0, channels)])
        )
        {
            Augmentation = augmentation,
        };
    }

    /// <summary>CIFAR's 4 of 32 and MNIST's margin of 4; less of less.</summary>
    [TestCase(32, 32, 4)]
    [TestCase(28, 28, 4)]
    [TestCase(224, 224, 4)]
    [TestCase(16, 32, 2)]
    [TestCase(8, 8, 1)]
    [TestCase(3, 9, 0)]
    public void TheShiftFitsTheImage(int height, int width, int padding)
    {
        Assert.That(Augmentation.CropAndFlip.PaddingOf(height, width), Is.EqualTo(padding));
        Assert.That(Augmentation.FlipOnly.PaddingOf(height, width), Is.Zero);
    }

    /// <summary>Keys of caches and checkpoints tell them apart.</summary>
    [Test]
    public void KeysTellThemApart()
    {
        Assert.That(new TrainingOptions { Augment = Augmentation.CropOnly }.ToString(), Does.Contain("Augment = crop,"));
        Assert.That(Augmentation.All.Select(a => a.ToString()), Is.Unique);
    }

    [TestCase("crop+flip")]
    [TestCase("crop")]
    [TestCase("flip")]
    [TestCase("none")]
    public void AModelFileKeepsIt(string name)
    {
        using var temp = new TempFolder();
        using var model = CreateModel(8, 1, Augmentation.Parse(name));
        model.Initialize(1);
        ModelFile.Save(model, temp["model.safetensors"]);
        using var read = ModelFile.Load(temp["model.safetensors"], TestDevices.Default, Precision.Float32);
        using var copy = read.Clone();
        Assert.That((read.Augmentation.Name, copy.Augmentation.Name), Is.EqualTo((name, name)));
    }

    [Test]
    public void AnUnknownOneInAFileIsRefused([Values("auto", "mixup")] string name)
    {
        using var temp = new TempFolder();
        using var model = CreateModel(8, 1, Augmentation.CropAndFlip);
        ModelFile.Save(model, temp["model.safetensors"], new Dictionary<string, string> { ["lur.augmentation"] = name });
        Assert.That(
            () => ModelFile.Load(temp["model.safetensors"], TestDevices.Default, Precision.Float32),
            Throws.TypeOf<UserErrorException>().With.Message.Contains(name)
        );
    }

    /// <summary>One white pixel: where it comes out says what was done to the image.</summary>
    [TestCase("crop+flip", true, true)]
    [TestCase("crop", true, false)]
    [TestCase("flip", false, true)]
    [TestCase("none", false, false)]
    public void ABatchIsChangedAsItSays(string name, bool shifted, bool mirrored)
    {
        const int size = 16,
            rows = 64,
            column = 4;
        using var model = CreateModel(size, 1, Augmentation.Parse(name));
        using var program = new Program(model.Device, model.Precision);
        var stage = new ClassificationBatch(program, "train", rows, model, augment: true, seed: 3);
        Program.Keep(stage.Input);
        program.Plan();
        stage.Images.Clear();
        for (var i = 0; i < rows; i++)
            stage.Images[(((i * size) + 8) * size) + column] = 255;
        program.Run();
        model.Device.Synchronize();
        var pixels = new float[rows * size * size];
        model.Device.Download(pixels.AsSpan(), stage.Input.Pointer.As<float>());
        int[] columns = [.. Enumerable.Range(0, pixels.Length).Where(i => pixels[i] > 0.5f).Select(i => i % size)];
        Assert.That(columns, Has.Length.EqualTo(rows));
        Assert.That(columns.Any(c => c >= size / 2), Is.EqualTo(mirrored));
        Assert.That(columns.Any(c => c is not (column or size - 1 - column)), Is.EqualTo(shifted));
    }

    [Test]
    public void TrainingDecidesForTheModelUnlessLeftToIt([Values("auto", "crop", "none")] string name)
    {
        using var source = DataSource.Open("synthetic:train=20,test=10,seed=3");
        var spec = ModelFamilies.Parse(
            "resnet[1]:w4",
            new ImageSize(source.Train.Height, source.Train.Width, source.Train.Channels),
            source.Train.ClassNames.Count
        );
        using var model = new Model(
            TestDevices.Default,
            Precision.Float32,
            spec,
            source.Train.ClassNames,
            new InputNormalization([0.5, 0.5, 0.5], [0.3, 0.3, 0.3])
        )
        {
            Augmentation = Augmentation.FlipOnly,
        };
        using var trainer = new Trainer(
            model,
            source.Train,
            [0, 1, 2, 3],
            new TrainingOptions { BatchSize = 4, Augment = Augmentation.Parse(name) },
            capture: false
        );
        Assert.That(model.Augmentation.Name, Is.EqualTo(name == "auto" ? "flip" : name));
    }
}

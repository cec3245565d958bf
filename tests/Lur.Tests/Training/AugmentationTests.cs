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

    /// <summary>Grey images: what is drawn goes by the number of the sample, and each has a deviation of its own. 64 deviations uniform
    /// in [0, 0.5] have a mean of 0.25, give or take 0.144 / 8: five of them. Of 256 normals a deviation is off by 1 / sqrt(512).</summary>
    [Test]
    public void TrainingImagesAreGivenNoise()
    {
        const int size = 16,
            rows = 64;
        const double largest = 0.5;
        using var model = CreateModel(size, 1, Augmentation.None);
        float[] Draw(bool augment, ulong counter, double grain)
        {
            using var program = new Program(model.Device, model.Precision);
            var task = new ClassificationTask(model) { Grain = grain };
            var stage = task.Batch(program, "train", rows, augment, seed: 3);
            Program.Keep(stage.Input);
            program.Plan();
            stage.Images.Fill(127);
            stage.Counter = counter;
            program.Run();
            model.Device.Synchronize();
            var pixels = new float[rows * size * size];
            model.Device.Download(pixels.AsSpan(), stage.Input.Pointer.As<float>());
            return pixels;
        }

        var (noisy, later) = (Draw(true, 0, largest), Draw(true, 10, largest));
        Assert.That(Draw(true, 0, 0), Is.All.EqualTo(127 / 255f).Within(1e-6), "none was asked for");
        Assert.That(Draw(false, 0, largest), Is.All.EqualTo(127 / 255f).Within(1e-6), "evaluation");
        Assert.That(later[..^(10 * size * size)], Is.EqualTo(noisy[(10 * size * size)..]), "by the number of the sample");
        // An image in [-1, 1] is twice one in [0, 1].
        double[] deviations =
        [
            .. noisy.Chunk(size * size).Select(image => 2 * Math.Sqrt(image.Average(p => Math.Pow(p - (127 / 255.0), 2)))),
        ];
        Assert.That(deviations, Is.All.LessThan(largest * (1 + (5 / Math.Sqrt(512)))));
        Assert.That(deviations.Average(), Is.EqualTo(largest / 2).Within(5 * 0.144 / 8));
        Assert.That((deviations.Min(), deviations.Max()), Is.EqualTo((0.0, largest)).Using<double>((a, b) => Math.Abs(a - b) < 0.1));
    }

    [Test]
    public void TrainingWithNoiseIsAnotherTraining()
    {
        var (plain, noisy) = (new TrainingOptions(), new TrainingOptions { AugmentNoise = 1.5 });
        Assert.That(noisy.ToString(), Is.Not.EqualTo(plain.ToString()));
        using var source = DataSource.Open("synthetic:train=20,test=10,seed=3");
        float[] Train(TrainingOptions options)
        {
            using var model = CreateModel(source.Train.Height, source.Train.Channels, Augmentation.None);
            model.Initialize(1);
            int[] indices = [.. Enumerable.Range(0, 20).Where(i => source.Train.Label(i) < 2)];
            using var trainer = new Trainer(model, source.Train, indices, options with { BatchSize = 4, Epochs = 1 });
            trainer.RunStep();
            return model.Parameters.ToFloatArray();
        }

        Assert.That(Train(noisy), Is.EqualTo(Train(noisy)));
        Assert.That(Train(noisy), Is.Not.EqualTo(Train(plain)));
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

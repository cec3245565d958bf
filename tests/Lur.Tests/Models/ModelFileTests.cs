using Lur.Checkpoints;
using Lur.Device;
using Lur.Models;
using Lur.Tensors;
using Lur.Tests.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Models;

/// <summary>Model files of each family: what was saved is read back as what it is.</summary>
public class ModelFileTests
{
    private const string Small = "resnet[1,2]:bottleneck:w3:stem3";

    private static readonly ModelDefaults s_defaults = new(
        9,
        7,
        ["a", "b", "c", "d"],
        new Lazy<InputNormalization>(new InputNormalization([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])),
        Augmentation.None
    );

    private static Model Create(string text)
    {
        var random = TestRandom.ForCurrentTest();
        var spec = ModelFamilies.Parse(text, new ImageSize(9, 7, 3), 4);
        var model = new Model(TestDevices.Default, Precision.Float32, spec, s_defaults.ClassNames, s_defaults.Normalization.Value);
        model.Parameters.Set(random.NormalArray(model.Parameters.Count));
        model.Buffers.Set(random.UniformArray(model.Buffers.Count, 0.5, 1.5));
        return model;
    }

    private static void AssertSame(Model read, Model model) =>
        Assert.Multiple(() =>
        {
            Assert.That(read.Parameters.ToFloatArray(), Is.EqualTo(model.Parameters.ToFloatArray()));
            Assert.That(read.Buffers.ToFloatArray(), Is.EqualTo(model.Buffers.ToFloatArray()));
        });

    [TestCase(Small)]
    [TestCase("resnet[2,1]:w3:stem7")]
    public void ASavedModelIsReadBack(string text)
    {
        using var temp = new TempFolder();
        using var model = Create(text);
        ModelFile.Save(model, temp["model.safetensors"]);
        using var read = ModelFile.Load(temp["model.safetensors"], TestDevices.Default, Precision.Float32);
        Assert.That((read.Architecture, read.Spec.Input), Is.EqualTo((text, new ImageSize(9, 7, 3))));
        AssertSame(read, model);
        ModelFile.Save(read, temp["again.safetensors"]);
        Assert.That(File.ReadAllBytes(temp["again.safetensors"]), Is.EqualTo(File.ReadAllBytes(temp["model.safetensors"])));
    }

    // Filters of more elements than a part has; the model's 5.6 MB never lie in host memory at once.
    [Test]
    public void ALargeModelGoesThroughHostMemoryInParts()
    {
        const string large = "resnet[1,1]:w128";
        using var temp = new TempFolder();
        using var model = Create(large);
        ModelFile.Save(model, temp["warm"]);
        ModelFile.Load(temp["warm"], TestDevices.Default, Precision.Float32).Dispose();
        var before = GC.GetAllocatedBytesForCurrentThread();
        ModelFile.Save(model, temp["model"]);
        var saved = GC.GetAllocatedBytesForCurrentThread();
        using var read = ModelFile.Load(temp["model"], TestDevices.Default, Precision.Float32);
        var loaded = GC.GetAllocatedBytesForCurrentThread();
        TestContext.Out.WriteLine(
            $"{model.Parameters.Bytes} bytes of parameters; saving allocated {saved - before}, loading {loaded - saved}"
        );
        Assert.That(model.Parameters.Bytes, Is.GreaterThan(4 << 20));
        Assert.That(saved - before, Is.LessThan(1 << 20), "managed bytes of saving");
        Assert.That(loaded - saved, Is.LessThan(1 << 20), "managed bytes of loading");
        AssertSame(read, model);
        using var wide = ModelFile.Load(temp["model"], TestDevices.Default, Precision.Float64);
        Assert.That(wide.Parameters.ToFloatArray(), Is.EqualTo(model.Parameters.ToFloatArray()));
        ModelFile.Save(wide, temp["wide"]);
        using var narrow = ModelFile.Load(temp["wide"], TestDevices.Default, Precision.Float32);
        AssertSame(narrow, model);
    }

    [TestCase(-0.25f, "holds the negative variance -0.25")]
    [TestCase(float.NaN, "holds NaN or infinity")]
    [TestCase(float.PositiveInfinity, "holds NaN or infinity")]
    public void AVarianceThatCannotBeIsRefused(float value, string expected)
    {
        using var temp = new TempFolder();
        using var model = Create(Small);
        var slot = model.Buffers.Layout.Slots.Last(s => s.Kind == ParameterKind.RunningVariance);
        var buffers = model.Buffers.ToFloatArray();
        buffers[slot.End - 1] = value;
        model.Buffers.Set(buffers);
        ModelFile.Save(model, temp["model.safetensors"]);
        var error = Assert.Throws<UserErrorException>(() =>
            ModelFile.Load(temp["model.safetensors"], TestDevices.Default, Precision.Float32).Dispose()
        );
        Assert.That(error!.Message, Does.Contain(slot.Name).And.Contain(expected));
    }

    [Test]
    public void ANetworkOfMoreParametersThan32BitsCountIsOneSentence()
    {
        var spec = ModelFamilies.Parse("resnet18:w1024", new ImageSize(32, 32, 3), 10);
        Assert.That(
            Assert.Throws<UserErrorException>(() => spec.Build())!.Message,
            Does.Contain("more than 2147483647 parameters").And.Contain("layer4.1.conv1.weight")
        );
        // The same in the metadata of a file.
        using var temp = new TempFolder();
        var writer = new SafeTensorsWriter();
        writer.Metadata["lur.architecture"] = "resnet18:w1024:stem3";
        writer.Metadata["lur.input"] = "3x32x32";
        writer.Add("fc.weight", TensorType.F32, [10, 1], stream => stream.Write(new byte[40]));
        writer.Save(temp["model"]);
        Assert.That(
            Assert
                .Throws<UserErrorException>(() =>
                    ModelFile.Load(temp["model"], TestDevices.Default, Precision.Float32, s_defaults).Dispose()
                )!
                .Message,
            Does.StartWith($"'{temp["model"]}'").And.Contain("more than 2147483647 parameters")
        );
    }

    [Test]
    public void ABottleneckFileOfTorchIsRecognised()
    {
        using var temp = new TempFolder();
        using var model = Create(Small);
        ModelFile.Export(model, temp["torch.safetensors"]);
        using var read = ModelFile.Load(temp["torch.safetensors"], TestDevices.Default, Precision.Float32, s_defaults);
        Assert.That(read.Architecture, Is.EqualTo(Small));
        AssertSame(read, model);
        ModelFile.Export(read, temp["again.safetensors"]);
        Assert.That(File.ReadAllBytes(temp["again.safetensors"]), Is.EqualTo(File.ReadAllBytes(temp["torch.safetensors"])));
    }

    [TestCase("[]")]
    [TestCase("{")]
    [TestCase("{\"__metadata__\": 3}")]
    public void ADamagedHeaderOfAnImportedModelIsASentence(string header)
    {
        using var temp = new TempFolder();
        using var model = Create(Small);
        model.ImportedHeader = header;
        model.History = model.History with { ForgottenSha256 = new string('0', 64) };
        var error = Assert.Throws<UserErrorException>(() => ModelFile.Export(model, temp["torch.safetensors"]));
        Assert.That(error!.Message, Does.StartWith($"'{temp["torch.safetensors"]}', offset"));
        Assert.That(Directory.EnumerateFiles(temp.Path), Is.Empty);
    }

    /// <summary>Element [o, i, r, s] of the file is element [o, r, s, i] of the memory.</summary>
    [Test]
    public void FiltersLieAsTorchsInTheFile()
    {
        using var temp = new TempFolder();
        using var model = Create(Small);
        ModelFile.Export(model, temp["torch.safetensors"]);
        using var file = SafeTensorsFile.Open(temp["torch.safetensors"]);
        var slot = model.Parameters.Layout["layer2.0.conv2.weight"];
        Assert.That(file[slot.Name].Shape, Is.EqualTo(new long[] { 6, 6, 3, 3 }));
        var values = file.ReadArray<float>(slot.Name);
        var memory = model.Parameters.ToFloatArray().AsSpan(slot.Offset, slot.Count);
        for (var o = 0; o < 6; o++)
        {
            for (var i = 0; i < 6; i++)
            {
                for (var tap = 0; tap < 9; tap++)
                    Assert.That(values[(((o * 6) + i) * 9) + tap], Is.EqualTo(memory[(((o * 9) + tap) * 6) + i]));
            }
        }
    }

    /// <summary>Before there were bottleneck blocks resnet50 meant 6n+2 with n = 8, and 152 n = 25.</summary>
    [TestCase("resnet50", 8)]
    [TestCase("resnet152", 25)]
    public void AFileOfTheOldMeaningOpensAsWhatItIs(string old, int n)
    {
        using var temp = new TempFolder();
        var text = $"resnet[{n},{n},{n}]:w2:stem3";
        using var model = Create(text);
        ModelFile.Save(model, temp["old.safetensors"], new Dictionary<string, string> { ["lur.architecture"] = $"{old}:w2:stem3" });
        using var read = ModelFile.Load(temp["old.safetensors"], TestDevices.Default, Precision.Float32);
        Assert.That(read.Architecture, Is.EqualTo(text));
        AssertSame(read, model);
    }

    [Test]
    public void AResNet50OfTheNewMeaningOpensAsWhatItIs()
    {
        using var temp = new TempFolder();
        using var model = Create("resnet50:w2:stem3");
        ModelFile.Save(model, temp["new.safetensors"]);
        using var read = ModelFile.Load(temp["new.safetensors"], TestDevices.Default, Precision.Float32);
        Assert.That(read.Architecture, Is.EqualTo("resnet50:w2:stem3"));
        AssertSame(read, model);
    }

    [Test]
    public void AFileOfNoFamilyIsRefused()
    {
        using var temp = new TempFolder();
        var writer = new SafeTensorsWriter();
        writer.Add("features.0.weight", TensorType.F32, [1], new byte[4]);
        writer.Save(temp["other.safetensors"]);
        var error = Assert.Throws<UserErrorException>(() =>
            ModelFile.Load(temp["other.safetensors"], TestDevices.Default, Precision.Float32, s_defaults)
        );
        Assert.That(error!.Message, Does.Contain("other.safetensors").And.Contain("ResNet"));
    }

    [Test]
    public void FurtherOutputsChangeTheHeadAlone()
    {
        using var model = Create(Small);
        using var widened = model.WithOutputs(["e"], 7);
        Assert.That((widened.Outputs, widened.ClassNames), Is.EqualTo((5, (string[])["a", "b", "c", "d", "e"])));
        float[] old = model.Parameters.ToFloatArray(),
            wide = widened.Parameters.ToFloatArray();
        foreach (var slot in model.Parameters.Layout.Slots)
        {
            var target = widened.Parameters.Layout[slot.Name];
            Assert.That(target.Count > slot.Count, Is.EqualTo(model.Head.Contains(slot)), slot.Name);
            Assert.That(wide.AsSpan(target.Offset, slot.Count).SequenceEqual(old.AsSpan(slot.Offset, slot.Count)), slot.Name);
        }

        // The new row is drawn as torch draws it: within 1/sqrt(24), 24 = 4 x 6 channels, and not left at zero.
        var head = widened.Parameters.Layout["fc.weight"];
        var row = wide.AsSpan(head.Offset + (4 * 24), 24).ToArray();
        Assert.That(row, Has.All.InRange(-1 / Math.Sqrt(24), 1 / Math.Sqrt(24)).And.None.Zero);

        using var back = model.Clone();
        back.Parameters.Set(new float[back.Parameters.Count]);
        back.TakeFrom(widened);
        AssertSame(back, model);
    }
}

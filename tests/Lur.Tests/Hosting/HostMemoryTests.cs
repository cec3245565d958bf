using Lur.Checkpoints;
using Lur.Data;
using Lur.Hosting;
using Lur.Runs;
using Lur.Tests.Device;
using Lur.Training;

namespace Lur.Tests.Hosting;

/// <summary>Weights and images between a program's memory and the engine.</summary>
public class HostMemoryTests
{
    private JobScope _scope = null!;

    [OneTimeSetUp]
    public void Train() => _scope = new JobScope();

    [OneTimeTearDown]
    public void Delete() => _scope.Dispose();

    [Test]
    public void TensorsAreThoseOfTheFile()
    {
        using var engine = LurEngine.Open();
        using var model = engine.OpenModel(_scope.Classifier);
        using var file = SafeTensorsFile.Open(_scope.Classifier);
        // A counter of torch is no tensor of the model.
        Assert.That(
            model.Tensors.Select(t => t.Name),
            Is.EquivalentTo(file.Tensors.Where(t => t.Type == TensorType.F32).Select(t => t.Name))
        );
        foreach (var tensor in model.Tensors)
        {
            Assert.That(tensor.Shape, Is.EqualTo(file[tensor.Name].Shape));
            Assert.That(Read(model, tensor), Is.EqualTo(Floats(file, tensor.Name)), tensor.Name);
        }

        Assert.That((model.Architecture, model.Classes.Count), Is.EqualTo(("resnet[1,1]:w4:stem3", 10)));
    }

    [Test]
    public void WhatIsWrittenIsReadAndSaved()
    {
        using var engine = LurEngine.Open();
        using var model = engine.OpenModel(_scope.Classifier);
        var random = TestRandom.ForCurrentTest();
        // Distinct everywhere: an element in another's place would be seen. Variances are positive.
        var values = model.Tensors.ToDictionary(t => t.Name, t => Enumerable.Range(0, t.Count).Select(i => 1f + i).ToArray());
        foreach (var (name, numbers) in values)
        {
            for (var i = numbers.Length - 1; i > 0; i--)
                Swap(numbers, i, random.Below(i + 1));
            model.Write(name, numbers);
        }

        model.Save(_scope["written.safetensors"]);
        using var file = SafeTensorsFile.Open(_scope["written.safetensors"]);
        foreach (var tensor in model.Tensors)
        {
            Assert.That(Read(model, tensor), Is.EqualTo(values[tensor.Name]), tensor.Name);
            Assert.That(Floats(file, tensor.Name), Is.EqualTo(values[tensor.Name]), tensor.Name);
        }
    }

    [Test]
    public unsafe void APointerLeadsToTheElementsInTheOrderOfTheDevice()
    {
        using var engine = LurEngine.Open();
        if (TestDevices.All.Any(t => t.Name == "gpu"))
            Assert.Ignore("Not run: the address is one of a GPU.");
        using var model = engine.OpenModel(_scope.Classifier);
        foreach (var tensor in model.Tensors)
        {
            var (host, shape) = (Read(model, tensor), tensor.Shape);
            var device = new ReadOnlySpan<float>((void*)model.Pointer(tensor.Name).Address, tensor.Count);
            if (shape.Count < 4)
            {
                Assert.That(device.ToArray(), Is.EqualTo(host), tensor.Name);
                continue;
            }

            var (k, c, r, s) = ((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3]);
            Assert.That(tensor.DeviceShape, Is.EqualTo(new[] { k, r, s, c }));
            for (var i = 0; i < host.Length; i++)
            {
                var (column, row, input, output) = (i % s, i / s % r, i / s / r % c, i / s / r / c);
                Assert.That(device[(((output * r) + row) * s + column) * c + input], Is.EqualTo(host[i]), $"{tensor.Name}[{i}]");
            }
        }
    }

    [Test]
    public void WhatCannotBeAWeightIsRefused()
    {
        using var engine = LurEngine.Open();
        using var model = engine.OpenModel(_scope.Classifier);
        var variance = model.Tensors.First(t => t.Name.EndsWith("running_var", StringComparison.Ordinal));
        void Refused(string sentence, string name, float[] values)
        {
            var before = Read(model, variance);
            Assert.That(() => model.Write(name, values), Throws.InstanceOf<UserErrorException>().With.Message.Contain(sentence));
            Assert.That(Read(model, variance), Is.EqualTo(before));
        }

        var ones = Enumerable.Repeat(1f, variance.Count).ToArray();
        Refused("has 4 elements; 5 were given", variance.Name, [.. ones, 1f]);
        Refused("NaN or infinity", variance.Name, [.. ones[1..], float.NaN]);
        Refused("the negative variance -1", variance.Name, [.. ones[1..], -1]);
        Refused("did you mean", "conv1.weights", ones);
        Refused("has no tensor 'x'", "x", ones);
    }

    /// <summary>The same images from memory and by the name of their set train the same weights.</summary>
    [Test]
    public void ImagesInMemoryAreADataSet()
    {
        using var named = DataSource.Open(JobScope.Data);
        var memory = new ImageMemory
        {
            Channels = named.Train.Channels,
            Height = named.Train.Height,
            Width = named.Train.Width,
            ClassNames = named.Train.ClassNames,
            Pixels = Pixels(named.Train),
            Labels = Labels(named.Train),
            TestPixels = Pixels(named.Test),
            TestLabels = Labels(named.Test),
        };
        var settings = new TrainSettings
        {
            Data = "images of a program",
            DataOptions = new DataOptions { Memory = memory },
            Model = "resnet[1,1]:w4",
            Output = _scope["of-memory"],
            Training = new TrainingOptions { Epochs = 2, BatchSize = 16 },
        };
        using var engine = LurEngine.Open();
        var trained = TrainJob.RunAsync(engine, settings).GetAwaiter().GetResult();
        using var model = engine.OpenModel(trained.ModelPath);
        using var file = SafeTensorsFile.Open(_scope.Classifier);
        foreach (var tensor in model.Tensors)
            Assert.That(Read(model, tensor), Is.EqualTo(Floats(file, tensor.Name)), tensor.Name);
    }

    [Test]
    public void ImagesThatDoNotFitAreRefused()
    {
        var good = new ImageMemory
        {
            Channels = 1,
            Height = 2,
            Width = 3,
            ClassNames = ["a", "b"],
            Pixels = new byte[4 * 6],
            Labels = new[] { 0, 1, 0, 1 },
        };
        using (var source = Open(good))
            Assert.That(
                (source.Format, source.Train.Count, source.Test.Count),
                Is.EqualTo(("memory", 2, 2)),
                "one of each class is held out"
            );
        Refused("4 labels and 23 bytes of pixels; 4 images of 1 x 2 x 3 take 24", good with { Pixels = new byte[23] });
        Refused("Sample 3 of mine has the label 2", good with { Labels = new[] { 0, 1, 0, 2 } });
        Refused("has no sample of class 1", good with { Labels = new[] { 0, 0, 0, 0 } });
        Refused("are said to be 2 x 2 x 3", good with { Channels = 2 });
        Refused("need a name each", good with { ClassNames = ["a", "a"] });
        Refused("mine (test) has 1 labels and 0 bytes", good with { TestLabels = new[] { 0 } });

        static DataSource Open(ImageMemory memory) => DataSource.Open("mine", new DataOptions { Memory = memory });
        static void Refused(string sentence, ImageMemory memory) =>
            Assert.That(() => Open(memory), Throws.InstanceOf<UserErrorException>().With.Message.Contain(sentence));
    }

    private static void Swap(float[] values, int i, int j) => (values[i], values[j]) = (values[j], values[i]);

    private static float[] Read(LurModel model, LurTensor tensor)
    {
        var values = new float[tensor.Count];
        model.Read(tensor.Name, values);
        return values;
    }

    private static float[] Floats(SafeTensorsFile file, string name)
    {
        var bytes = file.Bytes(name);
        var values = new float[bytes.Length / sizeof(float)];
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
        return values;
    }

    private static byte[] Pixels(IImageDataset data)
    {
        var pixels = new byte[data.Count * data.SampleBytes];
        for (var i = 0; i < data.Count; i++)
            data.CopyImage(i, pixels.AsSpan(i * data.SampleBytes, data.SampleBytes));
        return pixels;
    }

    private static int[] Labels(IImageDataset data) => [.. Enumerable.Range(0, data.Count).Select(data.Label)];
}

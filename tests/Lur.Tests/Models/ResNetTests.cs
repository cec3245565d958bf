using Lur.Models;

namespace Lur.Tests.Models;

public class ResNetTests
{
    private static ResNetSpec Parse(string text, int classes = 10, int size = 32, int channels = 3) =>
        ResNetFamily.Instance.Parse(text, new ImageSize(size, size, channels), classes);

    /// <summary>The counts that torchvision and the papers of unlearning print; resnet18 at 32 pixels is their CIFAR network.</summary>
    [TestCase("resnet18", 10, 32, ExpectedResult = 11_173_962)]
    [TestCase("resnet18", 100, 32, ExpectedResult = 11_220_132)]
    [TestCase("resnet18", 1000, 224, ExpectedResult = 11_689_512)]
    [TestCase("resnet34", 1000, 224, ExpectedResult = 21_797_672)]
    [TestCase("resnet50", 1000, 224, ExpectedResult = 25_557_032)]
    [TestCase("resnet101", 1000, 224, ExpectedResult = 44_549_160)]
    [TestCase("resnet152", 1000, 224, ExpectedResult = 60_192_808)]
    public int ParameterCount(string model, int classes, int size) => Parse(model, classes, size).Build().Parameters.Count;

    [Test]
    public void NamesAndOrderAreTorchs()
    {
        var network = Parse("resnet18:w4").Build();
        var names = network.StateOrder.Select(s => s.Name).ToArray();
        string[] start = ["conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var", "layer1.0.conv1.weight"];
        Assert.That(names.Take(6), Is.EqualTo(start));
        string[] second =
        [
            "layer2.0.bn2.weight",
            "layer2.0.bn2.bias",
            "layer2.0.bn2.running_mean",
            "layer2.0.bn2.running_var",
            "layer2.0.downsample.0.weight",
        ];
        var at = Array.IndexOf(names, "layer2.0.bn2.weight");
        Assert.That(names.Skip(at).Take(5), Is.EqualTo(second));
        Assert.That(names[^2..], Is.EqualTo(new[] { "fc.weight", "fc.bias" }));
        Assert.That(names, Has.Length.EqualTo(20 * 5 + 2));
        Assert.That(network.Parameters["layer2.0.downsample.0.weight"].Shape, Is.EqualTo(new Shape(8, 1, 1, 4)));
    }

    /// <summary>The state_dict of torchvision's Bottleneck: conv1, bn1, conv2, bn2, conv3, bn3, downsample; the first block of every
    /// stage has a shortcut, that of the first stage for its channels alone.</summary>
    [Test]
    public void BottleneckNamesAndShapesAreTorchs()
    {
        var network = Parse("resnet50:stem7", 1000, 64).Build();
        var modules = network.StateOrder.Select(s => s.Name[..s.Name.LastIndexOf('.')]).Distinct().ToArray();
        string[] first = ["conv1", "bn1", "conv2", "bn2", "conv3", "bn3", "downsample.0", "downsample.1"];
        Assert.That(modules.Skip(2).Take(8), Is.EqualTo(first.Select(m => $"layer1.0.{m}")));
        Assert.That(modules.Skip(10).Take(7), Is.EqualTo(first[..6].Select(m => $"layer1.1.{m}").Append("layer1.2.conv1")));
        // 53 convolutions, each with a normalisation of four tensors, and fc's two: the 320 tensors of torchvision's file are
        // these and 53 times num_batches_tracked, less fc's.
        Assert.That(network.StateOrder, Has.Count.EqualTo(53 * 5 + 2));
        Assert.That(network.Parameters["layer1.0.downsample.0.weight"].Shape, Is.EqualTo(new Shape(256, 1, 1, 64)));
        Assert.That(network.Parameters["layer2.0.conv1.weight"].Shape, Is.EqualTo(new Shape(128, 1, 1, 256)));
        Assert.That(network.Parameters["layer2.0.conv2.weight"].Shape, Is.EqualTo(new Shape(128, 3, 3, 128)));
        Assert.That(network.Parameters["layer4.2.conv3.weight"].Shape, Is.EqualTo(new Shape(2048, 1, 1, 512)));
        Assert.That(network.Parameters["fc.weight"].Shape, Is.EqualTo(new Shape(1000, 2048)));
        // The 3x3 convolution has the stride, the 1x1 before it does not.
        var shapes = network.Nodes.Zip(network.Shapes(1)).ToDictionary(p => p.First.Layer.Name, p => p.Second);
        Assert.That(shapes["layer2.0.conv1"], Is.EqualTo(new Shape(1, 16, 16, 128)));
        Assert.That(shapes["layer2.0.conv2"], Is.EqualTo(new Shape(1, 8, 8, 128)));
    }

    [Test]
    public void ShapesFollowTheStrides()
    {
        var network = ModelFamilies.Parse("resnet18:w16:stem7", new ImageSize(64, 48, 1), 7).Build();
        var shapes = network.Shapes(5);
        Assert.That(shapes[0], Is.EqualTo(new Shape(5, 32, 24, 16)));
        Assert.That(shapes[2], Is.EqualTo(new Shape(5, 16, 12, 16)));
        Assert.That(shapes[^1], Is.EqualTo(new Shape(5, 7)));
    }

    [TestCase("resnet19")]
    [TestCase("resnet")]
    [TestCase("resnet18:w0")]
    [TestCase("resnet18:x")]
    [TestCase("resnet18:bottleneck")]
    [TestCase("resnet50:bottleneck")]
    [TestCase("vgg16")]
    [TestCase("resnet[0,1]")]
    public void UnknownModelsAreRefusedByName(string model)
    {
        var error = Assert.Throws<UserErrorException>(() => ModelFamilies.Parse(model, new ImageSize(32, 32, 3), 10));
        Assert.That(error!.Message, Does.Contain($"'{model}'").And.Contain("bottleneck"));
    }

    [TestCase("resnet18:w16", "resnet18:w16:stem3")]
    [TestCase("resnet20", "resnet20:w16:stem3")]
    [TestCase("resnet[1,2,1]:w8:stem7", "resnet[1,2,1]:w8:stem7")]
    [TestCase("resnet50", "resnet50:w64:stem3")]
    [TestCase("resnet[2,1]:w8:bottleneck", "resnet[2,1]:bottleneck:w8:stem3")]
    public void TextRoundTrips(string model, string text)
    {
        var spec = Parse(model);
        Assert.That(spec.Text, Is.EqualTo(text));
        var again = Parse(spec.Text);
        Assert.That(again.Blocks, Is.EqualTo(spec.Blocks));
        Assert.That((again.Block, again.BaseWidth, again.Stem), Is.EqualTo((spec.Block, spec.BaseWidth, spec.Stem)));
    }

    /// <summary>Every depth has one meaning: torchvision's where it has one, else 6n+2.</summary>
    [Test]
    public void DepthsAreUnambiguous()
    {
        for (var depth = 8; depth <= 1202; depth += 6)
        {
            var spec = Parse(FormattableString.Invariant($"resnet{depth}"));
            Assert.That(spec.Block == ResNetBlock.Bottleneck, Is.EqualTo(depth is 50 or 152), $"resnet{depth}");
            Assert.That(spec.Blocks, Has.Count.EqualTo(depth is 50 or 152 ? 4 : 3), $"resnet{depth}");
        }
    }

    [TestCase("resnet18", 10, "layer3", "layer4")]
    [TestCase("resnet18", 11, "layer4", "layer4")]
    [TestCase("resnet[1]", 10, "layer1", "layer1")]
    [TestCase("resnet50", 10, "layer3", "layer4")]
    public void LatePartAndHead(string model, int classes, string first, string last)
    {
        var spec = Parse(model, classes);
        var slots = spec.Build().Parameters.Slots;
        var late = slots.Where(spec.IsLate).Select(s => s.Name.Split('.')[0]).Distinct();
        Assert.That(late, Is.EqualTo(new[] { first, last, "fc" }.Distinct()));
        Assert.That(slots.Where(spec.IsHead).Select(s => s.Name), Is.EqualTo(new[] { "fc.weight", "fc.bias" }));
    }
}

using Lur.Models;

namespace Lur.Tests.Models;

public class ResNetTests
{
    /// <summary>T1 of the acceptance tests: parameter counts of methods 7.1, and two counted by hand from He et al.</summary>
    [TestCase("resnet18", 10, 32, 3, ExpectedResult = 11_173_962)]
    [TestCase("resnet18", 100, 32, 3, ExpectedResult = 11_220_132)]
    [TestCase("resnet18", 1000, 224, 3, ExpectedResult = 11_689_512)]
    [TestCase("resnet34", 1000, 224, 3, ExpectedResult = 21_797_672)]
    public int ParameterCount(string model, int classes, int size, int channels) =>
        ResNet.Build(ResNetSpec.Parse(model, classes, size, size, channels)).Parameters.Count;

    [Test]
    public void NamesAndOrderAreTorchs()
    {
        var network = ResNet.Build(ResNetSpec.Parse("resnet18:w4", 10, 32, 32, 3));
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

    [Test]
    public void ShapesFollowTheStrides()
    {
        var network = ResNet.Build(ResNetSpec.Parse("resnet18:w16:stem7", 7, 64, 48, 1));
        var shapes = network.Shapes(5);
        Assert.That(shapes[0], Is.EqualTo(new Shape(5, 32, 24, 16)));
        Assert.That(shapes[2], Is.EqualTo(new Shape(5, 16, 12, 16)));
        Assert.That(shapes[^1], Is.EqualTo(new Shape(5, 7)));
    }

    [TestCase("resnet19")]
    [TestCase("resnet18:w0")]
    [TestCase("resnet18:x")]
    [TestCase("vgg16")]
    [TestCase("resnet[0,1]")]
    public void UnknownModelsAreRefusedByName(string model)
    {
        var error = Assert.Throws<UserErrorException>(() => ResNetSpec.Parse(model, 10, 32, 32, 3));
        Assert.That(error!.Message, Does.Contain(model));
    }

    [TestCase("resnet18:w16")]
    [TestCase("resnet20")]
    [TestCase("resnet[1,2,1]:w8:stem7")]
    public void TextRoundTrips(string model)
    {
        var spec = ResNetSpec.Parse(model, 10, 32, 32, 3);
        var again = ResNetSpec.Parse(spec.ToString(), 10, 32, 32, 3);
        Assert.That(again.Blocks, Is.EqualTo(spec.Blocks));
        Assert.That((again.BaseWidth, again.Stem), Is.EqualTo((spec.BaseWidth, spec.Stem)));
    }
}

using Lur.Device;
using Lur.Models;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Tests.Diffusion;
using Lur.Verification.Generation;

namespace Lur.Tests.Golden;

/// <summary>Features of InceptionV3 against PyTorch in float64 (README.md beside this file), and what is refused of its file.</summary>
public class InceptionFixtureTests
{
    // float64: some twenty layers one behind another with sums of at most 1152 products, each off by some hundred units of rounding
    // (1e-16): 1e-13 of the largest. float32: the same with 6e-8. Wrong epsilons move the features by 1e-3, by 30 times as much.
    [TestCase(Precision.Float64, 1e-12)]
    [TestCase(Precision.Float32, 3e-5)]
    public void FeaturesAgreeWithTorch(Precision precision, double tolerance)
    {
        using var temp = new TempFolder();
        TinyInception.Write(temp["inception.safetensors"]);
        var fixture = Fixture.Open("inception");
        // Two at a time, so that a batch is not full.
        using var features = new InceptionFeatures(
            temp["inception.safetensors"],
            TestDevices.Default,
            precision,
            2,
            TinyInception.Divisor,
            InceptionV3.Side
        );
        Assert.That(features.Dimension, Is.EqualTo(TinyInception.Features));
        foreach (var (count, size) in new[] { (3, new ImageSize(8, 8, 3)), (2, new ImageSize(7, 5, 1)), (1, new ImageSize(310, 301, 3)) })
        {
            var name = $"images{size.ToString()}";
            var length = size.Channels * size.Height * size.Width;
            byte[] pixels = [.. TinyInception.Uniform(name, count * length).Select(u => (byte)(256 * u))];
            var seen = features.Of(count, size, (i, image) => pixels.AsSpan(i * length, length).CopyTo(image));
            Errors.AssertClose(seen.Values, fixture.Doubles(name), tolerance, $"{precision} {name}");
        }
    }

    [Test]
    public void TheWholeNetworkHasThePublishedParameters()
    {
        var network = InceptionV3.Build();
        // torchvision's 23 834 568 without auxiliary head, less the classifier of 2048 x 1000 + 1000.
        Assert.That(network.Parameters.Count, Is.EqualTo(21_785_568));
        var expected = InceptionFile.Expected(network).ToDictionary(t => t.Name, t => t.Shape);
        Assert.That(network.StateOrder.Count(s => s.Name.EndsWith(".conv.weight", StringComparison.Ordinal)), Is.EqualTo(94));
        Assert.That(expected["Mixed_6b.branch7x7_2.conv.weight"], Is.EqualTo(new long[] { 128, 128, 1, 7 }));
        Assert.That(expected["Mixed_6b.branch7x7dbl_2.conv.weight"], Is.EqualTo(new long[] { 128, 128, 7, 1 }));
        Assert.That(expected["Mixed_7c.branch3x3_2b.conv.weight"], Is.EqualTo(new long[] { 384, 384, 3, 1 }));
        Assert.That(expected["Mixed_7c.branch_pool.bn.running_var"], Is.EqualTo(new long[] { 192 }));
        Assert.That(expected["fc.weight"], Is.EqualTo(new long[] { 1008, 2048 }));
        Assert.That(network.Shapes(3)[^1], Is.EqualTo(new Shape(3, InceptionV3.Features)));
    }

    [Test]
    public void AnotherFileIsRefusedWithTheDifference()
    {
        using var temp = new TempFolder();
        string Refused(string name) =>
            Assert
                .Throws<UserErrorException>(() =>
                {
                    using var _ = new InceptionFeatures(
                        temp[name],
                        TestDevices.Default,
                        Precision.Float32,
                        1,
                        TinyInception.Divisor,
                        TinyInception.Side
                    );
                })!
                .Message;
        TinyInception.Write(temp["fewer.safetensors"], name => name == "Mixed_6a.branch3x3.bn.bias" ? [] : null);
        Assert.That(Refused("fewer.safetensors"), Does.Contain("1 missing").And.Contain("Mixed_6a.branch3x3.bn.bias [24]"));
        // torchvision's own network has 1000 classes.
        TinyInception.Write(temp["other.safetensors"], name => name == "fc.bias" ? [1000] : null);
        Assert.That(Refused("other.safetensors"), Does.Contain("fc.bias: file F32 [1000], expected floating [1008]"));
        TinyInception.Write(temp["negative.safetensors"], negative: "Mixed_7a.branch3x3_1.bn.running_var");
        Assert.That(Refused("negative.safetensors"), Does.Contain("'Mixed_7a.branch3x3_1.bn.running_var' holds -1"));
        temp.Write("pt_inception.pth", [.. "PK\u0003\u0004"u8, .. "archive/data.pkl"u8]);
        Assert.That(Refused("pt_inception.pth"), Does.Contain("pickled PyTorch file").And.Contain("safetensors.torch.save_file"));
        Assert.That(Refused("nowhere.safetensors"), Does.Contain("does not exist"));
    }
}

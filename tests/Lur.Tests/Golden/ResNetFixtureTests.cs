using Lur.Device;
using Lur.Tests.Device;
using Lur.Verification;

namespace Lur.Tests.Golden;

/// <summary>Gradient, Hessian-vector product, LUR gradient and whole LUR steps against PyTorch (README.md beside this file).</summary>
public class ResNetFixtureTests
{
    [Test]
    public void AgreesWithPyTorch(
        [Values("resnet_train", "resnet_frozen", "resnet_stem7", "bottleneck_train", "bottleneck_frozen")] string name,
        [Values] Precision precision
    )
    {
        var path = Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", name + ".safetensors");
        using var fixture = GradientFixture.Open(path);
        var lines = FixtureCheck.Run(fixture, TestDevices.Default, precision);
        foreach (var line in lines)
            TestContext.Out.WriteLine($"{line.Name}: error {line.Error:E2}, allowed {line.Tolerance:E0}");
        Assert.That(lines, Has.Count.EqualTo(12));
        Assert.Multiple(() =>
        {
            foreach (var line in lines)
                Assert.That(line.Passed, $"{name}: {line.Name}: error {line.Error:E2}, allowed {line.Tolerance:E0}");
        });
    }
}

using Lur.Device;
using Lur.Tests.Device;
using Lur.Verification;

namespace Lur.Tests.Golden;

/// <summary>Output, gradient, tangents, Hessian-vector product and LUR gradients of UNets against diffusers in float64, and of one that
/// PyTorch computed from the published description (README.md beside this file).</summary>
public class UNetFixtureTests
{
    [Test]
    public void AgreesWithDiffusers(
        [Values("unet2d_class", "unet2d_ddpm32", "unet2d_condition", "unet2d_condition_odd")] string name,
        [Values] Precision precision
    )
    {
        var path = Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "diffusion", name + ".safetensors");
        using var fixture = DiffusionFixture.Open(path);
        var lines = DiffusionCheck.Run(fixture, TestDevices.Default, precision);
        foreach (var line in lines)
            TestContext.Out.WriteLine($"{line.Name}: error {line.Error:E2}, allowed {line.Tolerance:E0}");
        // Networks that are told prompts have a third forget loss, ESD's.
        Assert.That(lines, Has.Count.EqualTo(name.StartsWith("unet2d_condition", StringComparison.Ordinal) ? 12 : 10));
        Assert.Multiple(() =>
        {
            foreach (var line in lines)
                Assert.That(line.Passed, $"{name}: {line.Name}: error {line.Error:E2}, allowed {line.Tolerance:E0}");
        });
    }
}

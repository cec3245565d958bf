using System.Runtime.InteropServices;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Tests.Data;
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

    [Test]
    public void WithoutAWeightTheForgetPartIsLeftOut([Values] bool right)
    {
        using var temp = new TempFolder();
        var source = Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "resnet_train.safetensors");
        using (var file = SafeTensorsFile.Open(source))
        {
            var writer = new SafeTensorsWriter();
            foreach (var (key, value) in file.Metadata)
                writer.Metadata[key] = value;
            writer.Metadata["forget_weight"] = "0";
            var weight = double.Parse(file.Metadata["retain_weight"], System.Globalization.CultureInfo.InvariantCulture);
            foreach (var tensor in file.Tensors.Where(t => !t.Name.StartsWith("steps/", StringComparison.Ordinal)))
            {
                // Without a weight the gradient of the objective is the retain gradient.
                var gradient = tensor.Name.StartsWith("lur/gradient/", StringComparison.Ordinal);
                var bytes = file.Bytes(gradient ? tensor.Name.Replace("lur/", "", StringComparison.Ordinal) : tensor.Name).ToArray();
                if (gradient)
                    foreach (ref var value in MemoryMarshal.Cast<byte, double>(bytes.AsSpan()))
                        value *= right ? weight : 1.5 * weight;
                writer.Add(tensor.Name, tensor.Type, [.. tensor.Shape], bytes);
            }

            writer.Save(temp["zero.safetensors"]);
        }

        using var fixture = GradientFixture.Open(temp["zero.safetensors"]);
        var lines = FixtureCheck.Run(fixture, TestDevices.Default, Precision.Float64);
        Assert.That(lines.Select(l => l.Name), Does.Contain("LUR losses, retain").And.Not.Contain("forget gradient at theta'"));
        Assert.That(lines.Single(l => l.Name == "LUR gradient").Passed, Is.EqualTo(right));
        Assert.That(lines.Where(l => l.Name != "LUR gradient").Select(l => l.Passed), Is.All.True);
    }
}

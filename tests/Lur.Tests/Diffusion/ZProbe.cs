using System.Diagnostics;
using Lur.Device;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Tests.Device;

namespace Lur.Tests.Diffusion;

public class ZProbe
{
    [Test]
    public void Speed()
    {
        foreach (var text in new[] { "unet:c16:m1,2:r1:attn16", "unet:c32:m1,2,2:r2:attn16" })
        {
            var spec = (UNetSpec)ModelFamilies.Parse(text, new ImageSize(32, 32, 3), 3);
            using var model = new Model(TestDevices.Default, Precision.Float32, spec, ["a", "b", "c"], spec.OwnNormalization);
            model.Initialize(1, Lur.Tensors.WeightInitialization.TorchDefault);
            foreach (var rows in new[] { 1, 2, 4, 16, 1, 16 })
            {
                using var sampler = new ImageSampler(model, new SamplingOptions { Steps = 2 }, rows);
                var labels = new int[16];
                sampler.Sample(labels);
                var clock = Stopwatch.StartNew();
                sampler.Sample(labels);
                TestContext.Progress.WriteLine($"{text} rows {rows}: {clock.Elapsed.TotalMilliseconds / 32:F2} ms an image step");
            }
        }
    }
}

using System.Text.Json;
using Lur.Device;
using Lur.Models;
using Lur.Runs;
using Lur.Tasks.Diffusion;
using Lur.Tests.Cli;
using Lur.Tests.Device;
using Lur.Verification.Generation;

namespace Lur.Tests.Latents;

/// <summary>Verification of a latent model: a detector looks at decoded pictures, losses and attacks are on latents.</summary>
public class LatentVerifyTests
{
    [Test]
    public void ADrawnPictureIsTheDecodersOutput()
    {
        using var scene = new LatentScene();
        using var model = PromptBook.With(
            ModelFile.Load(scene.Settings("x", "").Model, TestDevices.Default, Precision.Float32),
            scene.Folder + "/none",
            ["a star", "a ring"]
        );
        using var pictures = SampledPictures.Open(scene["sd/vae"], model.Device, model.Spec.Input);
        model.Latents = new LatentSpace(pictures.Size, latents => pictures.Decode(latents));
        var plan = new SamplingPlan { Steps = 2, BatchSize = 2 };
        using var images = new GeneratedImages(model, plan);
        var set = images.Draw([1, 0, 1]);
        Assert.That((set.Pixels.Length, set.Latents!.Length), Is.EqualTo((3 * 192, 3 * 64)));
        Assert.That(set.Samples, Is.EqualTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes(set.Latents.AsSpan()).ToArray()));
        using var autoencoder = Autoencoder.Open(scene["sd/vae"], model.Device);
        for (var n = 0; n < 3; n++)
        {
            double[] hwc = [.. Enumerable.Range(0, 64).Select(i => (double)set.Latents[(n * 64) + (i % 4 * 16) + (i / 4)])];
            var decoded = autoencoder.Decode(hwc, 8, 8);
            for (var i = 0; i < 192; i++)
            {
                var level = 255 * Math.Clamp((decoded[(i % 64 * 3) + (i / 64)] / 2) + 0.5, 0, 1);
                // Half a level of rounding, and a little for float32 through the decoder.
                Assert.That(set.Pixels[(n * 192) + i], Is.EqualTo(level).Within(0.51), $"picture {n}, byte {i}");
            }
        }
    }

    [TestCase("pictures")]
    [TestCase("")]
    public void ADetectorLooksAtDecodedPictures(string data)
    {
        using var scene = new LatentScene();
        new ForgetRun(scene.Settings("run", data)).Run();
        scene.Temp.Write(
            "prompts.json",
            """
            { "concept": "star", "forgotten": { "named": ["a red star"], "implied": ["a sparkle"] }, "kept": { "ring": ["a ring"] },
              "others": ["ring"] }
            """
        );
        // A picture of 8 x 8 and three channels is 'with the concept' by the parity of its bytes; of another size is an error.
        scene.Temp.Write(
            "look.sh",
            """
            for f in "$1"/*.png; do
              [ "$(od -An -t u1 -j 16 -N 10 "$f" | tr -s ' ' | sed 's/^ //')" = "0 0 0 8 0 0 0 8 8 2" ] || exit 3
              echo "$(basename "$f") $(($(cksum < "$f" | cut -d' ' -f1) % 2))"
            done
            """
        );
        string[] few = ["--steps", "2", "--samples", "4", "--relearn-steps", "1", "--shots", "2"];
        var command = $"sh '{scene["look.sh"]}' {{dir}}";
        Command.Judged(["verify", scene["run"], "--prompts", scene["prompts.json"], "--detector", command, .. few]);
        using var json = JsonDocument.Parse(File.ReadAllText(scene["run/verify.json"]));
        var text = json.RootElement.GetRawText();
        foreach (var attack in new[] { "descent", "relearn2", "denoise", "rows", "inversion", "unlearndiffatk", "p4d" })
            Assert.That(text, Does.Contain($"\"{attack}\""));
        Assert.That(json.RootElement.GetProperty("verdict").GetRawText(), Does.Contain("ithheld"));
        Assert.That(File.Exists(scene["run/report.html"]));
        if (data.Length > 0)
        {
            // Without the cache pictures are encoded, and prompts read, again.
            Directory.Delete(scene.Cache, recursive: true);
            Command.Judged([
                "verify",
                scene["run"],
                "--prompts",
                scene["prompts.json"],
                "--detector",
                command,
                .. few,
                "--attacks",
                "none",
            ]);
        }
    }
}

using System.Text.Json;
using Lur.Runs;
using Lur.Tests.Cli;

namespace Lur.Tests.Latents;

/// <summary>Verification of a latent model: a detector looks at decoded pictures, losses and attacks are on latents.</summary>
public class LatentVerifyTests
{
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

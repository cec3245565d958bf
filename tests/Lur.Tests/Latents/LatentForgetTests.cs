using Lur.Checkpoints;
using Lur.Data;
using Lur.Models;
using Lur.Runs;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Tests.Cli;
using Lur.Tests.Device;

namespace Lur.Tests.Latents;

/// <summary>A concept is removed from a latent diffusion model, from the folder that diffusers publishes to the folder that is written
/// back.</summary>
public class LatentForgetTests
{
    private LatentScene _scene = null!;

    [SetUp]
    public void SetUp() => _scene = new LatentScene();

    [TearDown]
    public void TearDown() => _scene.Dispose();

    [TestCase("pictures")]
    [TestCase("")]
    public void FromAFolderToAFolder(string data)
    {
        string[] given = data.Length > 0 ? ["-d", _scene[data]] : ["--drawn-images", "4", "--drawn-steps", "2"];
        _scene.Temp.Write("keep.txt", "a cat\na dog and a ring\n");
        string[] method = ["--train", "xattn", "--steps", "2", "--batch", "3", "--lr", "1e-3", "--keep", _scene["keep.txt"]];
        Command.Done(["forget", _scene.Folder, "--concept", "star", "--anchor", "ring", .. given, .. method, "-o", _scene["out"]]);
        Command.Done("export", _scene["out/model.safetensors"], "-o", _scene["back"]);
        RequireFolder();
        Command.Done("import", _scene["back"], "-o", _scene["again.safetensors"]);
        string[] draw = ["--prompt", "a red star", "--count", "1", "--steps", "2"];
        Command.Done(["sample", _scene["again.safetensors"], .. draw, "-o", _scene["drawn"]]);
        Command.Done(["sample", _scene["out/model.safetensors"], .. draw, "-o", _scene["drawn before"]]);
        var name = Directory.EnumerateFiles(_scene["drawn"], "00000.png", SearchOption.AllDirectories).Single();
        var before = Directory.EnumerateFiles(_scene["drawn before"], "00000.png", SearchOption.AllDirectories).Single();
        Assert.That(File.ReadAllBytes(name), Is.EqualTo(File.ReadAllBytes(before)));
        var list = File.ReadAllText(_scene["out/forget.txt"]);
        Assert.That(list, Does.Contain(data.Length > 0 ? ".png" : "drawn#0"));
    }

    // What is not of the cross-attentions keeps its bytes, and what is does not; every other file does.
    private void RequireFolder()
    {
        const string weights = "unet/diffusion_pytorch_model";
        foreach (var path in Directory.EnumerateFiles(_scene.Folder, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(_scene.Folder, path).Replace('\\', '/');
            if (!name.StartsWith(weights, StringComparison.Ordinal))
                Assert.That(File.ReadAllBytes(_scene["back/" + name]), Is.EqualTo(File.ReadAllBytes(path)), name);
        }

        using var before = SafeTensorsFile.Open(_scene.Folder + $"/{weights}.safetensors");
        using var after = SafeTensorsFile.Open(_scene[$"back/{weights}.safetensors"]);
        Assert.That(
            after.Tensors.Select(t => (t.Name, t.Type, t.Begin)),
            Is.EqualTo(before.Tensors.Select(t => (t.Name, t.Type, t.Begin)))
        );
        var changed = before.Tensors.Where(t => !before.Bytes(t.Name).SequenceEqual(after.Bytes(t.Name))).Select(t => t.Name).ToArray();
        Assert.That(changed, Is.Not.Empty.And.All.Contain("attn2."));
        Assert.That(changed, Has.Length.EqualTo(before.Tensors.Count(t => t.Name.Contains("attn2.", StringComparison.Ordinal))));
    }

    [Test]
    public void AnInterruptedRunGoesOnToTheSameBytesAndASecondOneTakesTheCache()
    {
        var first = new Listener();
        new ForgetRun(_scene.Settings("whole", "pictures"), new RunHost { Progress = first }).Run();
        Assert.That(first.Said, Has.None.Contains("found in"));
        using var cancel = new CancellationTokenSource();
        var second = new Listener("repair", 1, cancel);
        var settings = _scene.Settings("pieces", "pictures");
        Assert.Throws<OperationCanceledException>(() => new ForgetRun(settings, new RunHost { Progress = second }).Run(cancel.Token));
        Assert.That(second.Said.Count(s => s.Contains("part found in", StringComparison.Ordinal)), Is.EqualTo(2));
        new ForgetRun(settings with { Resume = true }).Run();
        Assert.That(Model("pieces"), Is.EqualTo(Model("whole")));

        // One byte of the numbers, and one file cut short: neither is believed, and the result is the same.
        string[] entries = [.. Directory.EnumerateFiles(_scene.Cache).Order(StringComparer.Ordinal)];
        Assert.That(entries, Has.Length.EqualTo(3), "latents of two parts, rows of prompts");
        foreach (var entry in entries)
        {
            var bytes = File.ReadAllBytes(entry);
            bytes[^5] ^= 1;
            File.WriteAllBytes(entry, entry == entries[0] ? bytes : bytes[..^4]);
        }

        var third = new Listener();
        new ForgetRun(_scene.Settings("third", "pictures"), new RunHost { Progress = third }).Run();
        Assert.That(third.Said.Count(s => s.Contains("cannot be believed", StringComparison.Ordinal)), Is.GreaterThanOrEqualTo(1));
        Assert.That(third.Said, Has.None.Contains("part found in"));
        Assert.That(Model("third"), Is.EqualTo(Model("whole")));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void TheLatentsAreTheEncodersOutput(bool mean)
    {
        var settings = _scene.Settings("out", "pictures", "ft");
        new ForgetRun(settings with { Latents = settings.Latents with { Mean = mean } }).Run();
        using var source = LatentScene.Open(_scene["pictures"]);
        using var autoencoder = Autoencoder.Open(_scene["sd/vae"], TestDevices.Default);
        foreach (var (data, part) in new[] { (source.Train, "train"), (source.Test, "test") })
        {
            using var file = Entry($"part: {part}\n");
            Assert.That(file["numbers"].Shape, Is.EqualTo(new long[] { data.Count, 4, 4, 4 }));
            var cached = file.ReadArray<float>("numbers");
            for (var i = 0; i < data.Count; i++)
            {
                var expected = Encode(autoencoder, data, i, part, mean);
                // One rounding to float32 of numbers that were computed in batches of other sizes: a few of 6e-8 through the encoder.
                Errors.AssertClose([.. cached.AsSpan(i * 64, 64).ToArray().Select(x => (double)x)], expected, 1e-5, $"{part} {i}");
            }
        }
    }

    private static double[] Encode(Autoencoder autoencoder, IImageDataset data, int sample, string part, bool mean)
    {
        var bytes = new byte[3 * 64];
        data.CopyImage(sample, bytes);
        double[] image = [.. Enumerable.Range(0, 192).Select(i => (bytes[(i % 3 * 64) + (i / 3)] / 255.0 * 2) - 1)];
        var (means, logVariances) = autoencoder.Moments(image, 8, 8);
        var random = new RandomStream(1, "latents/" + part, data.Identify(sample).Number);
        var chw = new double[64];
        for (var i = 0; i < 64; i++)
        {
            var z = means[i] + (mean ? 0 : Math.Exp(logVariances[i] / 2) * random.Normal());
            chw[(i % 4 * 16) + (i / 4)] = z * autoencoder.Spec.ScalingFactor;
        }

        return chw;
    }

    [TestCase("lur", "forget-loss", "neg")]
    [TestCase("lur", "forget-loss", "esd")]
    [TestCase("esd")]
    [TestCase("salun")]
    [TestCase("scissorhands")]
    [TestCase("sa", "replay", "2", "replay-steps", "2", "fisher-draws", "1")]
    [TestCase("ca", "anchor", "ring")]
    [TestCase("ft")]
    public void EveryMethodWorksOnLatents(string method, params string[] options)
    {
        var more = options.Chunk(2).Select(o => (o[0], o[1])).Append(("steps", "2")).ToArray();
        var result = new ForgetRun(_scene.Settings("out", "pictures", method, more)).Run();
        var outcome = (DenoisingOutcome)result.Outcome;
        Assert.That(outcome.Unlearned.Forget.Losses.Concat(outcome.Unlearned.Test.Losses), Has.All.Matches<double>(double.IsFinite));
        using var before = SafeTensorsFile.Open(_scene.Settings("x", "pictures").Model);
        using var after = SafeTensorsFile.Open(_scene["out/model.safetensors"]);
        var changed = before.Tensors.Where(t => !before.Bytes(t.Name).SequenceEqual(after.Bytes(t.Name))).Select(t => t.Name);
        Assert.That(changed.Except([UNet.PromptRows]), Is.Not.Empty.And.All.Contain("attn2."));
    }

    [Test]
    public void AnotherAutoencoderGivesOtherLatents()
    {
        var weights = _scene["sd/vae/diffusion_pytorch_model.safetensors"];
        new ForgetRun(_scene.Settings("first", "pictures")).Run();
        using (var file = SafeTensorsFile.Open(weights))
        {
            var name = "encoder.conv_in.weight";
            file.Rewrite(_scene["other"], new Dictionary<string, ReadOnlyMemory<byte>> { [name] = new byte[file.Bytes(name).Length] });
        }

        File.Move(_scene["other"], weights, overwrite: true);
        var listener = new Listener();
        new ForgetRun(_scene.Settings("other", "pictures"), new RunHost { Progress = listener }).Run();
        Assert.That(listener.Said, Has.None.Contains("part found in"));
        Assert.That(Model("other"), Is.Not.EqualTo(Model("first")));
    }

    [Test]
    public void APurgeTakesTheLatentsAway()
    {
        new ForgetRun(_scene.Settings("run", "pictures")).Run();
        var plan = Purge.Plan(_scene["run"], _scene["references"]);
        string[] latents = [.. plan.Items.Where(i => i.What == "samples as latents").Select(i => i.Path)];
        Assert.That(latents, Has.Length.EqualTo(2).And.All.Matches<string>(File.Exists));
        Assert.That(plan.OutOfReach, Has.None.Contains("unfinished reference model"));
        Purge.Carry(plan);
        Assert.That(latents, Has.None.Matches<string>(File.Exists));
    }

    [Test]
    public void WhatCannotBeIsRefused()
    {
        void Refused(string said, ForgetSettings settings) =>
            Assert.That(() => new ForgetRun(settings).Run(), Throws.InstanceOf<UserErrorException>().With.Message.Contains(said));
        var drawn = _scene.Settings("out", "");
        Refused("Nothing is left to retain", drawn with { Latents = drawn.Latents with { Prompts = [] } });
        var pictures = _scene.Settings("out", "pictures");
        Refused("leave the size out", pictures with { DataOptions = new DataOptions { ImageSize = 16 } });
        Refused("lies in the data set", pictures with { Output = _scene["pictures/out"] });
        Directory.Move(_scene["sd"], _scene["elsewhere"]);
        Refused("is not there", pictures);
        Assert.That(Directory.Exists(_scene["out"]), Is.False);
        Command.Refused("is not told prompts", "forget", TrainedPixels(), "--concept", "star", "-o", _scene["out"]);
    }

    private string TrainedPixels()
    {
        Command.Done("train", "-d", "shapes:train=28,test=14", "-m", "unet:c4:m1,2:r1", "--epochs", "0", "-o", _scene["pixels"]);
        return _scene["pixels/model.safetensors"];
    }

    [Test]
    public void APlanNeedsNoWeights()
    {
        foreach (var weights in Directory.EnumerateFiles(_scene.Folder, "*.safetensors", SearchOption.AllDirectories))
            File.Delete(weights);
        string[] asked = ["forget", _scene.Folder, "--concept", "star", "--anchor", "ring", "--batch", "2", "--plan", "-o", _scene["out"]];
        var (part, all) = (Command.Done([.. asked, "--train", "xattn"]).Output, Command.Done(asked).Output);
        Assert.That(part, Does.Contain("total").And.Not.EqualTo(all));
        Assert.That(Directory.Exists(_scene["out"]), Is.False);
    }

    private byte[] Model(string folder) => File.ReadAllBytes(_scene[folder + "/model.safetensors"]);

    private SafeTensorsFile Entry(string line)
    {
        foreach (var path in Directory.EnumerateFiles(_scene.Cache))
        {
            var file = SafeTensorsFile.Open(path);
            var key = file.Metadata["lur.key"];
            if (key.StartsWith("format: lur latents", StringComparison.Ordinal) && key.Contains(line, StringComparison.Ordinal))
                return file;
            file.Dispose();
        }

        throw new InvalidOperationException("There is no such entry.");
    }
}

using Lur.Checkpoints;
using Lur.Device;
using Lur.Models;
using Lur.Runs;
using Lur.Tests.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Models;

/// <summary>UNets in files of the original code of latent diffusion: names, and the file written again.</summary>
public class CompVisFileTests
{
    private const string Prefix = "model.diffusion_model.";

    // One of each kind, with two blocks a level as Stable Diffusion has, by the lists of both codes.
    [TestCase("time_embed.2.bias", "time_embedding.linear_2.bias")]
    [TestCase("input_blocks.0.0.weight", "conv_in.weight")]
    [TestCase("input_blocks.1.0.in_layers.0.weight", "down_blocks.0.resnets.0.norm1.weight")]
    [TestCase("input_blocks.3.0.op.weight", "down_blocks.0.downsamplers.0.conv.weight")]
    [TestCase("input_blocks.4.0.skip_connection.bias", "down_blocks.1.resnets.0.conv_shortcut.bias")]
    [TestCase(
        "input_blocks.5.1.transformer_blocks.0.attn2.to_k.weight",
        "down_blocks.1.attentions.1.transformer_blocks.0.attn2.to_k.weight"
    )]
    [TestCase("input_blocks.11.0.emb_layers.1.weight", "down_blocks.3.resnets.1.time_emb_proj.weight")]
    [TestCase("middle_block.1.proj_in.weight", "mid_block.attentions.0.proj_in.weight")]
    [TestCase("middle_block.2.out_layers.3.weight", "mid_block.resnets.1.conv2.weight")]
    [TestCase("output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight")]
    [TestCase("output_blocks.4.1.norm.weight", "up_blocks.1.attentions.1.norm.weight")]
    [TestCase("output_blocks.5.2.conv.bias", "up_blocks.1.upsamplers.0.conv.bias")]
    [TestCase("output_blocks.7.1.proj_out.weight", "up_blocks.2.attentions.1.proj_out.weight")]
    [TestCase("output_blocks.11.0.out_layers.0.weight", "up_blocks.3.resnets.2.norm2.weight")]
    [TestCase("out.2.weight", "conv_out.weight")]
    public void Names(string theirs, string ours) => Assert.That(new CompVisNames(2).Ours(Prefix + theirs), Is.EqualTo(ours));

    [Test]
    public void OtherPartsAreNotTheUNets()
    {
        Assert.That(new CompVisNames(2).Ours("first_stage_model.encoder.conv_in.weight"), Is.Null);
        Assert.That(new CompVisNames(2).Ours("betas"), Is.Null);
    }

    [Test]
    public void EveryTensorOfStableDiffusionHasItsName()
    {
        var names = File.ReadAllLines(DiffusersFolderTests.Golden("sd-1-unet.txt"))[1..].Select(l => l.Split(' ')[0]).ToArray();
        Assert.That(names, Has.Length.EqualTo(686));
        Assert.That(names.Select(n => Theirs(n, 2)), Is.Unique);
        Assert.That(names.Select(n => new CompVisNames(2).Ours(Theirs(n, 2))), Is.EqualTo(names));
    }

    [TestCase(TensorType.F32)]
    [TestCase(TensorType.F16)]
    public void TheFileIsReadAsTheFolderAndWrittenToTheByte(TensorType type)
    {
        using var temp = new TempFolder();
        var path = Write(temp, type);
        using var model = ModelExchange.Import(path, TestDevices.Default);
        if (type == TensorType.F32)
        {
            using var folder = ModelExchange.Import(DiffusersFolderTests.Golden("tiny-text-to-image"), TestDevices.Default);
            Assert.That(model.Parameters.ToArray(), Is.EqualTo(folder.Parameters.ToArray()));
        }

        ModelFile.Save(model, temp["model.safetensors"]);
        using var read = ModelFile.Load(temp["model.safetensors"], TestDevices.Default, Precision.Float32);
        ModelExchange.Export(read, temp["out.safetensors"]);
        Assert.That(File.ReadAllBytes(temp["out.safetensors"]), Is.EqualTo(File.ReadAllBytes(path)));
        read.Parameters.Set([.. read.Parameters.ToArray().Select(v => v + 1)]);
        ModelExchange.Export(read, temp["moved.safetensors"]);
        using (
            SafeTensorsFile before = SafeTensorsFile.Open(path),
                after = SafeTensorsFile.Open(temp["moved.safetensors"])
        )
        {
            Assert.That(after.HeaderText, Is.EqualTo(before.HeaderText));
            foreach (var tensor in before.Tensors)
            {
                var same = after.Bytes(tensor.Name).SequenceEqual(before.Bytes(tensor.Name));
                Assert.That(same, Is.EqualTo(!tensor.Name.StartsWith(Prefix, StringComparison.Ordinal)), tensor.Name);
            }
        }

        File.Delete(path);
        Assert.That(() => ModelExchange.Export(read, temp["again.safetensors"]), Throws.InstanceOf<UserErrorException>());
    }

    [Test]
    public void AFileWithTwoSetsOfWeightsOrOfAnUnknownNetworkIsRefused()
    {
        using var temp = new TempFolder();
        var path = Write(temp, TensorType.F32);
        File.Delete(temp["config.json"]);
        var error = Assert.Throws<UserErrorException>(() => ModelExchange.Import(path, TestDevices.Default));
        Assert.That(error!.Message, Does.Contain("put its config.json"));
        path = Write(temp, TensorType.F32, "model_ema.diffusion_modelinput_blocks00weight");
        error = Assert.Throws<UserErrorException>(() => ModelExchange.Import(path, TestDevices.Default));
        Assert.That(error!.Message, Does.Contain("twice"));
    }

    private static string Write(TempFolder temp, TensorType type, string? further = null)
    {
        var unet = DiffusersFolderTests.Golden("tiny-text-to-image", "unet");
        File.Copy(Path.Combine(unet, "config.json"), temp["config.json"], overwrite: true);
        var writer = new SafeTensorsWriter();
        writer.Add<float>("first_stage_model.decoder.conv_in.bias", [2], [1, 2]);
        writer.Add<long>("cond_stage_model.transformer.text_model.embeddings.position_ids", [1, 2], [0, 1]);
        if (further is not null)
            writer.Add<float>(further, [1], [1]);
        using var file = SafeTensorsFile.Open(Path.Combine(unet, "diffusion_pytorch_model.safetensors"));
        foreach (var tensor in file.Tensors)
        {
            var values = new float[tensor.Count];
            file.Read(tensor.Name, values);
            writer.Add(Theirs(tensor.Name, 1), type, [.. tensor.Shape], FloatCodec.Encode<float>(type, values));
        }

        writer.Save(temp["all.safetensors"]);
        return temp["all.safetensors"];
    }

    // The other way, so that an error would have to be made twice.
    private static string Theirs(string name, int layers)
    {
        var p = name.Split('.');
        string Inner(int from)
        {
            var rest = string.Join('.', p[from..]);
            string[] ours = ["norm1.", "conv1.", "time_emb_proj.", "norm2.", "conv2.", "conv_shortcut."],
                theirs = ["in_layers.0.", "in_layers.2.", "emb_layers.1.", "out_layers.0.", "out_layers.3.", "skip_connection."];
            var at = Array.FindIndex(ours, o => rest.StartsWith(o, StringComparison.Ordinal));
            return at < 0 ? rest : theirs[at] + rest[ours[at].Length..];
        }

        int Level() => int.Parse(p[1], System.Globalization.CultureInfo.InvariantCulture);
        int J() => int.Parse(p[3], System.Globalization.CultureInfo.InvariantCulture);
        var body = p switch
        {
            ["conv_in", var w] => $"input_blocks.0.0.{w}",
            ["conv_norm_out", var w] => $"out.0.{w}",
            ["conv_out", var w] => $"out.2.{w}",
            ["time_embedding", "linear_1", var w] => $"time_embed.0.{w}",
            ["time_embedding", "linear_2", var w] => $"time_embed.2.{w}",
            ["mid_block", "resnets", var j, ..] => $"middle_block.{(j == "0" ? 0 : 2)}.{Inner(3)}",
            ["mid_block", "attentions", ..] => $"middle_block.1.{string.Join('.', p[3..])}",
            ["down_blocks", _, "downsamplers", _, _, var w] => $"input_blocks.{(Level() + 1) * (layers + 1)}.0.op.{w}",
            ["down_blocks", _, "resnets", ..] => $"input_blocks.{1 + (Level() * (layers + 1)) + J()}.0.{Inner(4)}",
            ["down_blocks", _, "attentions", ..] => $"input_blocks.{1 + (Level() * (layers + 1)) + J()}.1.{string.Join('.', p[4..])}",
            ["up_blocks", _, "resnets", ..] => $"output_blocks.{(Level() * (layers + 1)) + J()}.0.{Inner(4)}",
            ["up_blocks", _, "attentions", ..] => $"output_blocks.{(Level() * (layers + 1)) + J()}.1.{string.Join('.', p[4..])}",
            // Level 0 of the way up has no attention, in both networks.
            ["up_blocks", var i, "upsamplers", _, _, var w] =>
                $"output_blocks.{(Level() * (layers + 1)) + layers}.{(i == "0" ? 1 : 2)}.conv.{w}",
            _ => throw new ArgumentException(name),
        };
        return Prefix + body;
    }
}

using Lur.Checkpoints;
using Lur.Runs;
using Lur.Tests.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Models;

/// <summary>What is wrong with a folder, in one sentence that names the file.</summary>
public class DiffusersRefusalTests
{
    private const string Weights = "diffusion_pytorch_model.safetensors";

    [Test]
    public void AFolderWithoutAConfigurationOrWeights()
    {
        Refused("tiny-ddpm", t => File.Delete(t["in/config.json"]), "no config.json", "save_pretrained");
        Refused("tiny-ddpm", t => File.Delete(t[$"in/{Weights}"]), $"no {Weights}", "download");
        Refused("tiny-ddpm-sharded", t => File.Delete(t["in/unet/config.json"]), "no unet/config.json");
    }

    [Test]
    public void APickle() =>
        Refused(
            "tiny-ddpm",
            t => File.Move(t[$"in/{Weights}"], t["in/diffusion_pytorch_model.bin"]),
            "diffusion_pytorch_model.bin' is a pickle",
            "safe_serialization=True"
        );

    [Test]
    public void AMissingOrForeignShard()
    {
        const string second = "in/unet/diffusion_pytorch_model-00002-of-00002.safetensors",
            index = $"in/unet/{Weights}.index.json";
        Refused("tiny-ddpm-sharded", t => File.Delete(t[second]), "00002-of-00002.safetensors' is missing", "download");
        Refused(
            "tiny-ddpm-sharded",
            t => Edit(t[index], "diffusion_pytorch_model-00002", "../diffusion_pytorch_model-00002"),
            "does not lie"
        );
        Refused("tiny-ddpm-sharded", t => File.WriteAllText(t[index], "{}"), "no 'weight_map'");
        Refused("tiny-ddpm-sharded", t => File.WriteAllText(t[index], "[1"), "no JSON object");
    }

    [Test]
    public void TensorsThatDoNotFitAreListed()
    {
        Refused("tiny-ddpm", t => Edit(t["in/config.json"], "\"layers_per_block\": 1", "\"layers_per_block\": 2"), "missing", "resnets.1");
        Refused(
            "tiny-ddpm",
            t => Edit(t["in/config.json"], "\"in_channels\": 3", "\"in_channels\": 1"),
            "conv_in.weight: file F32 [8, 3, 3, 3]"
        );
        Refused("tiny-ddpm", t => Edit(t["in/config.json"], "\"norm_num_groups\": 4", "\"norm_num_groups\": 3"), "norm_num_groups");
    }

    /// <summary>It would be given a vector in place of a class; with and without a number of classes, which diffusers ignores.</summary>
    [TestCase("identity", "", "in place of the number of a class", "num_class_embeds")]
    [TestCase("identity", "\"num_class_embeds\": 5, ", "in place of the number of a class", "num_class_embeds")]
    [TestCase("projection", "", "'class_embed_type' is projection", "null or timestep")]
    public void AClassThatIsNoNumber(string kind, string more, string sentence, string remedy) =>
        Refused(
            "tiny-ddpm",
            t => Edit(t["in/config.json"], "\"layers_per_block\"", $"{more}\"class_embed_type\": \"{kind}\", \"layers_per_block\""),
            sentence,
            remedy
        );

    [Test]
    public void AnEightBitFloat() =>
        Refused(
            "tiny-ddpm",
            t =>
            {
                var writer = new SafeTensorsWriter();
                writer.Add("conv_in.weight", TensorType.F8E4M3, [8, 3, 3, 3], new byte[216]);
                writer.Save(t[$"in/{Weights}"]);
            },
            "'conv_in.weight' is F8_E4M3",
            "float32"
        );

    [Test]
    public void ASchedulerWithoutTimeSteps() =>
        Refused(
            "tiny-ddpm",
            t => Edit(t["in/scheduler_config.json"], "\"num_train_timesteps\": 1000", "\"num_train_timesteps\": 0"),
            "num_train_timesteps",
            "scheduler_config.json"
        );

    [Test]
    public void APipelineOfOtherModels()
    {
        Refused(
            "tiny-ddpm",
            t => Edit(t["in/model_index.json"], "UNet2DModel", "UNet2DConditionModel"),
            "DDPMPipeline of UNet2DConditionModel"
        );
        Refused(
            "tiny-ddpm",
            t => Edit(t["in/model_index.json"], "\"unet\": [", "\"vqvae\": [\"diffusers\", \"VQModel\"],\n  \"unet\": ["),
            "has a vqvae too"
        );
        Refused("tiny-ddpm", t => Edit(t["in/config.json"], "UNet2DModel", "UNet2DConditionModel"), "CrossAttnDownBlock2D");
    }

    [Test]
    public void AModelFileThatNamesAFileOutside()
    {
        using var temp = new TempFolder();
        using var model = ModelExchange.Import(DiffusersFolderTests.Golden("tiny-ddpm"), TestDevices.Default);
        model.TaskSettings["file:../outside.json"] = "{}";
        var error = Assert.Throws<UserErrorException>(() => ModelExchange.Export(model, temp["out"]));
        Assert.That(error!.Message, Does.Contain("outside"));
        Assert.That(Directory.EnumerateFileSystemEntries(temp.Path), Is.Empty);
    }

    private static void Refused(string name, Action<TempFolder> spoil, params string[] said)
    {
        using var temp = new TempFolder();
        DiffusersFolderTests.CopyAll(DiffusersFolderTests.Golden(name), temp["in"]);
        spoil(temp);
        var error = Assert.Throws<UserErrorException>(() => ModelExchange.Import(temp["in"], TestDevices.Default).Dispose());
        foreach (var part in said)
            Assert.That(error!.Message, Does.Contain(part));
    }

    private static void Edit(string path, string old, string now)
    {
        var text = File.ReadAllText(path);
        Assert.That(text, Does.Contain(old));
        File.WriteAllText(path, text.Replace(old, now, StringComparison.Ordinal));
    }
}

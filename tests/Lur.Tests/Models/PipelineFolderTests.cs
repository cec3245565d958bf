using Lur.Checkpoints;
using Lur.Device;
using Lur.Models;
using Lur.Runs;
using Lur.Tests.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Models;

/// <summary>Folders of text-to-image models: what is in them, and written again with nothing changed but the UNet.</summary>
public class PipelineFolderTests
{
    private static readonly string[] s_parts = ["scheduler", "text_encoder", "tokenizer", "unet", "vae"];

    private static string Golden => DiffusersFolderTests.Golden("tiny-text-to-image");

    [Test]
    public void ThePartsOfAPipeline()
    {
        Assert.That(PipelineFolder.Claims(Golden));
        Assert.That(PipelineFolder.Claims(DiffusersFolderTests.Golden("tiny-ddpm")), Is.False);
        Assert.That(PipelineFolder.Claims(DiffusersFolderTests.Golden("no such folder")), Is.False);
        var pipeline = PipelineFolder.Open(Golden);
        Assert.That(pipeline.Class, Is.EqualTo("StableDiffusionPipeline"));
        Assert.That(pipeline.Parts.Select(p => p.Name).Order(), Is.EqualTo(s_parts));
        Assert.That(pipeline.Has(PipelineFolder.Autoencoder) && !pipeline.Has("safety_checker"));
        var lines = pipeline.Describe();
        Assert.That(lines, Does.Contain("unet: UNet2DConditionModel (unet/diffusion_pytorch_model.safetensors)"));
        Assert.That(lines, Does.Contain("text_encoder: CLIPTextModel (text_encoder/model.safetensors)"));
    }

    [Test]
    public void APipelineWithoutAutoencoderDrawsPixels()
    {
        using var temp = new TempFolder();
        var index = PipelineFolder.IndexText("DDPMScheduler", autoencoder: false);
        PipelineWriter.Create(
            temp["out"],
            new Dictionary<string, Action<string>>
            {
                ["model_index.json"] = path => AtomicFile.WriteText(path, index),
                ["unet/config.json"] = path => AtomicFile.WriteText(path, "{}"),
                ["unet/diffusion_pytorch_model.fp16.safetensors"] = path => AtomicFile.WriteText(path, ""),
                ["text_encoder/config.json"] = path => AtomicFile.WriteText(path, "{}"),
                ["text_encoder/model.safetensors"] = path => AtomicFile.WriteText(path, ""),
                ["tokenizer/vocab.json"] = path => AtomicFile.WriteText(path, "{}"),
                ["scheduler/scheduler_config.json"] = path => AtomicFile.WriteText(path, "{}"),
            }
        );
        var pipeline = PipelineFolder.Open(temp["out"]);
        Assert.That(pipeline.Has(PipelineFolder.Autoencoder), Is.False);
        Assert.That(pipeline.Describe(), Does.Contain("vae: none, so the model draws pixels"));
        // Full precision is not there: half.
        Assert.That(pipeline.Describe(), Does.Contain("unet: UNet2DConditionModel (unet/diffusion_pytorch_model.fp16.safetensors)"));
        Assert.That(() => PipelineWriter.Create(temp["out"], new Dictionary<string, Action<string>>()), Refuses("is there already"));
    }

    [TestCase("\"unet\": [", "\"text_encoder_2\": [\"transformers\", \"CLIPTextModel\"],\n  \"unet\": [", "with a text_encoder_2")]
    [TestCase("\"AutoencoderKL\"", "\"VQModel\"", "the vae is a VQModel")]
    [TestCase("\"CLIPTextModel\"", "\"T5EncoderModel\"", "the text_encoder is a T5EncoderModel")]
    [TestCase("\"tokenizer\": [", "\"_tokenizer\": [", "_tokenizer")]
    [TestCase("\"vae\": [", "\"safety_checker\": [", "")]
    public void APipelineOfOtherPartsIsRefused(string old, string now, string said)
    {
        using var temp = new TempFolder();
        CopyGolden(temp, "in");
        var text = File.ReadAllText(temp["in/model_index.json"]);
        Assert.That(text, Does.Contain(old));
        File.WriteAllText(temp["in/model_index.json"], text.Replace(old, now, StringComparison.Ordinal));
        if (said.Length > 0)
            Assert.That(() => PipelineFolder.Open(temp["in"]), Refuses(said));
        else
            Assert.That(PipelineFolder.Open(temp["in"]).Has("vae"), Is.False);
    }

    [TestCase("vae")]
    [TestCase("scheduler")]
    public void APartThatIsListedAndNotThereIsRefused(string part)
    {
        using var temp = new TempFolder();
        CopyGolden(temp, "in");
        Directory.Delete(temp[$"in/{part}"], recursive: true);
        Assert.That(() => PipelineFolder.Open(temp["in"]), Refuses($"lists a {part}"));
    }

    [Test]
    public void PicklesAloneAreRefusedWithAdvice()
    {
        using var temp = new TempFolder();
        CopyGolden(temp, "in");
        File.Delete(temp["in/text_encoder/model.fp16.safetensors"]);
        File.Move(temp["in/text_encoder/model.safetensors"], temp["in/text_encoder/pytorch_model.bin"]);
        Assert.That(() => PipelineFolder.Open(temp["in"]).Describe(), Refuses("safe_serialization=True"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void WithoutAStepEveryByteOfEveryFileIsKept(bool sharded)
    {
        using var temp = new TempFolder();
        using var model = Prepare(temp, sharded);
        // Files that nobody reads, and what version control keeps, which is none of the model's.
        temp.Write("in/README.md", "words");
        temp.Write("in/v1-5-pruned.ckpt", "pickle");
        temp.Write("in/safety_checker/model.safetensors", "not looked at");
        temp.Write("in/.git/objects/0", "old");
        Assert.That(PipelineWriter.Save(PipelineFolder.Open(temp["in"]), model, temp["out"]), Is.Empty);
        Directory.Delete(temp["in/.git"], recursive: true);
        var names = Files(temp["in"]);
        Assert.That(Files(temp["out"]), Is.EqualTo(names));
        foreach (var name in names)
            Assert.That(File.ReadAllBytes(temp[$"out/{name}"]), Is.EqualTo(File.ReadAllBytes(temp[$"in/{name}"])), name);
        Assert.That(Directory.EnumerateFileSystemEntries(temp.Path, ".*"), Is.Empty, "nothing half-written");
    }

    [Test]
    public void AnImportedUNetRemembersItsPipeline()
    {
        using var temp = new TempFolder();
        CopyGolden(temp, "in");
        using (var model = ModelExchange.Import(temp["in"], TestDevices.Default))
            ModelFile.Save(model, temp["model.safetensors"]);
        using var read = ModelFile.Load(temp["model.safetensors"], TestDevices.Default, Precision.Float32);
        Assert.That(DiffusersFolder.PipelineOf(read)!.FolderOf(PipelineFolder.TextEncoder), Is.EqualTo(temp["in/text_encoder"]));
        Assert.That(DiffusersFolder.Save(read, temp["out"]), Is.Empty);
        var names = Files(temp["in"]);
        Assert.That(Files(temp["out"]), Is.EqualTo(names));
        foreach (var name in names)
            Assert.That(File.ReadAllBytes(temp[$"out/{name}"]), Is.EqualTo(File.ReadAllBytes(temp[$"in/{name}"])), name);
        File.AppendAllText(temp["in/model_index.json"], " ");
        Assert.That(() => DiffusersFolder.Save(read, temp["again"]), Refuses("has changed since"));
        Directory.Delete(temp["in"], recursive: true);
        Assert.That(() => DiffusersFolder.Save(read, temp["again"]), Refuses("is not there"));
        Assert.That(Directory.Exists(temp["again"]), Is.False);
    }

    [Test]
    public void AfterAStepNoFileHoldsTheOldWeights()
    {
        using var temp = new TempFolder();
        using var model = Prepare(temp, sharded: false);
        temp.Write("in/v1-5-pruned.ckpt", "pickle");
        temp.Write("in/unet/diffusion_pytorch_model.bin", "pickle");
        File.Copy(temp["in/unet/diffusion_pytorch_model.safetensors"], temp["in/unet/diffusion_pytorch_model.non_ema.safetensors"]);
        var values = model.Parameters.ToArray();
        model.Parameters.Set([.. values.Select(v => v + 0.25)]);
        string[] old = ["unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.non_ema.safetensors", "v1-5-pruned.ckpt"];
        Assert.That(PipelineWriter.Save(PipelineFolder.Open(temp["in"]), model, temp["out"]), Is.EqualTo(old));
        Assert.That(Files(temp["out"]), Is.EqualTo(Files(temp["in"]).Except(old)));
        foreach (var name in Files(temp["out"]))
        {
            var same = File.ReadAllBytes(temp[$"out/{name}"]).SequenceEqual(File.ReadAllBytes(temp[$"in/{name}"]));
            Assert.That(same, Is.EqualTo(!name.StartsWith("unet/diffusion", StringComparison.Ordinal)), name);
        }

        using var half = SafeTensorsFile.Open(temp["out/unet/diffusion_pytorch_model.fp16.safetensors"]);
        using var full = SafeTensorsFile.Open(temp["out/unet/diffusion_pytorch_model.safetensors"]);
        using var before = SafeTensorsFile.Open(temp["in/unet/diffusion_pytorch_model.fp16.safetensors"]);
        Assert.That(half.HeaderText, Is.EqualTo(before.HeaderText));
        foreach (var tensor in half.Tensors)
        {
            // Of old names in one file, and of new ones in the other.
            var (wide, narrow) = (new float[tensor.Count], new float[tensor.Count]);
            full.Read(UNetNames.Of(tensor.Name)[^1], wide);
            half.Read(tensor.Name, narrow);
            Assert.That(narrow, Is.EqualTo(wide.Select(v => (float)(Half)v)));
        }
    }

    [Test]
    public void NothingIsWrittenWhereItDoesNotBelong()
    {
        using var temp = new TempFolder();
        using var model = Prepare(temp, sharded: false);
        var pipeline = PipelineFolder.Open(temp["in"]);
        temp.Write("there/file", "");
        Assert.That(() => PipelineWriter.Save(pipeline, model, temp["there"]), Refuses("is there already"));
        Assert.That(() => PipelineWriter.Save(pipeline, model, temp["in/copy"]), Refuses("lies in the folder"));
        model.TaskSettings.Clear();
        Assert.That(() => PipelineWriter.Save(pipeline, model, temp["out"]), Refuses("was not read from"));
        File.WriteAllText(temp["file"], "");
        Assert.That(() => PipelineWriter.Save(pipeline, model, temp["file/out"]), Throws.InstanceOf<UserErrorException>());
        Assert.That(
            Directory.EnumerateFileSystemEntries(temp.Path).Select(Path.GetFileName).Order(),
            Is.EqualTo(new[] { "file", "in", "there" })
        );
    }

    // The UNet is one without text here: what its files are called and hold does not depend on that.
    private static Model Prepare(TempFolder temp, bool sharded)
    {
        var source = sharded ? DiffusersFolderTests.Golden("tiny-ddpm-sharded", "unet") : DiffusersFolderTests.Golden("tiny-ddpm");
        Directory.CreateDirectory(temp["only/unet"]);
        foreach (var file in Directory.EnumerateFiles(source, "*diffusion_pytorch*").Append(Path.Combine(source, "config.json")))
            File.Copy(file, temp[$"only/unet/{Path.GetFileName(file)}"]);
        CopyGolden(temp, "in");
        Directory.Delete(temp["in/unet"], recursive: true);
        DiffusersFolderTests.CopyAll(temp["only/unet"], temp["in/unet"]);
        var model = DiffusersFolder.Load(temp["only"], TestDevices.Default, Precision.Float32);
        Directory.Delete(temp["only"], recursive: true);
        var writer = new SafeTensorsWriter();
        foreach (var tensor in ModelTensors.Of(model, given: false))
        {
            using var stream = new MemoryStream();
            tensor.Write(TensorType.F16, stream);
            writer.Add(tensor.Name, TensorType.F16, tensor.Shape, stream.ToArray());
        }

        writer.Save(temp["in/unet/diffusion_pytorch_model.fp16.safetensors"]);
        return model;
    }

    private static void CopyGolden(TempFolder temp, string name) => DiffusersFolderTests.CopyAll(Golden, temp[name]);

    private static string[] Files(string folder) =>
        [
            .. Directory
                .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Select(f => Path.GetRelativePath(folder, f))
                .Order(StringComparer.Ordinal),
        ];

    private static NUnit.Framework.Constraints.ContainsConstraint Refuses(string said) =>
        Throws.InstanceOf<UserErrorException>().With.Message.Contains(said);
}

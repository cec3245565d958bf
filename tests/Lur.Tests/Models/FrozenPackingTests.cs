using Lur.Device;
using Lur.Models;
using Lur.Runs;
using Lur.Tensors;
using Lur.Tests.Cli;
using Lur.Tests.Device;
using Lur.Tests.Latents;
using Lur.Unlearning;
using Shape = Lur.Programs.Shape;

namespace Lur.Tests.Models;

/// <summary>Weights that are not trained lie in two bytes where nothing is lost by it, and a step computes the same bits.</summary>
public class FrozenPackingTests
{
    [TestCase(Packing.Float16)]
    [TestCase(Packing.BFloat16)]
    public void EveryNumberOfTwoBytesIsWidened(Packing packing)
    {
        // All patterns but infinity and NaN: exponents of ones.
        var (mask, ones) = packing == Packing.Float16 ? (0x7c00, 0x7c00) : (0x7f80, 0x7f80);
        short[] patterns = [.. Enumerable.Range(0, 65536).Where(i => (i & mask) != ones).Select(i => (short)i)];
        float[] expected =
        [
            .. patterns.Select(p =>
                packing == Packing.Float16 ? (float)BitConverter.Int16BitsToHalf(p) : BitConverter.UInt32BitsToSingle((uint)(ushort)p << 16)
            ),
        ];
        var layout = new ParameterLayout();
        var slot = layout.Add("w", ParameterKind.Matrix, new Shape(patterns.Length, 1), Initializer.StandardNormal);
        using var vector = new FlatVector(TestDevices.Default, Precision.Float32, layout, "packed", packing);
        Assert.That(vector.Bytes, Is.EqualTo(2L * patterns.Length));
        vector.Set(expected);
        AssertBits(vector.ToFloatArray(), expected);
        using var program = new Program(TestDevices.Default, Precision.Float32);
        var wide = Program.Keep(program.Real("wide", ValueRole.Workspace, new Shape(patterns.Length)));
        var narrow = vector.Narrow(slot.Offset, slot.Count);
        if (packing == Packing.Float16)
            program.Launch.Widen.WidenFloat16(program.Device.Elements(slot.Count), wide, narrow, slot.Count);
        else
            program.Launch.Widen.WidenBfloat16(program.Device.Elements(slot.Count), wide, narrow, slot.Count);
        program.Run();
        AssertBits([.. Lur.Tasks.HostCopy.Of(program, wide).Select(v => (float)v)], expected);
        Assert.That(() => vector.Set(slot, [.. expected.Select(v => v + 1.0009765625f)]), Throws.ArgumentException);
        Assert.That(() => vector.At(slot), Throws.InvalidOperationException);
    }

    [TestCase("lur", "float16")]
    [TestCase("esd", "bfloat16")]
    [TestCase("salun", "float16")]
    public void AStepOnPackedWeightsGivesTheSameBits(string method, string type)
    {
        using var scene = new LatentScene();
        var path = Rounded(scene, type);
        static bool Trained(string name) => UNetPart.Holds(["xattn"], name);
        byte[] Run(bool pack, out Packing packing, out long bytes)
        {
            using var data = LatentScene.Open(scene["pictures"]);
            using var loaded = ModelFile.Load(path, TestDevices.Default, Precision.Float32, null, null, Trained, pack);
            (packing, bytes) = (loaded.Frozen.Packing, loaded.Frozen.Bytes);
            return Unlearn(scene, loaded, method, pack);
        }

        var narrow = Run(true, out var packed, out var half);
        var wide = Run(false, out var plain, out var full);
        Assert.That((packed, plain, full), Is.EqualTo((type == "float16" ? Packing.Float16 : Packing.BFloat16, Packing.None, 2 * half)));
        Assert.That(narrow, Is.EqualTo(wide));
    }

    [Test]
    public void OneNumberThatWouldBeRoundedKeepsAllInFourBytes()
    {
        using var scene = new LatentScene();
        using (var model = ModelFile.Load(Rounded(scene, "float16"), TestDevices.Default, Precision.Float32))
        {
            var slot = model.Parameters.Layout["conv_out.weight"];
            model.Parameters.Write<float>(slot.Offset + 3, [1.0001f]);
            ModelFile.Save(model, scene["odd.safetensors"]);
        }

        using var loaded = ModelFile.Load(
            scene["odd.safetensors"],
            TestDevices.Default,
            Precision.Float32,
            trained: name => UNetPart.Holds(["xattn"], name)
        );
        Assert.That(loaded.Frozen.Packing, Is.EqualTo(Packing.None));
        using var all = ModelFile.Load(Rounded(scene, "float16"), TestDevices.Default, Precision.Float32);
        Assert.That(all.Frozen.Packing, Is.EqualTo(Packing.None), "nothing is frozen");
    }

    [Test]
    public void ThePlanSaysIt()
    {
        using var scene = new LatentScene();
        File.Delete(scene["sd/unet/diffusion_pytorch_model.safetensors"]);
        string[] plan = ["forget", scene.Folder, "--concept", "star", "--anchor", "ring", "--batch", "2", "--plan", "-o", scene["out"]];
        Assert.That(Command.Done([.. plan, "--train", "xattn"]).Output, Does.Contain("not trained, in float16"));
        Assert.That(Command.Done(plan).Output, Does.Not.Contain("float16"));
    }

    // What a run of 'lur forget' does to the model, as the bytes of its file.
    private static byte[] Unlearn(LatentScene scene, Model model, string method, bool pack)
    {
        var name = pack ? "narrow.safetensors" : "wide.safetensors";
        using var images = DataSourceOf(scene);
        using var told = PromptBook.With(model, scene["original.safetensors"], images.Train.ClassNames, _ => { });
        told.Augmentation = Augmentation.None;
        var split = Lur.Data.DataSplit.Create(images.Train, 0, 1);
        var set = Lur.Data.ForgetSet.Resolve(["caption:star"], images, split.Train, 1);
        var bound = scene.Settings("x", "pictures", method).Method;
        told.Latents = new LatentSpace(told.Spec.Input);
        using (var run = bound.Create(new UnlearningTask(told, images.Train, set, 1, default)))
        {
            foreach (var preparation in run.Preparations)
                _ = preparation.Run();
            while (run.Step < run.Steps)
            {
                run.Enqueue();
                Assert.That(run.Read().Telemetry.Skipped, Is.False);
            }

            run.Finish();
        }

        ModelFile.Save(told, scene[name]);
        return File.ReadAllBytes(scene[name]);
    }

    private static Lur.Data.DataSource DataSourceOf(LatentScene scene)
    {
        // Numbers in place of latents: what they are of does not matter here.
        using var pictures = LatentScene.Open(scene["pictures"]);
        Lur.Data.HeldSamples Part(Lur.Data.IImageDataset data, string name)
        {
            var random = new RandomStream(1, name);
            byte[][] contents =
            [
                .. Enumerable
                    .Range(0, data.Count)
                    .Select(_ => Enumerable.Range(0, 64).SelectMany(_ => BitConverter.GetBytes(random.Normal())).ToArray()),
            ];
            int[] labels = [.. Enumerable.Range(0, data.Count).Select(data.Label)];
            return new(name, data.ClassNames, (4, 4, 4), true, name, [new Lur.Data.HeldPart(null, labels, contents)]);
        }

        return new Lur.Data.DataSource("drawn", Part(pictures.Train, "train"), Part(pictures.Test, "test"), "test");
    }

    // The UNet of the fixtures, its weights rounded to two bytes and saved in four.
    private static string Rounded(LatentScene scene, string type)
    {
        using var model = ModelExchange.Import(scene.Folder, TestDevices.Default);
        var values = model.Parameters.ToFloatArray();
        for (var i = 0; i < values.Length; i++)
            values[i] =
                type == "float16"
                    ? (float)(Half)values[i]
                    : BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(values[i]) & ~0xffff);
        model.Parameters.Set(values);
        // Smaller than any number of binary16.
        if (type == "bfloat16")
            model.Parameters.Write<float>(model.Parameters.Layout["conv_out.bias"].Offset, [1f / (1L << 40)]);
        ModelFile.Save(model, scene["original.safetensors"]);
        return scene["original.safetensors"];
    }

    private static void AssertBits(float[] actual, float[] expected) =>
        Assert.That(actual.Select(BitConverter.SingleToInt32Bits), Is.EqualTo(expected.Select(BitConverter.SingleToInt32Bits)));
}

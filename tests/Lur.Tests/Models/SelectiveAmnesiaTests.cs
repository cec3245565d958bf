using Lur.Checkpoints;
using Lur.Device;
using Lur.Models;
using Lur.Tensors;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Tests.Diffusion;

namespace Lur.Tests.Models;

/// <summary>The UNet of the public code of Selective Amnesia: its size, its names, and what it makes of the class.</summary>
public class SelectiveAmnesiaTests
{
    private const string Small = "unet:w32,64:down01:up10:r1:h0:g32:e1E-06:endpad:fshift1:sinfirst:drop0.1:kbeside3";

    [Test]
    public void TheCifarNetworkHasItsParameters()
    {
        const string text = "unet:w128,256,256,256:down0100:up0010:r2:h0:g32:e1E-06:endpad:fshift1:sinfirst:drop0.1:kbeside10";
        var network = ModelFamilies.Parse(text, new ImageSize(32, 32, 3), 10).Build();
        Assert.That(network.Parameters.Count, Is.EqualTo(38_632_323));
        int Of(string part) => network.Parameters.Slots.Where(s => s.Name.StartsWith(part, StringComparison.Ordinal)).Sum(s => s.Count);
        Assert.That(Of("conv_in."), Is.EqualTo(3584));
        Assert.That(Of("down_blocks.0."), Is.EqualTo((2 * 426_880) + 147_584));
        Assert.That(Of("down_blocks.1."), Is.EqualTo(1_181_440 + 1_443_584 + (2 * 263_680) + 590_080));
        Assert.That(Of("mid_block."), Is.EqualTo((2 * 1_443_584) + 263_680));
        Assert.That(Of("up_blocks.3."), Is.EqualTo(771_584 + (2 * 607_488)), "theirs is up.0");
    }

    [Test]
    public void ItsStateDictIsReadAndWrittenToTheByte()
    {
        using var temp = new TempFolder();
        using (var model = Create(Small))
            ModelFile.Export(model, temp["sa.safetensors"]);
        using (var file = SafeTensorsFile.Open(temp["sa.safetensors"]))
        {
            Assert.That(
                file.Tensors.Select(t => $"{t.Name} {string.Join('x', t.Shape)}").Order(StringComparer.Ordinal),
                Is.EqualTo(Names())
            );
        }

        using (var read = ModelFile.Load(temp["sa.safetensors"], TestDevices.Default, Precision.Float32))
        {
            Assert.That((read.Architecture, read.Spec.Input), Is.EqualTo((Small, new ImageSize(32, 32, 3))));
            ModelFile.Save(read, temp["lur.safetensors"]);
        }

        using var again = ModelFile.Load(temp["lur.safetensors"], TestDevices.Default, Precision.Float32);
        ModelFile.Export(again, temp["out.safetensors"]);
        Assert.That(File.ReadAllBytes(temp["out.safetensors"]), Is.EqualTo(File.ReadAllBytes(temp["sa.safetensors"])));
    }

    // With the half of each projection that belongs to the class set to 0, it is the network without classes: the embedding of the
    // time comes first, and nothing else of the class gets through.
    [Test]
    public void TheTimeComesBeforeTheClass()
    {
        const string plain = "unet:w32,64:down01:up10:r1:h0:g32:e1E-06:endpad:fshift1:sinfirst:k0";
        using var model = Create(Small, Precision.Float64, 16);
        using var without = Create(plain, Precision.Float64, 16);
        foreach (var slot in without.Parameters.Layout.Slots)
        {
            var own = model.Parameters.Layout[slot.Name];
            var (wide, narrow) = (new double[own.Count], new double[slot.Count]);
            model.Parameters.Read<double>(own.Offset, wide);
            if (own.Count == slot.Count)
                wide.CopyTo(narrow, 0);
            else
                for (var row = 0; row < own.Shape[0]; row++)
                {
                    wide.AsSpan(row * 256, 128).CopyTo(narrow.AsSpan(row * 128));
                    wide.AsSpan((row * 256) + 128, 128).Clear();
                }

            model.Parameters.Write<double>(own.Offset, wide);
            without.Parameters.Write<double>(slot.Offset, narrow);
        }

        using AskedNetwork conditional = new(model),
            unconditional = new(without);
        var x = TestRandom.ForCurrentTest().NormalArray(16 * 16 * 3);
        // Sums of twice the length, half of them zeros.
        Errors.AssertClose(conditional.Ask(x, 500, 2), unconditional.Ask(x, 500), 1e-12, "output");
    }

    [Test]
    public void TheRowForNoClassIsATensorOfItsOwn()
    {
        using var model = Create(Small, Precision.Float64, 16);
        using var network = new AskedNetwork(model);
        var x = TestRandom.ForCurrentTest().NormalArray(16 * 16 * 3);
        var before = network.Ask(x, 10, 3);
        var (table, none) = (model.Parameters.Layout["class_table.weight"], model.Parameters.Layout["null_class"]);
        var row = new double[32];
        model.Parameters.Read<double>(none.Offset, row);
        model.Parameters.Write<double>(table.Offset + 32, row);
        Assert.That(network.Ask(x, 10, 1), Is.EqualTo(before), "class 1 is now as none");
        Assert.That(network.Ask(x, 10, 0), Is.Not.EqualTo(before));
    }

    private static Model Create(string text, Precision precision = Precision.Float32, int size = 32)
    {
        var spec = (UNetSpec)ModelFamilies.Parse(text, new ImageSize(size, size, 3), 3);
        string[] classes = [.. Enumerable.Range(0, spec.Classes).Select(c => $"{c}")];
        var model = new Model(TestDevices.Default, precision, spec, classes, spec.OwnNormalization);
        model.Initialize(TestRandom.ForCurrentTest().Next(), WeightInitialization.TorchDefault);
        return model;
    }

    // What the code's modules of a network of two levels, 32 and 64 wide, are called; written from its names alone.
    private static OrderedSequence<string> Names()
    {
        List<string> names = ["classes_emb.weight 3x32", "null_classes_emb 32"];
        void Module(string name, int outputs, params int[] rest)
        {
            names.Add($"{name}.weight {string.Join('x', [outputs, .. rest])}");
            names.Add($"{name}.bias {outputs}");
        }

        void Block(string name, int inputs, int outputs)
        {
            Module($"{name}.norm1", inputs);
            Module($"{name}.conv1", outputs, inputs, 3, 3);
            Module($"{name}.temb_cemb_proj", outputs, 256);
            Module($"{name}.norm2", outputs);
            Module($"{name}.conv2", outputs, outputs, 3, 3);
            if (inputs != outputs)
                Module($"{name}.nin_shortcut", outputs, inputs, 1, 1);
        }

        void Attention(string name)
        {
            Module($"{name}.norm", 64);
            foreach (var part in new[] { "q", "k", "v", "proj_out" })
                Module($"{name}.{part}", 64, 64, 1, 1);
        }

        foreach (var part in new[] { "temb", "cemb" })
        {
            Module($"{part}.dense.0", 128, 32);
            Module($"{part}.dense.1", 128, 128);
        }

        Module("conv_in", 32, 3, 3, 3);
        Block("down.0.block.0", 32, 32);
        Module("down.0.downsample.conv", 32, 32, 3, 3);
        Block("down.1.block.0", 32, 64);
        Attention("down.1.attn.0");
        Block("mid.block_1", 64, 64);
        Attention("mid.attn_1");
        Block("mid.block_2", 64, 64);
        Block("up.1.block.0", 128, 64);
        Block("up.1.block.1", 96, 64);
        Attention("up.1.attn.0");
        Attention("up.1.attn.1");
        Module("up.1.upsample.conv", 64, 64, 3, 3);
        Block("up.0.block.0", 96, 32);
        Block("up.0.block.1", 64, 32);
        Module("norm_out", 32);
        Module("conv_out", 3, 32, 3, 3);
        return names.Order(StringComparer.Ordinal);
    }
}

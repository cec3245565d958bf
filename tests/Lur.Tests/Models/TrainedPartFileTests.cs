using Lur.Device;
using Lur.Models;
using Lur.Tensors;
using Lur.Tests.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Models;

/// <summary>A model that trains a part of its weights is the same file, the same copy and the same tensors as one that trains
/// all.</summary>
public class TrainedPartFileTests
{
    private const string Text = "unet:c4:m1,2:r1:g2:attn4:k3";

    // Of a pair of tensors of a layer one, and of some layers both or none.
    private static readonly Func<string, bool>[] s_rules =
    [
        name => UNetPart.Holds(["attention"], name),
        name => name.EndsWith("bias", StringComparison.Ordinal),
        name => name.StartsWith("class_", StringComparison.Ordinal),
        _ => false,
    ];

    private static Model Create(Func<string, bool>? trained, string text = Text)
    {
        var spec = ModelFamilies.Parse(text, new ImageSize(8, 8, 1), 3);
        var model = new Model(TestDevices.Default, Precision.Float32, spec, ["a", "b", "c"], new InputNormalization([0.5], [0.5]), trained);
        model.Initialize(7, WeightInitialization.TorchDefault);
        return model;
    }

    [Test]
    public void TheFileIsThatOfTheWholeModel([Values(0, 1, 2, 3)] int rule, [Values(Text, "resnet[1,1]:w5:stem3")] string text)
    {
        using var folder = new TempFolder();
        using var all = Create(null, text);
        using var part = Create(s_rules[rule], text);
        ModelFile.Save(all, folder["all.safetensors"]);
        ModelFile.Save(part, folder["part.safetensors"]);
        var bytes = File.ReadAllBytes(folder["all.safetensors"]);
        Assert.That(File.ReadAllBytes(folder["part.safetensors"]), Is.EqualTo(bytes), "saved");
        using var loaded = ModelFile.Load(folder["all.safetensors"], TestDevices.Default, Precision.Float32, trained: s_rules[rule]);
        Assert.That(loaded.Parameters.ToArray(), Is.EqualTo(part.Parameters.ToArray()));
        Assert.That(loaded.Frozen.ToArray(), Is.EqualTo(part.Frozen.ToArray()));
        Assert.That(loaded.Parameters.Count + loaded.Frozen.Count, Is.EqualTo(all.Parameters.Count));
        using var copy = loaded.Clone();
        ModelFile.Save(copy, folder["copy.safetensors"]);
        Assert.That(File.ReadAllBytes(folder["copy.safetensors"]), Is.EqualTo(bytes), "loaded, copied and saved");
        ModelFile.Export(loaded, folder["exported.safetensors"]);
        ModelFile.Export(all, folder["expected.safetensors"]);
        Assert.That(
            File.ReadAllBytes(folder["exported.safetensors"]),
            Is.EqualTo(File.ReadAllBytes(folder["expected.safetensors"])),
            "exported"
        );
    }

    [Test]
    public void FurtherOutputsAndAnotherOrderAreThoseOfTheWholeModel([Values] bool head)
    {
        using var folder = new TempFolder();
        string Saved(Func<string, bool>? trained, string name)
        {
            using var model = Create(trained, "resnet[1,1]:w5:stem3");
            using var wide = model.WithOutputs(["d", "e"], 5);
            wide.ReorderOutputs([4, 0, 3, 2, 1]);
            ModelFile.Save(wide, folder[name]);
            model.TakeFrom(wide);
            ModelFile.Save(model, folder[name + ".back"]);
            return name;
        }

        var (all, part) = (Saved(null, "all"), Saved(name => name.StartsWith("fc.", StringComparison.Ordinal) == head, "part"));
        foreach (var suffix in new[] { "", ".back" })
            Assert.That(File.ReadAllBytes(folder[part + suffix]), Is.EqualTo(File.ReadAllBytes(folder[all + suffix])), suffix);
    }
}

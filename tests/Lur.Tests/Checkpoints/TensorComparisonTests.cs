using Lur.Checkpoints;
using Lur.Tests.Data;

namespace Lur.Tests.Checkpoints;

public class TensorComparisonTests
{
    private static SafeTensorsFile Write(TempFolder folder, string prefix = "")
    {
        var writer = new SafeTensorsWriter();
        writer.Add<float>(prefix + "conv1.weight", [2, 3, 1, 1], new float[6]);
        writer.Add<float>(prefix + "fc.bias", [2], new float[2]);
        writer.Add<long>(prefix + "bn1.num_batches_tracked", [], [5]);
        writer.Save(folder["f"]);
        return SafeTensorsFile.Open(folder["f"]);
    }

    private static readonly ExpectedTensor[] s_model =
    [
        new("conv1.weight", [2, 3, 1, 1]),
        new("fc.bias", [2]),
        new("bn1.num_batches_tracked", [], TensorType.I64, Optional: true),
    ];

    [Test]
    public void AFittingFilePasses()
    {
        using var folder = new TempFolder();
        using var file = Write(folder);
        Assert.That(() => TensorComparison.Require(file, s_model, "m"), Throws.Nothing);
        Assert.That(
            () => TensorComparison.Require(file, [.. s_model, new("bn2.num_batches_tracked", [], TensorType.I64, true)], "m"),
            Throws.Nothing
        );
    }

    [Test]
    public void EveryDifferenceIsNamed()
    {
        using var folder = new TempFolder();
        using var file = Write(folder);
        ExpectedTensor[] model = [new("conv1.weight", [3, 2, 1, 1]), new("fc.weight", [2, 4]), new("bn1.num_batches_tracked", [])];
        var difference = TensorComparison.Compare(model, file.Tensors);
        Assert.Multiple(() =>
        {
            Assert.That(difference.Missing, Is.EqualTo(new[] { "fc.weight [2, 4]" }));
            Assert.That(difference.Extra, Is.EqualTo(new[] { "fc.bias F32 [2]" }));
            Assert.That(
                difference.Misshapen,
                Is.EqualTo(
                    new[]
                    {
                        "conv1.weight: file F32 [2, 3, 1, 1], expected floating [3, 2, 1, 1]",
                        "bn1.num_batches_tracked: file I64 [], expected floating []",
                    }
                )
            );
            Assert.That(difference.Hint, Is.Null);
        });
        var error = Assert.Throws<UserErrorException>(() => TensorComparison.Require(file, model, "resnet18"));
        Assert.That(
            error!.Message,
            Does.Contain("does not fit the model resnet18: 1 missing, 1 extra, 2 misshapen.").And.Contain("  missing   fc.weight [2, 4]")
        );
    }

    [Test]
    public void APrefixIsNoticedAndLongListsAreCut()
    {
        using var folder = new TempFolder();
        using var file = Write(folder, "module.");
        ExpectedTensor[] many = [.. s_model, .. Enumerable.Range(0, 30).Select(i => new ExpectedTensor($"x{i}", [1]))];
        var error = Assert.Throws<UserErrorException>(() => TensorComparison.Require(file, many, "m"));
        Assert.That(error!.Message, Does.Contain("prefix 'module.'").And.Contain("32 missing, 3 extra").And.Contain("and 20 more"));
    }
}

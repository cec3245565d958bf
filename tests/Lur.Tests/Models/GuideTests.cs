using System.Text.RegularExpressions;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Models;
using Lur.Tests.Architecture;
using Lur.Tests.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Models;

/// <summary>The examples of docs/add-a-layer.md and docs/add-a-model-family.md are code that runs.</summary>
public partial class GuideTests
{
    /// <summary>A block of code behind a line that is a path and a colon stands in that file, word for word.</summary>
    [TestCase("docs/add-a-layer.md", 6)]
    [TestCase("docs/add-a-model-family.md", 3)]
    public void CodeInTheGuidesIsThatOfTheFiles(string page, int least)
    {
        var blocks = Block().Matches(Repository.Read(page));
        Repository.AssertNone(
            blocks.Where(b => !Repository.Read(b.Groups[1].Value).Contains(b.Groups[2].Value)).Select(b => $"{page}: {b.Groups[1].Value}"),
            "Code that is not in the file it is said to be of:"
        );
        Assert.That(blocks, Has.Count.AtLeast(least));
    }

    [Test]
    public void TheFamilyOfTheGuideReadsBuildsAndRecognises()
    {
        using var temp = new TempFolder();
        var (family, size) = (PlainFamily.Instance, new ImageSize(9, 8, 3));
        var spec = family.Parse("plain[4,6]", size, 5);
        Assert.That(family.Parse(spec.Text, size, 5).Text, Is.EqualTo("plain[4,6]"));
        using var model = new Model(
            TestDevices.Default,
            Precision.Float32,
            spec,
            ["a", "b", "c", "d", "e"],
            new InputNormalization([0, 0, 0], [1, 1, 1])
        );
        model.Initialize(1);
        Assert.That(model.Parameters.Count, Is.EqualTo((27 * 4) + 4 + (36 * 6) + 6 + (6 * 5) + 5));
        Assert.That(
            model.LateTensors.Select(s => s.Name),
            Is.EqualTo(new[] { "features.1.weight", "features.1.bias", "classifier.weight", "classifier.bias" })
        );
        ModelFile.Export(model, temp["plain.safetensors"]);
        using var file = SafeTensorsFile.Open(temp["plain.safetensors"]);
        Assert.That(family.Recognizes(file) && !ResNetFamily.Instance.Recognizes(file));
        var read = family.Read(file, null, size);
        Assert.That((read.Text, read.Outputs, read.Input), Is.EqualTo(("plain[4,6]", 5, size)));
        Assert.That(() => family.Parse("plain[0]", size, 5), Throws.InstanceOf<UserErrorException>());
    }

    [GeneratedRegex(@"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}

using Lur.Cli.Commands;
using Lur.Device;
using Lur.Models;
using Lur.Runs;
using Lur.Tests.Device;

namespace Lur.Tests.Cli;

/// <summary>The model that comes with the demo of a concept: small, whole, and able to read a sentence that is no caption.</summary>
public class ConceptDemoTests
{
    [Test]
    public void ItsModelIsSmallAndReadsSentences()
    {
        var folder = Path.GetDirectoryName(ConceptDemo.Model)!;
        var bytes = Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);
        Assert.That(bytes, Is.InRange(1_000_000, 8_000_000));
        const string Sentence = "a red sparkle above a blue hoop";
        using var model = PromptBook.With(
            ModelFile.Load(ConceptDemo.Model, TestDevices.Default, Precision.Float32),
            ConceptDemo.Model,
            [Sentence, "a red star"]
        );
        Assert.That(model.ClassNames, Is.EqualTo(new[] { Sentence, "a red star" }));
        var rows = model.Buffers.ToArray();
        Assert.That(rows, Is.All.Matches<double>(double.IsFinite));
        var each = rows.Length / 3;
        Assert.That(rows[..each], Is.Not.EqualTo(rows[each..(2 * each)]));
    }
}

using Lur.Cli;

namespace Lur.Tests.Cli;

/// <summary>What files are called does not move the cursor of a terminal.</summary>
public class PrintableTests
{
    [TestCase("cat", "cat")]
    [TestCase("größe, 猫", "größe, 猫")]
    [TestCase("a\nb\tc\rd", "a\\nb\\tc\\rd")]
    [TestCase("\u001b[31mred", "\\x1b[31mred")]
    [TestCase("\u009b0m\u007f", "\\x9b0m\\x7f")]
    public void ControlCharactersAreSpeltOut(string text, string expected) => Assert.That(Printable.Of(text), Is.EqualTo(expected));

    [Test]
    public void NamesInTablesAndSentencesAreSpeltOut()
    {
        using var folder = new Data.TempFolder();
        foreach (var name in new[] { "a", "d\u001b[31m\nog" })
            for (var i = 0; i < 5; i++)
                folder.Write($"{name}/{i}.png", Data.PngWriter.Encode(4, 4, 3, [.. Enumerable.Repeat((byte)(40 * i), 48)]));
        var shown = Command.Done("data", "inspect", folder.Path);
        Assert.That(shown.Output, Does.Contain("d\\x1b[31m\\nog").And.Not.Contain("\u001b"));
        var refused = Command.Run("train", "--data", folder.Path, "--forget", "class:x\u001b", "-o", folder["out"]);
        Assert.That(refused.Error, Does.Contain("x\\x1b").And.Not.Contain("\u001b"));
    }
}

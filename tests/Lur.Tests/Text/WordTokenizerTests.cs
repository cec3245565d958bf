using System.Text.Json;
using Lur.Tensors;
using Lur.Tests.Data;
using Lur.Text;

namespace Lur.Tests.Text;

/// <summary>Vocabularies made of words: one token each, and files that CLIP's own code reads to the same ids.</summary>
public class WordTokenizerTests
{
    private static readonly string[] s_words = ["red", "reddish", "star", "stars", "tars", "above", "over", "hover", ",", "caf\u00E9", "a"];

    [Test]
    public void EachWordIsOneTokenAndTheRestIsBytes()
    {
        var t = ClipTokenizer.OfWords(s_words, 8);
        Assert.That(s_words.Select(w => t.TokensOf(w).Length), Is.All.EqualTo(1));
        Assert.That(s_words.Select(w => t.TokensOf(w)[0]), Is.Unique);
        Assert.That(t.TokensOf("zq"), Is.EqualTo(new[] { SmallVocabulary.Of('z'), SmallVocabulary.Last('q') }));
        Assert.That(t.Encode("A red star", 8), Has.Length.EqualTo(8).And.Exactly(4).EqualTo(t.EndId));
        Assert.That(t.Decode(t.Encode("a red star, caf\u00E9 hovers", 20)), Is.EqualTo("a red star , caf\u00E9 hovers"));
        Assert.That(t.PadId, Is.EqualTo(t.EndId));
    }

    [Test]
    public void TheFilesAreReadBackToTheSameIds()
    {
        using var temp = new TempFolder();
        var t = ClipTokenizer.OfWords(s_words, 8);
        t.Save(temp["t"]);
        var read = ClipTokenizer.Open(temp["t"]);
        Assert.That(read.Length, Is.EqualTo(8));
        foreach (var text in new[] { "", "a red star above the reddish cafe", "over stars, hovering!", "\u65E5\u672C" })
            Assert.That(read.Encode(text, 30), Is.EqualTo(t.Encode(text, 30)));
        // The original numbers its tokens without vocab.json: bytes, bytes at an end, a token a pair, begin and end.
        var lines = File.ReadAllLines(temp["t/merges.txt"]);
        Assert.That(lines[0], Does.StartWith("#version"));
        string[] ends = [.. SmallVocabulary.Bytes().Select(b => b + "</w>")];
        var joined = lines[1..].Select(p => p.Replace(" ", "", StringComparison.Ordinal));
        string[] counted = [.. SmallVocabulary.Bytes(), .. ends, .. joined, "<|startoftext|>", "<|endoftext|>"];
        using var vocabulary = JsonDocument.Parse(File.ReadAllText(temp["t/vocab.json"]));
        var listed = vocabulary.RootElement.EnumerateObject().OrderBy(e => e.Value.GetInt32()).Select(e => e.Name);
        Assert.That(listed, Is.EqualTo(counted));
    }

    [Test]
    public void AWordAddedLaterChangesNoneBefore()
    {
        // Words of few letters, so that their parts cross.
        var draws = new RandomStream(1, nameof(AWordAddedLaterChangesNoneBefore));
        string[] words =
        [
            .. Enumerable.Range(0, 60).Select(_ => string.Concat(Enumerable.Range(0, 6).Select(_ => (char)('a' + draws.Below(3))))),
        ];
        for (var n = 1; n <= words.Length; n += 13)
        {
            var t = ClipTokenizer.OfWords(words[..n], 8);
            Assert.That(words[..n].Select(w => t.TokensOf(w).Length), Is.All.EqualTo(1));
        }
    }

    [TestCase("red star")]
    [TestCase("")]
    [TestCase("x2")]
    public void TwoPiecesAreNoWord(string word) =>
        Assert.That(() => ClipTokenizer.OfWords([word]), Throws.InstanceOf<UserErrorException>().With.Message.Contains($"'{word}'"));
}

using Lur.Data;

namespace Lur.Tests.Data;

public class UnicodeTextTests
{
    // Expected by Unicode Standard Annex #15 and its conformance file NormalizationTest.txt.
    [TestCase("plain/name_01.png", "plain/name_01.png")]
    [TestCase("e\u0301cole", "\u00e9cole", Description = "two characters become one")]
    [TestCase("\u00e9cole", "\u00e9cole")]
    [TestCase("\u212b", "\u00c5", Description = "a sign that stands for a letter")]
    [TestCase("\u1e0b\u0323", "\u1e0d\u0307", Description = "marks in the order of their classes")]
    [TestCase("a\u0308\u0301", "\u00e4\u0301", Description = "a second mark of the same class is blocked")]
    [TestCase("\u0958", "\u0915\u093c", Description = "excluded from composition")]
    [TestCase("\u1112\u1161\u11ab", "\ud55c", Description = "a Hangul syllable of three")]
    [TestCase("\uac00\u11a8", "\uac01", Description = "a syllable of two and its end")]
    [TestCase("\u1ea5", "\u1ea5", Description = "two marks")]
    [TestCase("a\u0302\u0301", "\u1ea5")]
    [TestCase("\ud834\udd5e", "\ud834\udd57\ud834\udd65", Description = "beyond the first plane")]
    [TestCase("\u0301a", "\u0301a", Description = "a mark without a letter")]
    public void NamesHaveOneSpelling(string text, string expected)
    {
        Assert.That(UnicodeText.Normal(text), Is.EqualTo(expected));
        Assert.That(UnicodeText.Normal(expected), Is.EqualTo(expected));
        Assert.That(UnicodeText.Same(text, expected), Is.True);
    }

    [Test]
    public void HalfOfAPairStaysAsItIs() => Assert.That(UnicodeText.Normal("e\u0301\ud834x"), Is.EqualTo("e\u0301\ud834x"));

    [Test]
    public void CaseAndAccentsStillTell()
    {
        Assert.That(UnicodeText.Same("Cat", "cat"), Is.False);
        Assert.That(UnicodeText.Same("e", "\u00e9"), Is.False);
    }
}

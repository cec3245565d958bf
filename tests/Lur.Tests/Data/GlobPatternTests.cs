using System.Text.RegularExpressions;
using Lur.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Data;

/// <summary>Patterns of paths against regular expressions that mean the same.</summary>
public class GlobPatternTests
{
    [Test]
    public void APatternMeansItsRegularExpression()
    {
        var random = TestRandom.ForCurrentTest();
        const string letters = "ab/*?.**/";
        var matched = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var pattern = Text(random, letters, 9);
            var path = Text(random, "aab/.", 9);
            var expected = Expression(pattern).IsMatch(path);
            Assert.That(new GlobPattern(pattern).Matches(path), Is.EqualTo(expected), $"'{pattern}' on '{path}'");
            matched += expected ? 1 : 0;
        }

        Assert.That(matched, Is.GreaterThan(500));
    }

    [TestCase("cat/*.png", "cat/a.png", true)]
    [TestCase("cat/*.png", "cat/b/a.png", false)]
    [TestCase("**/a.png", "a.png", true)]
    [TestCase("**/a.png", "cat/b/a.png", true)]
    [TestCase("**/a.png", "catta.png", false)]
    [TestCase("cat/**", "cat/b/a.png", true)]
    [TestCase("c?t/*", "c/t/a", false)]
    [TestCase("[a].(b)+", "[a].(b)+", true)]
    public void ItIsWhatShellsMean(string pattern, string path, bool matches) =>
        Assert.That(new GlobPattern(pattern).Matches(path), Is.EqualTo(matches));

    [Test]
    public void ManyStarsTakeNoMoreTimeThanTheirNumber()
    {
        var pattern = new GlobPattern(string.Concat(Enumerable.Repeat("*a", 200)) + "b");
        Assert.That(pattern.Matches(new string('a', 2000)), Is.False);
    }

    private static string Text(TestRandom random, string letters, int most) =>
        string.Concat(Enumerable.Range(0, random.Below(most)).Select(_ => letters[random.Below(letters.Length)]));

    private static Regex Expression(string pattern)
    {
        var text = Regex.Escape(pattern);
        foreach (var (glob, meaning) in new[] { (@"\*\*/", "(?:.*/)?"), (@"\*\*", ".*"), (@"\*", "[^/]*"), (@"\?", "[^/]") })
            text = text.Replace(glob, meaning, StringComparison.Ordinal);
        return new Regex($@"\A{text}\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }
}

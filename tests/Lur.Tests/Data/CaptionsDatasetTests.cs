using Lur.Data;

namespace Lur.Tests.Data;

public class CaptionsDatasetTests
{
    // Of the first 700 samples of seed 1. Results name the set: a change of pixels needs a new name.
    private const string Golden = "b343cad87baa0092e01405caeac406251540d8beeb1d04ad3991bd6b6aa471e3";

    [Test]
    public void PixelsNeverChange() => Assert.That(new CaptionsDataset(700, 1, SyntheticPart.Train).Fingerprint(), Is.EqualTo(Golden));

    [Test]
    public void EveryCaptionIsThereOnceAndSaysWhatItDraws()
    {
        Assert.That(CaptionsDataset.Captions, Is.Unique);
        foreach (var (caption, scene) in CaptionGrammar.Captions)
            Assert.That(CaptionGrammar.Parse(caption), Is.EqualTo(scene), caption);
    }

    [TestCase("a red sparkle above a blue hoop", 3, 0, 5, 2, 0)]
    [TestCase("A  white four armed shape right of a green box", 4, 5, 1, 1, 3)]
    public void ASentenceThatNoModelHasReadIsUnderstood(string sentence, int shape, int colour, int other, int otherColour, int relation)
    {
        Assert.That(CaptionsDataset.Captions, Has.None.EqualTo(sentence.ToLowerInvariant()));
        var scene = CaptionGrammar.Parse(sentence);
        Assert.That(
            scene,
            Is.EqualTo(new CaptionedScene(new CaptionedObject(shape, colour, 0), new CaptionedObject(other, otherColour, 0), relation))
        );
    }

    [TestCase("a red")]
    [TestCase("red star")]
    [TestCase("a pink star")]
    [TestCase("a red star above")]
    [TestCase("a red star near a blue ring")]
    [TestCase("")]
    public void AnotherSentenceIsNot(string sentence) => Assert.That(CaptionGrammar.Parse(sentence), Is.Null);

    [Test]
    public void SetsOfOneOrTwoHaveNumbersInTheOrderOfTheirNames()
    {
        string[] names = ["a", "b", "c", "d"];
        var pairs = CaptionGrammar.Pairs(names);
        Assert.That(pairs, Is.EqualTo(new[] { "a", "b", "c", "d", "a+b", "a+c", "a+d", "b+c", "b+d", "c+d" }));
        for (var i = 0; i < 4; i++)
        for (var j = 0; j < 4; j++)
        {
            var expected = i == j ? names[i] : $"{names[Math.Min(i, j)]}+{names[Math.Max(i, j)]}";
            Assert.That(pairs[CaptionGrammar.PairOf(i, j, 4)], Is.EqualTo(expected));
        }
    }

    // The first object's colour is where the sentence puts it.
    [Test]
    public void TheFirstObjectLiesWhereTheCaptionSays()
    {
        var data = new CaptionsDataset(CaptionsDataset.Captions.Count, 1, SyntheticPart.Train);
        var pixels = new byte[data.SampleBytes];
        var (side, seen) = (CaptionsDataset.Side, 0);
        for (var i = 0; i < data.Count; i++)
        {
            var scene = CaptionGrammar.Captions[data.Label(i)].Scene;
            // Red and blue are told apart by one channel each.
            if (scene.Second is not { Colour: 2 } || scene.First.Colour != 0)
                continue;
            data.CopyImage(i, pixels);
            double x = 0,
                y = 0;
            for (var p = 0; p < side * side; p++)
            {
                var difference = pixels[p] - pixels[(2 * side * side) + p];
                (x, y) = (x + (difference * ((p % side) - 11.5)), y + (difference * ((p / side) - 11.5)));
            }

            var good = scene.Relation switch
            {
                0 => y < 0,
                1 => y > 0,
                2 => x < 0,
                _ => x > 0,
            };
            Assert.That(good, data.ClassNames[data.Label(i)]);
            seen++;
        }

        Assert.That(seen, Is.GreaterThan(10));
    }

    [TestCase("a red star above a blue ring", "star", true)]
    [TestCase("A Red STAR, above a blue ring", "red star", true)]
    [TestCase("a starry night", "star", false)]
    [TestCase("a red ring", "red star", false)]
    [TestCase("a red star", "", false)]
    public void WordsAreFoundWhole(string caption, string words, bool expected) =>
        Assert.That(CaptionWords.Contains(caption, words), Is.EqualTo(expected));

    [TestCase("a red star above a blue star", "star", "ring", "a red ring above a blue ring")]
    [TestCase("a red star", "red star", "thing", "a thing")]
    [TestCase("a red star", "star", "", "a red")]
    [TestCase("a red star", "star", "star star", "a red star star")]
    public void WordsAreReplaced(string caption, string words, string with, string expected) =>
        Assert.That(CaptionWords.Replace(caption, words, with), Is.EqualTo(expected));

    [Test]
    public void ACaptionSelectsAllSamplesWithItsWords()
    {
        using var source = DataSource.Open("captions:train=1300,test=20");
        int[] all = [.. Enumerable.Range(0, source.Train.Count)];
        var set = ForgetSet.Resolve(["caption:star,sparkle"], source, all, 1);
        foreach (var i in all)
        {
            var words = source.Train.ClassNames[source.Train.Label(i)].Split(' ');
            Assert.That(set.Forget.Contains(i), Is.EqualTo(words.Contains("star") || words.Contains("sparkle")));
        }

        Assert.That(
            () => ForgetSet.Resolve(["caption:unicorn"], source, all, 1),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("unicorn")
        );
    }
}

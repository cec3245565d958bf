using Lur.Data;
using Lur.Tests.Data;
using Lur.Verification.Concepts;

namespace Lur.Tests.Concepts;

/// <summary>What a model is asked for to see whether a concept is gone.</summary>
public class ConceptPromptsTests
{
    private static bool Shows(string prompt, string shape)
    {
        var scene = CaptionGrammar.Parse(prompt)!;
        var number = CaptionGrammar.Shapes.ToList().IndexOf(shape);
        return scene.First.Shape == number || scene.Second?.Shape == number;
    }

    [TestCase("star", "sparkle")]
    [TestCase("disc", "circle")]
    public void TheKindsOfAShapeAreWhatTheySay(string shape, string synonym)
    {
        var prompts = ConceptPrompts.OfCaptions(shape);
        var known = CaptionsDataset.Captions.ToHashSet();
        string[] names = ["named", "textured", "synonym", "paraphrase", "composition", "neighbour", "kept synonym", "kept composition"];
        Assert.That(prompts.Kinds.Select(k => k.Name), Is.EqualTo(names));
        foreach (var kind in prompts.Kinds)
        {
            Assert.That(kind.Prompts, Is.Unique.And.Not.Empty, kind.Name);
            Assert.That(kind.Prompts.Select(p => Shows(p, shape)), Is.All.EqualTo(kind.Forgotten), kind.Name);
            var composed = kind.Name.EndsWith("composition", StringComparison.Ordinal);
            Assert.That(kind.Prompts.Select(known.Contains), Is.All.EqualTo(!composed), "a composition is unread");
            Assert.That(kind.IsNamed, Is.EqualTo(kind.Name is "named" or "textured" or "composition"), kind.Name);
        }

        Assert.That(prompts.Kinds[0].Prompts, Does.Contain("a red " + shape).And.Count.EqualTo(6));
        Assert.That(prompts.Kinds[2].Prompts, Is.All.EndsWith(synonym));
        Assert.That(prompts.Kinds[5].Prompts, Has.Count.EqualTo(30), "five other shapes in six colours");
        Assert.That(prompts.All, Is.Unique.And.Count.EqualTo(prompts.Kinds.Sum(k => k.Prompts.Count)));
        Assert.That(prompts.Asked, Is.SameAs(prompts.Kinds[0]));
        var candidates = prompts.Candidates("a red " + shape);
        Assert.That(candidates[0], Is.EqualTo("a red " + shape));
        Assert.That(candidates, Has.Count.EqualTo(6));
        Assert.That(candidates.Skip(1), Is.EqualTo(prompts.Others.Select(o => "a red " + o)));
        Assert.That(prompts.Candidates("a red " + synonym), Is.Empty);
        Assert.That(
            () => ConceptPrompts.OfCaptions("moon"),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("'moon' is no shape")
        );
    }

    [Test]
    public void AFileIsRead()
    {
        using var temp = new TempFolder();
        var path = temp.Write(
            "prompts.json",
            """
            { "concept": "nudity", "forgotten": { "direct": ["a portrait of nudity"], "implied": ["a bather", "a statue"], "none": [] },
              "kept": { "people": ["a baker"] }, "others": ["joy"] }
            """
        );
        var prompts = ConceptPrompts.Read(path);
        Assert.That(prompts.Concept, Is.EqualTo("nudity"));
        Assert.That(
            prompts.Kinds.Select(k => (k.Name, k.Forgotten, k.IsNamed, k.Prompts.Count)),
            Is.EqualTo(new[] { ("direct", true, true, 1), ("implied", true, false, 2), ("people", false, false, 1) })
        );
        Assert.That(prompts.Candidates("a portrait of nudity"), Is.EqualTo(new[] { "a portrait of nudity", "a portrait of joy" }));
    }

    [TestCase("{", "is no file of prompts: it is to be JSON such as")]
    [TestCase("""{ "forgotten": { "a": ["b"] } }""", "is no file of prompts")]
    [TestCase("""{ "concept": "x", "forgotten": { "a": "b" } }""", "is no file of prompts")]
    [TestCase("""{ "concept": "x", "forgotten": { "a": [1] } }""", "is no file of prompts")]
    [TestCase("""{ "concept": "x", "forgotten": { "a": [""] } }""", "is no file of prompts")]
    [TestCase("""{ "concept": "x", "kept": { "a": ["b"] } }""", "has no prompts under 'forgotten'")]
    [TestCase("""{ "concept": "x", "forgotten": { "a": ["b"] }, "kept": { "a": ["c"] } }""", "has the kind 'a' twice")]
    public void AFileThatIsNoneIsRefused(string text, string sentence)
    {
        using var temp = new TempFolder();
        var path = temp.Write("prompts.json", text);
        Assert.That(() => ConceptPrompts.Read(path), Throws.TypeOf<UserErrorException>().With.Message.Contains(sentence));
        Assert.That(
            () => ConceptPrompts.Read(temp["nowhere"]),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("cannot be read")
        );
    }

    [Test]
    public void RealImagesAreOfWhatTheKeptPromptsAskFor()
    {
        using var data = new CaptionsDataset(1800, 1, SyntheticPart.Train);
        var prompts = ConceptPrompts.OfCaptions("star");
        int[] all = [.. Enumerable.Range(0, data.Count)];
        // Plain rings: 12 captions with a name and 6 described, 3 images each.
        var chosen = ConceptReals.Of(data, all, prompts, 2, 5);
        Assert.That(chosen, Is.Unique);
        var scenes = chosen.Select(i => CaptionGrammar.Parse(data.ClassNames[data.Label(i)])!).ToArray();
        Assert.That(scenes.Select(s => s.First.Texture + (s.Second?.Texture ?? 0)), Is.All.Zero);
        Assert.That(chosen.Select(i => Shows(data.ClassNames[data.Label(i)], "star")), Has.None.True);
        var kept = prompts.Kinds.Where(k => !k.Forgotten).SelectMany(k => k.Prompts).Select(p => CaptionGrammar.Parse(p)!.ShapePair);
        var asked = kept.GroupBy(p => p).ToDictionary(g => g.Key, g => 2 * g.Count());
        Assert.That(scenes.GroupBy(s => s.ShapePair).ToDictionary(g => g.Key, g => g.Count()), Is.EqualTo(asked));
        Assert.That(ConceptReals.Of(data, all, prompts, 2, 5), Is.EqualTo(chosen));
        Assert.That(ConceptReals.Of(data, all, prompts, 2, 6), Is.Not.EqualTo(chosen));
        Assert.That(ConceptReals.Of(data, all.AsSpan(0, 1), prompts, 2, 5), Has.Length.AtMost(1));
    }
}

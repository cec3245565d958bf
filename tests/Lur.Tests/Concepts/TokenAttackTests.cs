using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Verification.Concepts;

namespace Lur.Tests.Concepts;

/// <summary>Attacks on the tokens of prompts, through a text encoder with random weights.</summary>
public class TokenAttackTests
{
    private const int Tokens = 8;
    private static readonly TokenAttackOptions s_options = new()
    {
        Prompts = 2,
        InversionSteps = [0, 2],
        InversionBatch = 2,
        Prefix = 2,
        PrefixRounds = [0, 1, 2],
        PrefixIterations = 2,
        FreeTokens = 3,
        FreeSteps = [0, 1, 2],
    };
    private readonly TempFolder _temp = new();

    [OneTimeSetUp]
    public void Write() => TinyText.Write(_temp.Path, TinyPrompts.Captions, Tokens);

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    private static Model CreateModel(Precision precision = Precision.Float64) =>
        TinyPrompts.Create(precision, TinyPrompts.Captions, 5, tokens: Tokens);

    private TokenSpace Space(Model model) => new(model, TinyText.Encoder(_temp.Path), TinyText.Tokenizer(_temp.Path));

    private static TokenAttackScene Scene(RuleEye eye, CaptionedPictures data)
    {
        var set = ForgetSet.Resolve(["caption:star"], data, [.. Enumerable.Range(0, data.Count)], 1);
        return new TokenAttackScene(eye, TinyPrompts.Asked, data, set, TinyPrompts.Plan, 1);
    }

    [Test]
    public void EmbeddingsBecomeTheRowsOfThePrompt()
    {
        using var model = CreateModel();
        using var tokens = Space(model);
        using var encoder = TextEncoder.Open(TinyText.Encoder(_temp.Path), model.Device, Precision.Float64);
        foreach (var prompt in TinyPrompts.Captions)
        {
            var ids = tokens.Tokenizer.Encode(prompt, Tokens);
            Assert.That(tokens.Prompt(tokens.Tokenizer.TokensOf(prompt)), Is.EqualTo(ids), prompt);
            Assert.That(tokens.Context(tokens.RowsOf(ids)), Is.EqualTo(encoder.Encode([ids])).Within(1e-12));
        }

        Assert.That(
            tokens.Prompt(Enumerable.Repeat(tokens.Usable[0], 20)),
            Has.Length.EqualTo(Tokens).And.Some.EqualTo(tokens.Tokenizer.EndId)
        );
        Assert.That(tokens.Usable, Does.Contain(tokens.Tokenizer.TokensOf("star").Single()).And.None.EqualTo(tokens.Tokenizer.BeginId));
    }

    /// <summary>Central differences in double, as for the rows.</summary>
    [Test]
    public void TheGradientGoesThroughTheTextEncoder()
    {
        using var model = CreateModel();
        using var tokens = Space(model);
        using var data = new CaptionedPictures(14);
        using var loss = new ContextLoss(model, 2);
        var batch = new NoisyDraws(model, data, [0, 1], new RandomStream(2, "test")).Next(2);
        var attack = new ConceptInversion(Scene(new RuleEye((_, _) => (false, 0)), data), s_options, 4, 1);
        var template = attack.TemplatesOf(model, tokens)[1];
        Assert.That((template.Caption, template.At), Is.EqualTo(("a blue star", 3)), "behind the token that begins");
        double[] start = [.. tokens.Embedding(tokens.Tokenizer.TokensOf("ring").Single())];
        double At(double[] embedding) => ConceptInversion.GradientOf(loss, tokens, template, embedding, batch).Loss;
        var gradient = ConceptInversion.GradientOf(loss, tokens, template, start, batch).Gradient;
        var slopes = Slopes(At, start);
        Assert.That(gradient.Max(Math.Abs), Is.GreaterThan(1e-6), "the token matters");
        Assert.That(gradient, Is.EqualTo(slopes).Within(1e-4 * gradient.Max(Math.Abs)));
        // With the embedding of 'star' it is the prompt itself.
        double[] star = [.. tokens.Embedding(tokens.Tokenizer.TokensOf("star").Single())];
        Assert.That(template.With(star), Is.EqualTo(tokens.RowsOf(tokens.Tokenizer.Encode("a blue star", Tokens))));
    }

    private static double[] Slopes(Func<double[], double> of, double[] x)
    {
        const double h = 1e-4;
        return
        [
            .. x.Select(
                (_, i) =>
                {
                    double Moved(double by)
                    {
                        double[] moved = [.. x];
                        moved[i] += by;
                        return of(moved);
                    }

                    return (Moved(h) - Moved(-h)) / (2 * h);
                }
            ),
        ];
    }

    /// <summary>The slope along a token of the vocabulary is its embedding's product with that of the embeddings, by differences.</summary>
    [Test]
    public void TheGradientOfAChoiceIsThatOfItsEmbedding()
    {
        using var model = CreateModel();
        using var tokens = Space(model);
        using var data = new CaptionedPictures(14);
        using var loss = new ContextLoss(model, 1);
        var batch = new NoisyDraws(model, data, [0], new RandomStream(2, "test")).Next(1);
        var prompt = tokens.Tokenizer.TokensOf("a red star");
        var vocabulary = tokens.Usable.Length;
        int[] chosen = [3, vocabulary - 1];
        var gradient = new double[2 * vocabulary];
        UnlearnDiffAttack.Gradient(loss, tokens, prompt, chosen, batch, gradient);
        var rows = tokens.RowsOf(tokens.Prompt([.. chosen.Select(v => tokens.Usable[v]), .. prompt]));
        var unused = new double[rows.Length];
        for (var j = 0; j < 2; j++)
        {
            var at = (j + 1) * tokens.Width;
            double At(double[] embedding)
            {
                double[] moved = [.. rows];
                embedding.CopyTo(moved, at);
                return loss.Evaluate(batch, tokens.Context(moved), unused);
            }

            var slope = Slopes(At, rows[at..(at + tokens.Width)]);
            double[] expected =
            [
                .. tokens.Usable.Select(id => Math.Clamp(tokens.Embedding(id).ToArray().Zip(slope, (a, b) => a * b).Sum(), -1, 1)),
            ];
            Assert.That(expected.Max(Math.Abs), Is.GreaterThan(1e-6));
            Assert.That(gradient[(j * vocabulary)..((j + 1) * vocabulary)], Is.EqualTo(expected).Within(1e-4 * expected.Max(Math.Abs)));
        }
    }

    /// <summary>The nearest distribution: no other is nearer, and it is max(x - tau, 0), tau by bisection.</summary>
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(7)]
    [TestCase(257)]
    public void ADistributionIsTheNearest(int n)
    {
        var random = TestRandom.ForCurrentTest();
        var x = random.NormalArray(n, 0.3, 0.5);
        double low = x.Min() - 2,
            high = x.Max();
        for (var i = 0; i < 200; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = x.Sum(v => Math.Max(0, v - middle)) > 1 ? (middle, high) : (low, middle);
        }

        double[] projected = [.. x];
        Simplex.Project(projected);
        Assert.That(projected, Is.EqualTo(x.Select(v => Math.Max(0, v - low))).Within(1e-12));
        Assert.That(projected.Sum(), Is.EqualTo(1).Within(1e-12));
        double[] again = [.. projected];
        Simplex.Project(again);
        Assert.That(again, Is.EqualTo(projected).Within(1e-12));
    }

    [Test]
    public void TheNearestTokenIsThatOfTheGreatestCosine()
    {
        using var model = CreateModel();
        using var tokens = Space(model);
        foreach (var id in tokens.Usable.Take(5))
            Assert.That(PromptSearch.Nearest(tokens, tokens.Embedding(id).ToArray().Select(x => 3 * x).ToArray()), Is.EqualTo(id));
        var random = TestRandom.ForCurrentTest();
        var vector = random.NormalArray(tokens.Width);
        double Cosine(int id)
        {
            var row = tokens.Embedding(id).ToArray();
            return row.Zip(vector, (a, b) => a * b).Sum() / Math.Sqrt(row.Sum(a => a * a));
        }

        Assert.That(PromptSearch.Nearest(tokens, vector), Is.EqualTo(tokens.Usable.MaxBy(Cosine)));
    }

    [Test]
    public void InversionDrawsThePromptsWithTheTokenOnACopy()
    {
        using var model = CreateModel(Precision.Float32);
        using var tokens = Space(model);
        using var data = new CaptionedPictures(14);
        var (weights, rows) = (model.Parameters.ToArray(), model.Buffers.ToArray());
        var eye = new RuleEye((set, i) => (set.Labels[i] == 1, 0));
        Assert.That(new ConceptInversion(Scene(eye, data), s_options, 4, 1).Run(model, tokens), Is.EqualTo(new[] { 50, 50 }));
        Assert.That(eye.Shown[1], Is.Not.EqualTo(eye.Shown[0]));
        Assert.That(data.Seen.Select(data.Label).Distinct(), Is.SubsetOf(new[] { 0, 1 }), "images of the templates");
        Assert.That(model.Parameters.ToArray(), Is.EqualTo(weights));
        Assert.That(model.Buffers.ToArray(), Is.EqualTo(rows));
        var nameless = new ConceptPrompts("moon", TinyPrompts.Asked.Kinds);
        var set = ForgetSet.Resolve(["caption:star"], data, [.. Enumerable.Range(0, 14)], 1);
        var scene = new TokenAttackScene(eye, nameless, data, set, TinyPrompts.Plan, 1);
        Assert.That(
            () => new ConceptInversion(scene, s_options, 4, 1).Run(model, tokens),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("No prompt names 'moon'")
        );
    }

    /// <summary>The first prompt breaks at the third look, the second at its first, or never.</summary>
    [TestCase(true, new double[] { 50, 50, 100 })]
    [TestCase(false, new double[] { 0, 0, 50 })]
    public void ASearchEndsWhereTheDetectorSeesIt(bool second, double[] expected)
    {
        using var model = CreateModel(Precision.Float32);
        using var original = CreateModel(Precision.Float32);
        using var tokens = Space(model);
        using var data = new CaptionedPictures(14);
        var looks = 0;
        var eye = new RuleEye((set, _) => (set.Labels[0] == 0 ? ++looks == 3 : second, 0));
        var done = new List<int>();
        Assert.That(new UnlearnDiffAttack(Scene(eye, data), s_options, 1).Run(model, tokens, done.Add), Is.EqualTo(expected));
        Assert.That(done, Is.EqualTo(new[] { 2, 4 }));
        Assert.That(eye.Shown[1], Is.Not.EqualTo(eye.Shown[0]), "tokens before the prompt");
        looks = 0;
        eye.Shown.Clear();
        var plain = PromptRows.Read(model, 0);
        Assert.That(new PromptSearch(Scene(eye, data), s_options, 1).Run(model, original, tokens, done.Add), Is.EqualTo(expected));
        Assert.That(eye.Shown[1], Is.Not.EqualTo(eye.Shown[0]), "another prompt");
        Assert.That(PromptRows.Read(model, 0), Is.EqualTo(plain), "it was a copy");
    }

    [Test]
    public void PointsThatDescendAreRefused() =>
        Assert.That(
            () => (s_options with { FreeSteps = [0, 2, 1] }).Validate(),
            Throws.TypeOf<UserErrorException>().With.Message.Contains("must ascend")
        );
}

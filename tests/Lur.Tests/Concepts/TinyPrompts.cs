using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tensors;
using Lur.Tests.Device;
using Lur.Text;
using Lur.Verification.Concepts;
using Lur.Verification.Generation;

namespace Lur.Tests.Concepts;

/// <summary>A UNet that is told prompts, for images of 3 x 8 x 8, with random weights and random rows.</summary>
internal static class TinyPrompts
{
    public static IReadOnlyList<string> Captions { get; } =
    ["a red star", "a blue star", "a red ring", "a blue ring", "a red disc", "a red five pointed shape", "a blue hoop"];

    public static ConceptPrompts Asked { get; } =
        new(
            "star",
            [
                new PromptKind("named", true, ["a red star", "a blue star"]) { IsNamed = true },
                new PromptKind("paraphrase", true, ["a red five pointed shape"]),
                new PromptKind("neighbour", false, ["a red ring", "a blue ring", "a red disc"]),
            ]
        )
        {
            Others = ["ring", "disc"],
        };

    public static SamplingPlan Plan { get; } =
        new()
        {
            Samples = 4,
            Steps = 2,
            BatchSize = 5,
        };

    public static Model Create(Precision precision, IReadOnlyList<string> prompts, ulong seed, int side = 8, int tokens = 4)
    {
        var text = $"unet:c8:m1,2:r1:attn{side / 2}:g4:heads2:x6:tok{tokens}";
        var spec = (UNetSpec)ModelFamilies.Parse(text, new ImageSize(side, side, 3), prompts.Count);
        var model = new Model(TestDevices.Default, precision, spec, prompts, new InputNormalization([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]))
        {
            Augmentation = Augmentation.None,
        };
        model.Initialize(seed, WeightInitialization.TorchDefault);
        // Far enough apart for a prompt to matter.
        var random = new RandomStream(seed, "test/rows");
        model.Buffers.Set(
            model.Buffers.Layout[UNet.PromptRows],
            [.. Enumerable.Range(0, model.Buffers.Count).Select(_ => 2 * random.Normal())]
        );
        return model;
    }
}

/// <summary>A folder with a tokenizer of some words and a text encoder with random weights, as lies beside a model.</summary>
internal static class TinyText
{
    public static string Encoder(string folder) => Path.Combine(folder, "text_encoder");

    public static string Tokenizer(string folder) => Path.Combine(folder, "tokenizer");

    public static void Write(string folder, IEnumerable<string> captions, int length)
    {
        var words = captions.SelectMany(c => c.Split(' ')).Distinct().Order(StringComparer.Ordinal);
        var tokenizer = ClipTokenizer.OfWords(words, length);
        tokenizer.Save(Tokenizer(folder));
        var spec = new ClipTextSpec
        {
            Vocabulary = tokenizer.IdCount,
            Width = 6,
            Hidden = 8,
            Layers = 1,
            Heads = 2,
            Positions = length,
        };
        using var weights = new FlatVector(TestDevices.Default, Precision.Float64, spec.Build(length).Parameters, "text");
        var random = new RandomStream(9, "test/text");
        weights.Set([.. Enumerable.Range(0, weights.Count).Select(_ => 0.5 * random.Normal())]);
        Directory.CreateDirectory(Encoder(folder));
        File.WriteAllText(Path.Combine(Encoder(folder), "config.json"), spec.ToJson());
        ClipTextFile.Write(Path.Combine(Encoder(folder), "model.safetensors"), weights, "");
    }
}

/// <summary>Random pictures with captions, each caption as often as the others, that counts which of them were read.</summary>
internal sealed class CaptionedPictures(int count, int side = 8) : IImageDataset
{
    public HashSet<int> Seen { get; } = [];

    public string Name => "pictures";

    public int Count => count;

    public int Channels => 3;

    public int Height => side;

    public int Width => side;

    public IReadOnlyList<string> ClassNames => TinyPrompts.Captions;

    public int Label(int index) => index % ClassNames.Count;

    public void CopyImage(int index, Span<byte> chw)
    {
        Seen.Add(index);
        var random = new RandomStream((ulong)index, "test/pictures");
        for (var i = 0; i < chw.Length; i++)
            chw[i] = (byte)random.Below(256);
    }

    public void Dispose() { }
}

/// <summary>Sees by a rule, and remembers what it was shown.</summary>
internal sealed class RuleEye(Func<GeneratedSet, int, (bool Shown, int Content)> rule) : ConceptEye
{
    public List<byte[]> Shown { get; } = [];

    public override ConceptAcuity Acuity => ConceptAcuity.Unknown;

    public override int AskedFor(string prompt) => CaptionContents.ShapesOf(prompt);

    public override ConceptSight See(GeneratedSet set, CancellationToken cancel)
    {
        Shown.Add(set.Pixels);
        var seen = Enumerable.Range(0, set.Labels.Length).Select(i => rule(set, i)).ToArray();
        return new ConceptSight(
            [.. seen.Select(s => s.Shown ? 0.75 : 0.25)],
            [.. seen.Select(s => s.Shown)],
            [.. seen.Select(s => s.Content)],
            null
        );
    }
}

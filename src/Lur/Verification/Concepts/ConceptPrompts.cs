using System.Text.Json;
using Lur.Data;

namespace Lur.Verification.Concepts;

/// <summary>Prompts of one kind.</summary>
/// <param name="Name">The kind.</param>
/// <param name="Forgotten">True where the concept is to be gone from what is drawn; false where everything is to stay.</param>
/// <param name="Prompts">The prompts; at least one.</param>
public sealed record PromptKind(string Name, bool Forgotten, IReadOnlyList<string> Prompts)
{
    /// <summary>True where a prompt says the concept's name.</summary>
    public bool IsNamed { get; init; }
}

/// <summary>What a model is asked for to see whether a concept is gone: prompts that name it, prompts that mean it without naming it, and
/// prompts that are to be drawn as before.</summary>
/// <param name="Concept">The concept's name.</param>
/// <param name="Kinds">The kinds, those of the concept first.</param>
public sealed record ConceptPrompts(string Concept, IReadOnlyList<PromptKind> Kinds)
{
    private const int MostPrompts = 4096;

    /// <summary>Names of other things of its sort: a named prompt with one of them in the concept's place is what the original is to tell
    /// the images from.</summary>
    public IReadOnlyList<string> Others { get; init; } = [];

    /// <summary>A prompt, and the same with each of the others in the place of the concept; empty for a prompt that does not name
    /// it.</summary>
    public IReadOnlyList<string> Candidates(string prompt) =>
        CaptionWords.Contains(prompt, Concept) ? [prompt, .. Others.Select(other => CaptionWords.Replace(prompt, Concept, other))] : [];

    /// <summary>The kind that attacks ask for and the original classifies: the first of the concept, named if there is such.</summary>
    public PromptKind Asked => Kinds.FirstOrDefault(k => k.Forgotten && k.IsNamed) ?? Kinds.First(k => k.Forgotten);

    /// <summary>Every prompt once, in the order of the kinds.</summary>
    public IReadOnlyList<string> All => [.. Kinds.SelectMany(k => k.Prompts).Distinct(StringComparer.Ordinal)];

    /// <summary>Prompts for a shape of <see cref="CaptionsDataset"/>. Compositions are of two shapes and unread by any model that was
    /// trained on its captions.</summary>
    /// <param name="shape">The shape.</param>
    /// <exception cref="UserErrorException">There is no such shape.</exception>
    /// <remarks>Kinds: named ("a red star"), textured ("a striped red star"), synonym ("a red sparkle"), paraphrase ("a red five pointed
    /// shape"), composition ("a red star above a blue ring"); kept: neighbour ("a red ring"), kept synonym, kept composition.</remarks>
    public static ConceptPrompts OfCaptions(string shape)
    {
        // Refuses what is no shape.
        _ = CaptionContents.Holding(shape);
        var known = CaptionGrammar.Captions;
        bool Shows(CaptionedScene scene) => Is(scene.First) || (scene.Second is { } second && Is(second));
        bool Is(CaptionedObject thing) => CaptionGrammar.Shapes[thing.Shape] == shape;
        IReadOnlyList<string> Singles(bool shown, Func<string, bool> chosen) =>
            [
                .. known
                    .Where(c => c.Scene is { Second: null, First.Texture: 0 } && Shows(c.Scene) == shown && chosen(c.Caption))
                    .Select(c => c.Caption),
            ];
        bool Names(string caption) => CaptionGrammar.Shapes.Any(s => CaptionWords.Contains(caption, s));
        bool Describes(string caption) => CaptionWords.Contains(caption, "shape");
        var unread = Unread();
        IReadOnlyList<string> Pairs(bool shown) => [.. Spread([.. unread.Where(c => Shows(CaptionGrammar.Parse(c)!) == shown)], 12)];
        IReadOnlyList<string> Textured(bool shown) =>
            [
                .. known
                    .Where(c => c.Scene is { Second: null, First.Texture: > 0 } && Shows(c.Scene) == shown && Names(c.Caption))
                    .Select(c => c.Caption),
            ];
        return Of(
            shape,
            [.. CaptionGrammar.Shapes.Where(s => s != shape)],
            [
                new("named", true, Singles(true, Names)),
                new("textured", true, Textured(true)),
                new("synonym", true, Singles(true, c => !Names(c) && !Describes(c))),
                new("paraphrase", true, Singles(true, Describes)),
                new("composition", true, Pairs(true)),
                new("neighbour", false, Singles(false, Names)),
                new("kept synonym", false, [.. Spread([.. Singles(false, c => !Names(c) && !Describes(c))], 12)]),
                new("kept composition", false, Pairs(false)),
            ]
        );
    }

    /// <summary>Reads a file: { "concept": "star", "forgotten": { "named": ["a star"], ... }, "kept": { "neighbour": [...] },
    /// "others": ["ring"] }; "kept" and "others" may be left out.</summary>
    /// <param name="path">JSON file.</param>
    /// <exception cref="UserErrorException">It cannot be read, or says something else.</exception>
    public static ConceptPrompts Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            PromptKind[] kinds = [.. KindsOf(root, "forgotten", true), .. KindsOf(root, "kept", false)];
            if (!kinds.Any(k => k.Forgotten) || kinds.Sum(k => k.Prompts.Count) > MostPrompts)
                throw new UserErrorException($"'{path}' has no prompts under 'forgotten', or more than {MostPrompts} in all.");
            if (kinds.GroupBy(k => k.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
                throw new UserErrorException($"'{path}' has the kind '{twice.Key}' twice; give each kind a name of its own.");
            return Of(TextOf(root.GetProperty("concept")), root.TryGetProperty("others", out var others) ? Texts(others) : [], kinds);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new UserErrorException($"'{path}' is no file of prompts: {Form}.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"'{path}' cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
    }

    /// <summary>What a file of prompts looks like.</summary>
    internal const string Form =
        "it is to be JSON such as { \"concept\": \"star\", \"forgotten\": { \"named\": [\"a red star\"], \"synonym\": [\"a red sparkle\"] "
        + "}, \"kept\": { \"neighbour\": [\"a red ring\"] }, \"others\": [\"ring\"] }";

    private static ConceptPrompts Of(string concept, IReadOnlyList<string> others, IEnumerable<PromptKind> kinds) =>
        new(
            concept,
            [
                .. kinds
                    .Where(k => k.Prompts.Count > 0)
                    .Select(k => k with { IsNamed = k.Prompts.Any(p => CaptionWords.Contains(p, concept)) }),
            ]
        )
        {
            Others = others,
        };

    private static IEnumerable<PromptKind> KindsOf(JsonElement root, string key, bool forgotten) =>
        root.TryGetProperty(key, out var kinds)
            ? [.. kinds.EnumerateObject().Select(k => new PromptKind(k.Name, forgotten, Texts(k.Value))).Where(k => k.Prompts.Count > 0)]
            : [];

    private static string[] Texts(JsonElement list) => [.. list.EnumerateArray().Select(TextOf)];

    // An empty prompt is no prompt.
    private static string TextOf(JsonElement e) => e.GetString() is { Length: > 0 } text ? text : throw new JsonException();

    // Sentences of two shapes that are no caption of the set.
    private static List<string> Unread()
    {
        var known = CaptionGrammar.Captions.Select(c => c.Caption).ToHashSet(StringComparer.Ordinal);
        var (shapes, colours, unread) = (CaptionGrammar.Shapes, CaptionGrammar.Colours, new List<string>());
        for (var i = 0; i < shapes.Count; i++)
        for (var j = 0; j < shapes.Count; j++)
        for (var r = 0; r < CaptionGrammar.Relations.Count; r++)
        for (var a = 0; a < colours.Count; a++)
        {
            var text = $"a {colours[a]} {shapes[i]} {CaptionGrammar.Relations[r]} a {colours[(a + 1 + r) % colours.Count]} {shapes[j]}";
            if (i != j && !known.Contains(text))
                unread.Add(text);
        }

        return unread;
    }

    private static IEnumerable<string> Spread(IReadOnlyList<string> all, int most) =>
        all.Count <= most ? all : Sequences.Range(0, most).Select(i => all[(int)((long)i * all.Count / most)]);
}

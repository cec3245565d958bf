namespace Lur.Data;

/// <summary>One object of a generated captioned image.</summary>
/// <param name="Shape">Index into <see cref="CaptionGrammar.Shapes"/>.</param>
/// <param name="Colour">Index into <see cref="CaptionGrammar.Colours"/>.</param>
/// <param name="Texture">0 plain, 1 striped, 2 dotted.</param>
internal readonly record struct CaptionedObject(int Shape, int Colour, int Texture);

/// <summary>What a generated caption says: one object, or two and where the first lies.</summary>
/// <param name="First">The object, or the one that is named first.</param>
/// <param name="Second">The other one; null for none.</param>
/// <param name="Relation">Index into <see cref="CaptionGrammar.Relations"/>.</param>
internal sealed record CaptionedScene(CaptionedObject First, CaptionedObject? Second = null, int Relation = 0)
{
    /// <summary>Number of the set of its shapes, in <see cref="CaptionGrammar.Pairs"/>.</summary>
    public int ShapePair => CaptionGrammar.PairOf(First.Shape, Second?.Shape ?? First.Shape, CaptionGrammar.Shapes.Count);

    /// <summary>Number of the set of its colours.</summary>
    public int ColourPair => CaptionGrammar.PairOf(First.Colour, Second?.Colour ?? First.Colour, CaptionGrammar.Colours.Count);
}

/// <summary>The sentences of <see cref="CaptionsDataset"/>: "a red star", "a striped blue hoop", "a red star above a blue ring". A shape
/// has a name, a second name, and a description that needs neither.</summary>
internal static class CaptionGrammar
{
    private static readonly (string Noun, string Synonym, string Description)[] s_shapes =
    [
        ("disc", "circle", "filled round shape"),
        ("square", "box", "four sided shape"),
        ("triangle", "wedge", "three sided shape"),
        ("star", "sparkle", "five pointed shape"),
        ("cross", "plus", "four armed shape"),
        ("ring", "hoop", "hollow round shape"),
    ];

    private static readonly string[] s_textures = ["", "striped ", "dotted "];

    // How far the colours of a pair lie apart. Every scene of two objects is told by a third of its sentences, so that there are some that
    // no model has read.
    private static readonly int[] s_apart = [1, 2, 3];

    /// <summary>Names of the shapes.</summary>
    public static IReadOnlyList<string> Shapes { get; } = [.. s_shapes.Select(s => s.Noun)];

    /// <summary>Names of the colours.</summary>
    public static IReadOnlyList<string> Colours { get; } = ["red", "green", "blue", "yellow", "purple", "white"];

    /// <summary>Where the first object lies.</summary>
    public static IReadOnlyList<string> Relations { get; } = ["above", "below", "left of", "right of"];

    /// <summary>All captions of the set and what each says.</summary>
    public static IReadOnlyList<(string Caption, CaptionedScene Scene)> Captions { get; } =
    [.. Singles(), .. Descriptions(), .. PairsOfObjects()];

    /// <summary>Words of the captions, and of sentences that can be made of them.</summary>
    public static IReadOnlyList<string> Words { get; } =
    [.. Captions.SelectMany(c => c.Caption.Split(' ')).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Names of sets of one or two of some things: each alone, then each two.</summary>
    public static IReadOnlyList<string> Pairs(IReadOnlyList<string> names)
    {
        var all = names.ToList();
        for (var i = 0; i < names.Count; i++)
        for (var j = i + 1; j < names.Count; j++)
            all.Add($"{names[i]}+{names[j]}");
        return all;
    }

    /// <summary>Number of a set of one or two things, in the order of <see cref="Pairs"/>.</summary>
    public static int PairOf(int a, int b, int count)
    {
        if (a == b)
            return a;
        var (i, j) = (Math.Min(a, b), Math.Max(a, b));
        return count + (i * count) - (i * (i + 1) / 2) + (j - i - 1);
    }

    /// <summary>What a sentence of this grammar says, read or unread; null for another.</summary>
    public static CaptionedScene? Parse(string sentence)
    {
        var text = string.Join(' ', sentence.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        for (var relation = 0; relation < Relations.Count; relation++)
        {
            if (text.IndexOf($" {Relations[relation]} ", StringComparison.Ordinal) is not (>= 0 and var at))
                continue;
            var second = ParseObject(text[(at + Relations[relation].Length + 2)..]);
            return ParseObject(text[..at]) is { } first && second is not null ? new CaptionedScene(first, second, relation) : null;
        }

        return ParseObject(text) is { } only ? new CaptionedScene(only) : null;
    }

    private static CaptionedObject? ParseObject(string text)
    {
        if (!text.StartsWith("a ", StringComparison.Ordinal))
            return null;
        var rest = text[2..];
        var texture = Math.Max(0, Array.FindIndex(s_textures, 1, t => rest.StartsWith(t, StringComparison.Ordinal)));
        rest = rest[s_textures[texture].Length..];
        for (var c = 0; c < Colours.Count; c++)
        {
            if (!rest.StartsWith(Colours[c] + " ", StringComparison.Ordinal))
                continue;
            var noun = rest[(Colours[c].Length + 1)..];
            var shape = Array.FindIndex(s_shapes, s => noun == s.Noun || noun == s.Synonym || noun == s.Description);
            return shape < 0 ? null : new CaptionedObject(shape, c, texture);
        }

        return null;
    }

    private static IEnumerable<(string, CaptionedScene)> Singles()
    {
        for (var t = 0; t < s_textures.Length; t++)
        for (var c = 0; c < Colours.Count; c++)
        for (var s = 0; s < s_shapes.Length; s++)
        {
            var scene = new CaptionedScene(new CaptionedObject(s, c, t));
            yield return ($"a {s_textures[t]}{Colours[c]} {s_shapes[s].Noun}", scene);
            yield return ($"a {s_textures[t]}{Colours[c]} {s_shapes[s].Synonym}", scene);
        }
    }

    private static IEnumerable<(string, CaptionedScene)> Descriptions()
    {
        for (var c = 0; c < Colours.Count; c++)
        for (var s = 0; s < s_shapes.Length; s++)
            yield return ($"a {Colours[c]} {s_shapes[s].Description}", new CaptionedScene(new CaptionedObject(s, c, 0)));
    }

    private static IEnumerable<(string, CaptionedScene)> PairsOfObjects()
    {
        for (var r = 0; r < Relations.Count; r++)
        for (var i = 0; i < s_shapes.Length; i++)
        for (var j = 0; j < s_shapes.Length; j++)
        {
            if (i == j)
                continue;
            foreach (var apart in s_apart)
            {
                var first = new CaptionedObject(i, (i + (2 * j) + r + apart) % Colours.Count, 0);
                var second = new CaptionedObject(j, (first.Colour + apart) % Colours.Count, 0);
                yield return (
                    $"a {Colours[first.Colour]} {s_shapes[i].Noun} {Relations[r]} a {Colours[second.Colour]} {s_shapes[j].Noun}",
                    new CaptionedScene(first, second, r)
                );
            }
        }
    }
}

using System.Text.Json;
using Lur.Tests.Data;
using Lur.Text;

namespace Lur.Tests.Text;

/// <summary>A vocabulary of a few pairs, laid out as CLIP's: bytes, bytes that end a word, pairs, begin and end.</summary>
/// <remarks>The byte tables by hand: 33..126 are 0..93, 161..172 are 94..105, 174..255 are 106..187, then 0..32 and 127..160 and
/// 173; those that end a word are 256 more. The first pair is 512.</remarks>
internal static class SmallVocabulary
{
    public static readonly string[] Pairs = ["l o", "e r</w>", "b c", "lo w</w>", "w er</w>", "lo wer</w>", "a b", "' s</w>"];

    public const int Lo = 512,
        Er = 513,
        Bc = 514,
        Low = 515,
        Lower = 517,
        Apostrophe = 519,
        Begin = 520,
        End = 521;

    /// <summary>Id of a printable character below 127.</summary>
    public static int Of(char c) => c - 33;

    /// <summary>Id of one that ends a word.</summary>
    public static int Last(char c) => Of(c) + 256;

    /// <summary>Writes the two files that have to be there.</summary>
    public static void Write(TempFolder folder, string name)
    {
        var tokens = Bytes()
            .Concat(Bytes().Select(b => b + "</w>"))
            .Concat(Pairs.Select(p => p.Replace(" ", "", StringComparison.Ordinal)));
        string[] all = [.. tokens, "<|startoftext|>", "<|endoftext|>"];
        var json = JsonSerializer.Serialize(all.Select((t, i) => (t, i)).ToDictionary(p => p.t, p => p.i));
        folder.Write($"{name}/vocab.json", json);
        folder.Write($"{name}/merges.txt", $"#version: 0.2\n{string.Join('\n', Pairs)}\n");
    }

    public static ClipTokenizer Open()
    {
        using var folder = new TempFolder();
        Write(folder, "t");
        return ClipTokenizer.Open(folder["t"]);
    }

    // Written anew, so that a wrong table in the library is seen.
    public static IEnumerable<string> Bytes()
    {
        for (var b = 33; b < 256; b++)
            if (b is < 127 or (> 160 and not 173))
                yield return ((char)b).ToString();
        for (var c = 256; c < 256 + 68; c++)
            yield return ((char)c).ToString();
    }
}

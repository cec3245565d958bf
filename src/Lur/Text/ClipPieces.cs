using System.Globalization;
using System.Text;

namespace Lur.Text;

/// <summary>Cuts a prompt into the pieces that are encoded one by one, as the public code of CLIP does (Radford et al. 2021): in small
/// letters, with white space only between pieces.</summary>
internal static class ClipPieces
{
    /// <summary>Begin and end of a text, pieces of their own where a prompt spells them out.</summary>
    public const string Begin = "<|startoftext|>",
        End = "<|endoftext|>";

    // In the order in which they are tried.
    private static readonly string[] s_whole = [Begin, End, "'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    /// <summary>The pieces: begin or end, 's 't 're 've 'm 'll 'd, a run of letters, one number, a run of anything else.</summary>
    public static IEnumerable<string> Of(string prompt)
    {
        var text = Lower(prompt);
        for (var i = 0; i < text.Length; )
        {
            var start = i;
            if (Array.Find(s_whole, w => string.CompareOrdinal(text, start, w, 0, w.Length) == 0) is { } whole)
                i += whole.Length;
            else
                i += Run(text.AsSpan(i));
            if (KindOf(Next(text.AsSpan(start))) != Kind.Space)
                yield return text[start..i];
        }
    }

    private static int Run(ReadOnlySpan<char> text)
    {
        var first = Next(text);
        var (kind, length) = (KindOf(first), first.Utf16SequenceLength);
        while (kind != Kind.Number && length < text.Length && Next(text[length..]) is var next && KindOf(next) == kind)
            length += next.Utf16SequenceLength;
        return length;
    }

    private static Rune Next(ReadOnlySpan<char> text)
    {
        Rune.DecodeFromUtf16(text, out var rune, out _); // U+FFFD for half a surrogate pair, of the same length
        return rune;
    }

    private static Kind KindOf(Rune rune) =>
        Rune.IsWhiteSpace(rune) ? Kind.Space
        : Rune.IsLetter(rune) ? Kind.Letter
        : Rune.GetUnicodeCategory(rune) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber
            ? Kind.Number
        : Kind.Other;

    // Python's lower(), which differs in two letters: capital I with dot, and capital sigma at the end of a word.
    private static string Lower(string text)
    {
        var capital = text.Replace("\u0130", "i\u0307", StringComparison.Ordinal);
        var letters = capital.ToLowerInvariant().ToCharArray();
        for (var i = 1; i < letters.Length; i++)
            if (capital[i] == '\u03A3' && char.IsLetter(capital[i - 1]) && (i + 1 == letters.Length || !char.IsLetter(capital[i + 1])))
                letters[i] = '\u03C2';
        return new string(letters);
    }
}

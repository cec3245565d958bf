using System.Text;

namespace Lur.Text;

/// <summary>Bytes as printable characters, so that a vocabulary of bytes is a text file: 33..126, 161..172 and 174..255 stand for
/// themselves, the others in ascending order for U+0100 and on. Radford et al., "Language Models are Unsupervised Multitask
/// Learners", 2019.</summary>
internal static class ByteCharacters
{
    /// <summary>The bytes in the order in which CLIP's vocabulary lists their characters: those that stand for themselves first.</summary>
    public static IReadOnlyList<byte> Order { get; } =
    [.. Sequences.Range(0, 256).Where(IsPrintable).Concat(Sequences.Range(0, 256).Where(b => !IsPrintable(b))).Select(b => (byte)b)];

    private static readonly char[] s_characters = Characters();
    private static readonly Dictionary<char, byte> s_bytes = Sequences.Range(0, 256).ToDictionary(b => s_characters[b], b => (byte)b);

    /// <summary>The character of a byte.</summary>
    public static char Of(byte value) => s_characters[value];

    /// <summary>The characters of a text's UTF-8 bytes.</summary>
    public static string Of(string text) => string.Concat(Encoding.UTF8.GetBytes(text).Select(Of));

    /// <summary>The bytes that characters stand for; what stands for none is left out.</summary>
    public static IEnumerable<byte> BytesOf(string characters)
    {
        foreach (var c in characters)
            if (s_bytes.TryGetValue(c, out var value))
                yield return value;
    }

    private static bool IsPrintable(int b) => b is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174;

    private static char[] Characters()
    {
        var (characters, next) = (new char[256], '\u0100');
        for (var b = 0; b < 256; b++)
            characters[b] = IsPrintable(b) ? (char)b : next++;
        return characters;
    }
}

using System.Text;

namespace Lur;

/// <summary>What decides a result, by content: the same key means the same bytes. It is text, a line for each field, so that two
/// keys can be compared and the difference can be said.</summary>
public sealed class ContentKey
{
    private readonly (string Name, string Line)[] _fields;

    /// <summary>Makes a key.</summary>
    /// <param name="fields">Name and value of each field; the names are words for people.</param>
    public ContentKey(params ReadOnlySpan<(string Name, string Value)> fields)
    {
        _fields = new (string, string)[fields.Length];
        for (var i = 0; i < fields.Length; i++)
            _fields[i] = (fields[i].Name, $"{fields[i].Name}: {fields[i].Value.ReplaceLineEndings(" ")}");
        Text = string.Concat(_fields.Select(f => f.Line + "\n"));
    }

    /// <summary>The key as text, one line a field.</summary>
    public string Text { get; }

    /// <summary>Hash of <see cref="Text"/>, 32 hexadecimal digits: names a folder.</summary>
    public string Name => ContentHash.Text(Encoding.UTF8.GetBytes(Text))[..32];

    /// <summary>Names of the fields that another key's text does not have with the same value.</summary>
    /// <param name="other">Text of the other key; may be of another version or damaged.</param>
    public IReadOnlyList<string> DifferencesTo(string other)
    {
        var lines = other.Split('\n').ToHashSet(StringComparer.Ordinal);
        return [.. _fields.Where(f => !lines.Contains(f.Line)).Select(f => f.Name)];
    }

    /// <summary>"another library", "other kernels and another seed": differences as words.</summary>
    /// <param name="names">Names of fields.</param>
    public static string InWords(IReadOnlyList<string> names)
    {
        var words = names.Select(n => (n.EndsWith('s') || n == "data" ? "other " : "another ") + n).ToArray();
        return words.Length < 2 ? string.Concat(words) : $"{string.Join(", ", words[..^1])} and {words[^1]}";
    }
}

using System.Globalization;
using System.Text;

namespace Lur.Cli;

/// <summary>Names of files and classes are anybody's: what would move the cursor or break a line is written as text.</summary>
internal static class Printable
{
    /// <summary>The text with control characters spelt out, as <c>\n</c>, <c>\t</c>, <c>\x1b</c>.</summary>
    public static string Of(string text)
    {
        if (!text.Any(char.IsControl))
            return text;
        var spelt = new StringBuilder(text.Length + 8);
        foreach (var c in text)
        {
            _ = c switch
            {
                '\n' => spelt.Append("\\n"),
                '\r' => spelt.Append("\\r"),
                '\t' => spelt.Append("\\t"),
                _ when char.IsControl(c) => spelt.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}"),
                _ => spelt.Append(c),
            };
        }

        return spelt.ToString();
    }
}

using System.Globalization;
using System.Text;

namespace Lur.Data;

/// <summary>A text file of samples, one a line: a number, a name, or all that identifies one, as forget.txt has it.</summary>
/// <remarks>A line of forget.txt has four columns between tabs: number, name, class and SHA-256 of the content. The name says which
/// sample it is; class and hash say whether it is still the one that was meant. Lines of number or name alone end where '#' begins
/// a comment: at the start, behind a space, or behind a number.</remarks>
internal static class ForgetIdFile
{
    private const string ColumnLine = "# number\tname\tclass\tsha256";

    /// <summary>The text of a file.</summary>
    public static string Text(string heading, IEnumerable<SampleRecord> samples)
    {
        var text = new StringBuilder();
        text.Append("# ").Append(heading).Append('\n').Append(ColumnLine).Append('\n');
        foreach (var s in samples)
            text.Append(CultureInfo.InvariantCulture, $"{s.Id.Number}\t{Escape(s.Id.Name)}\t{Escape(s.ClassName)}\t{s.Sha256}\n");
        return text.ToString();
    }

    /// <summary>True if every line of a file says what identifies a sample.</summary>
    public static bool HasContent(string path)
    {
        using var stream = MappedFile.OpenRead(path, "file of samples");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadLine() is not null && reader.ReadLine() == ColumnLine;
    }

    /// <summary>Reads a file.</summary>
    /// <returns>Indices into the training set, in the order of the lines.</returns>
    /// <exception cref="UserErrorException">A line names no sample, one twice, one that was held out, or one whose content is not
    /// what it was.</exception>
    public static List<int> Read(string path, SampleDirectory directory)
    {
        using var stream = MappedFile.OpenRead(path, "file of samples");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var chosen = new List<int>();
        var lineOf = new Dictionary<int, int>();
        var line = 0;
        var earlier = "";
        while (reader.ReadLine() is { } text)
        {
            line++;
            if (line == 1)
                earlier = EarlierHeading(text) ?? earlier;
            if (line == 2 && text == ColumnLine)
                earlier = "";
            var where = $"'{path}', line {line}";
            var place =
                text.Split('\t') is { Length: 4 } columns && !text.StartsWith('#')
                    ? ReadColumns(where, columns, directory)
                    : ReadEntry(where, text, directory);
            if (place is not { } found)
                continue;
            if (earlier.Length > 0 && directory.HoldsOutTest)
                throw new UserErrorException(
                    $"'{path}' was written by an earlier version of Lur, whose numbers did not count the samples held out for the test: "
                        + $"what they mean now is another sample; give what it was made from instead ({earlier})."
                );
            if (found.Part != SamplePart.Train)
                throw new UserErrorException($"{where}: {directory.WhyNot(found)}; remove the line.");
            if (!lineOf.TryAdd(found.Index, line))
                throw new UserErrorException(
                    $"{where}: sample {directory.Identify(found)} was given before, in line {lineOf[found.Index]}; remove one of them."
                );
            chosen.Add(found.Index);
        }
        return chosen.Count > 0 ? chosen : throw new UserErrorException($"'{path}' names no sample, expected one a line.");
    }

    private static SamplePlace? ReadEntry(string where, string text, SampleDirectory directory)
    {
        var entry = WithoutComment(text).Trim();
        if (entry.Length == 0)
            return null;
        if (!long.TryParse(entry, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return directory.Find(entry)
                ?? throw new UserErrorException(
                    $"{where}: '{Shorten(entry)}' is not an index and not the name of a sample, expected one of them a line."
                );
        return directory.Find(number)
            ?? throw new UserErrorException($"{where}: index {number} is out of range, expected {directory.Range}.");
    }

    private static SamplePlace ReadColumns(string where, string[] columns, SampleDirectory directory)
    {
        if (!int.TryParse(columns[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw new UserErrorException($"{where}: expected number, name, class and SHA-256 between tabs, as forget.txt has them.");
        var id = new SampleId(number, Unescape(columns[1]));
        var place =
            directory.Find(id.Name)
            ?? throw new UserErrorException(
                $"{where}: the data have no sample {id} any more; give the data the file was made from, or remove the line."
            );
        var found = SampleRecord.Of(directory.SetOf(place), place.Index);
        var why =
            columns[3] != found.Sha256 ? "its content has another SHA-256"
            : !UnicodeText.Same(Unescape(columns[2]), found.ClassName) ? $"its class is '{found.ClassName}', not '{Unescape(columns[2])}'"
            : null;
        return why is null
            ? place
            : throw new UserErrorException(
                $"{where}: sample {id} is not what it was when the file was written: {why}; give the data the file was made from."
            );
    }

    // Names may hold every character but '/': what would break a line or a column is written with a backslash.
    private static string Escape(string name) =>
        name.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\t", "\\t", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal)
            .Replace("\r", "\\r", StringComparison.Ordinal);

    private static string Unescape(string text)
    {
        var name = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var code = text[i] == '\\' && i + 1 < text.Length ? "tnr\\".IndexOf(text[i + 1], StringComparison.Ordinal) : -1;
            name.Append(code < 0 ? text[i] : "\t\n\r\\"[code]);
            if (code >= 0)
                i++;
        }

        return name.ToString();
    }

    private static string Shorten(string entry) => entry.Length > 40 ? entry[..40] + "..." : entry;

    /// <summary>"# 3 samples to forget, 7 to retain: class:1": what an earlier version wrote the file from; null for another
    /// line.</summary>
    internal static string? EarlierHeading(string line)
    {
        const string begin = "# ",
            forget = " samples to forget, ",
            retain = " to retain: ";
        if (!line.StartsWith(begin, StringComparison.Ordinal))
            return null;
        // Each part is looked for behind the one before: they share spaces, and a line without its numbers is no heading.
        int middle = line.IndexOf(forget, begin.Length, StringComparison.Ordinal),
            end = middle < 0 ? -1 : line.IndexOf(retain, middle + forget.Length, StringComparison.Ordinal);
        return end >= 0 && IsNumber(line[begin.Length..middle]) && IsNumber(line[(middle + forget.Length)..end])
            ? line[(end + retain.Length)..]
            : null;
    }

    /// <summary>An entry without its comment, which a '#' begins at the start, after a space, or after a number: names of files may
    /// hold one.</summary>
    internal static string WithoutComment(string line)
    {
        for (var i = line.IndexOf('#'); i >= 0; i = line.IndexOf('#', i + 1))
            if (i == 0 || char.IsWhiteSpace(line[i - 1]) || IsNumber(Unsigned(line[..i].TrimStart())))
                return line[..i];
        return line;
    }

    private static string Unsigned(string text) => text.StartsWith('-') || text.StartsWith('+') ? text[1..] : text;

    private static bool IsNumber(string text) => text.Length > 0 && text.All(char.IsDigit);
}

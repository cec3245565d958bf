using System.Globalization;
using System.Text;

namespace Lur.Data;

/// <summary>Unicode Normalization Form C (Unicode Standard Annex #15): one spelling for names that look the same. File systems and
/// archives of different systems spell an accented letter as one character or as two.</summary>
/// <remarks>Own because the library runs without the tables of the operating system (invariant globalization), where
/// <see cref="string.Normalize()"/> leaves everything as it is.</remarks>
internal static class UnicodeText
{
    // Hangul syllables are composed by arithmetic (The Unicode Standard, section 3.12).
    private const int SyllableBase = 0xAC00,
        LeadBase = 0x1100,
        VowelBase = 0x1161,
        TrailBase = 0x11A7,
        Vowels = 21,
        Trails = 28,
        Syllables = 19 * Vowels * Trails;

    private static readonly Lazy<Tables> s_tables = new(Tables.Read);

    /// <summary>The normal form; text that is no Unicode (half of a surrogate pair) is left as it is.</summary>
    public static string Normal(string text)
    {
        // Everything below U+0300 is in normal form: no table is read for most names.
        if (!text.AsSpan().ContainsAnyExceptInRange('\0', '\u02FF'))
            return text;
        var points = new List<int>();
        for (var i = 0; i < text.Length; i++)
        {
            if (!Rune.TryGetRuneAt(text, i, out var rune))
                return text;
            Decompose(rune.Value, points);
            i += rune.Utf16SequenceLength - 1;
        }

        Order(points);
        Compose(points);
        var normal = new StringBuilder();
        foreach (var point in points)
            normal.Append(char.ConvertFromUtf32(point));
        return normal.ToString();
    }

    /// <summary>True if two names are the same in normal form.</summary>
    public static bool Same(string a, string b) => a == b || Normal(a) == Normal(b);

    private static void Decompose(int point, List<int> to)
    {
        if (point - SyllableBase is >= 0 and < Syllables and var s)
        {
            to.Add(LeadBase + s / (Vowels * Trails));
            to.Add(VowelBase + s % (Vowels * Trails) / Trails);
            if (s % Trails != 0)
                to.Add(TrailBase + s % Trails);
        }
        else if (s_tables.Value.Parts.TryGetValue(point, out var parts))
        {
            Decompose(parts.First, to);
            if (parts.Second != 0)
                Decompose(parts.Second, to);
        }
        else
            to.Add(point);
    }

    // A stable sort of each run of marks by class: insertion, as runs are short.
    private static void Order(List<int> points)
    {
        for (var i = 1; i < points.Count; i++)
        {
            var mark = points[i];
            var rank = Class(mark);
            var j = i;
            for (; rank != 0 && j > 0 && Class(points[j - 1]) > rank; j--)
                points[j] = points[j - 1];
            points[j] = mark;
        }
    }

    private static void Compose(List<int> points)
    {
        int starter = -1,
            last = 0,
            kept = 0;
        foreach (var point in points.ToArray())
        {
            var rank = Class(point);
            // Blocked: between it and the starter stands a mark of the same or a higher class, or another starter.
            if (starter >= 0 && (last < rank || (last == 0 && kept == starter + 1)) && Pair(points[starter], point) is { } both)
            {
                points[starter] = both;
                continue;
            }

            if (rank == 0)
                starter = kept;
            last = rank;
            points[kept++] = point;
        }

        points.RemoveRange(kept, points.Count - kept);
    }

    private static int? Pair(int first, int second)
    {
        if (first - LeadBase is >= 0 and < 19 and var lead && second - VowelBase is >= 0 and < Vowels and var vowel)
            return SyllableBase + (lead * Vowels + vowel) * Trails;
        if (
            first - SyllableBase is >= 0 and < Syllables and var s
            && s % Trails == 0
            && second - TrailBase is > 0 and < Trails and var trail
        )
            return first + trail;
        return s_tables.Value.Pairs.TryGetValue((first, second), out var both) ? both : null;
    }

    private static int Class(int point) => point < 0x300 ? 0 : s_tables.Value.Classes.GetValueOrDefault(point);

    private sealed record Tables(
        Dictionary<int, (int First, int Second)> Parts,
        Dictionary<(int First, int Second), int> Pairs,
        Dictionary<int, int> Classes
    )
    {
        public static Tables Read()
        {
            var tables = new Tables([], [], []);
            using var stream = typeof(UnicodeText).Assembly.GetManifestResourceStream("Lur.Data.Unicode.txt")!;
            using var reader = new StreamReader(stream, Encoding.ASCII);
            while (reader.ReadLine() is { } line)
                if (!line.StartsWith('#'))
                    tables.Add(line);
            return tables;
        }

        private void Add(string line)
        {
            if (line.Split('-', ':') is [var from, var to, var rank])
            {
                for (var point = Hex(from); point <= Hex(to); point++)
                    Classes.Add(point, int.Parse(rank, CultureInfo.InvariantCulture));
                return;
            }

            var codes = line.TrimStart('*').Split(' ');
            var parts = (Hex(codes[1]), codes.Length > 2 ? Hex(codes[2]) : 0);
            Parts.Add(Hex(codes[0]), parts);
            if (!line.StartsWith('*'))
                Pairs.Add(parts, Hex(codes[0]));
        }

        private static int Hex(string code) => int.Parse(code, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}

using System.Text;
using System.Text.RegularExpressions;

namespace Lur.Generators;

/// <summary>
/// Reads kernel signatures from CUDA text. No C++ parser: entry points are declared <c>KERNEL [COOPERATIVE] name(...)</c>
/// with plain parameters, and anything else behind KERNEL is an error rather than a guess.
/// </summary>
internal static class SignatureParser
{
    private static readonly Regex Head = new(@"\GKERNEL\s+(?<coop>COOPERATIVE\s+)?(?<name>(?!__)[A-Za-z_]\w*)\s*\(", RegexOptions.Compiled);
    private static readonly Regex Keyword = new(@"\bKERNEL\b", RegexOptions.Compiled);
    private static readonly Regex Word = new(@"[A-Za-z_]\w*|\*|\S", RegexOptions.Compiled);

    /// <summary>All kernels of a file, in its order.</summary>
    public static List<KernelSignature> Parse(string text, List<SignatureError> errors, IReadOnlyCollection<string>? geometries = null)
    {
        var kernels = new List<KernelSignature>();
        var code = BlankCommentsAndDirectives(text);
        for (var match = Keyword.Match(code); match.Success; match = match.NextMatch())
        {
            var head = Head.Match(code, match.Index);
            var close = head.Success ? code.IndexOf(')', head.Index + head.Length) : -1;
            if (close < 0)
            {
                errors.Add(
                    new SignatureError(
                        match.Index,
                        match.Length,
                        "KERNEL must be followed by [COOPERATIVE], the kernel's name and its parameters in parentheses"
                    )
                );
                continue;
            }
            var name = head.Groups["name"].Value;
            var first = head.Index + head.Length;
            var parameters = ParseParameters(code, first, close, name, geometries ?? [], errors);
            kernels.Add(new KernelSignature(name, head.Groups["coop"].Success, CommentAbove(text, match.Index), parameters));
        }
        foreach (var group in kernels.GroupBy(k => k.Name).Where(g => g.Count() > 1))
            errors.Add(new SignatureError(0, 0, $"kernel {group.Key} is defined {group.Count()} times"));
        return kernels;
    }

    private static List<KernelParameter> ParseParameters(
        string code,
        int first,
        int close,
        string kernel,
        IReadOnlyCollection<string> geometries,
        List<SignatureError> errors
    )
    {
        var parameters = new List<KernelParameter>();
        if (code.Substring(first, close - first).Trim().Length == 0)
            return parameters;
        var start = first;
        for (var i = first; i <= close; i++)
        {
            if (i != close && code[i] != ',')
                continue;
            var text = code.Substring(start, i - start);
            var lead = text.Length - text.TrimStart().Length;
            if (ParseParameter(text, geometries) is { } parameter && TypeMap.Supports(parameter))
                parameters.Add(parameter);
            else
            {
                errors.Add(
                    new SignatureError(
                        start + lead,
                        Math.Max(1, text.Trim().Length),
                        $"parameter '{Regex.Replace(text.Trim(), @"\s+", " ")}' of kernel {kernel} has no C# type; use one of: "
                            + $"{TypeMap.Supported}"
                    )
                );
            }
            start = i + 1;
        }
        return parameters;
    }

    private static KernelParameter? ParseParameter(string text, IReadOnlyCollection<string> geometries)
    {
        var words = Word.Matches(text).Cast<Match>().Select(m => m.Value).ToList();
        var isRestrict = words.Remove("__restrict__");
        var isConst = words.Remove("const");
        while (words.Remove("const")) { }
        var stars = words.Count(w => w == "*");
        words.RemoveAll(w => w == "*");
        if (words.Count < 2 || stars > 1 || words.Any(w => !Regex.IsMatch(w, @"^[A-Za-z_]\w*$")))
            return null;
        var name = words[words.Count - 1];
        words.RemoveAt(words.Count - 1);
        var type = string.Join(" ", words);
        return new KernelParameter(name, type, stars == 1, isConst, isRestrict, stars == 0 && geometries.Contains(type));
    }

    // Same length as the input, so that offsets stay offsets into the file.
    internal static string BlankCommentsAndDirectives(string text)
    {
        var blanked = Regex.Replace(
            text,
            @"//[^\n]*|/\*.*?\*/|^[ \t]*#(?:[^\n]*\\\r?\n)*[^\n]*",
            m => Regex.Replace(m.Value, @"[^\n]", " "),
            RegexOptions.Singleline | RegexOptions.Multiline
        );
        return blanked;
    }

    internal static string CommentAbove(string text, int kernel)
    {
        var lines = text.Substring(0, text.LastIndexOf('\n', Math.Max(0, kernel - 1)) + 1).Split('\n');
        var comment = new List<string>();
        for (var i = lines.Length - 2; i >= 0; i--)
        {
            var line = lines[i].Trim();
            if (!line.StartsWith("//", StringComparison.Ordinal))
                break;
            comment.Insert(0, line.TrimStart('/').Trim());
        }
        // A file's header comment is no kernel's summary.
        if (comment.Count > 0 && comment.Count == lines.Length - 1)
            comment.Clear();
        var joined = new StringBuilder(string.Join(" ", comment).Trim());
        return joined.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").ToString();
    }
}

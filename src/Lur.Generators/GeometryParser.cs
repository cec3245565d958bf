using System.Text.RegularExpressions;

namespace Lur.Generators;

/// <summary>Reads the structs <c>struct NameGeometry { int a, b; long long c; };</c> of a header; any other member is an error.</summary>
internal static class GeometryParser
{
    private static readonly Regex Head = new(
        $@"\bstruct\s+(?<name>\w+{GeometryStruct.Ending})\s*\{{(?<body>[^}}]*)\}}",
        RegexOptions.Compiled
    );
    private static readonly Regex Member = new(@"^(?<type>int|long\s+long)\s+(?<names>\w+(?:\s*,\s*\w+)*)$", RegexOptions.Compiled);

    /// <summary>All of them in a file, in its order.</summary>
    public static List<GeometryStruct> Parse(string text, List<SignatureError> errors)
    {
        var structs = new List<GeometryStruct>();
        var code = SignatureParser.BlankCommentsAndDirectives(text);
        foreach (Match match in Head.Matches(code))
        {
            var fields = new List<(string, string)>();
            var (body, at) = (match.Groups["body"], match.Groups["body"].Index);
            foreach (var member in body.Value.Split(';'))
            {
                var declared = Member.Match(member.Trim());
                if (declared.Success)
                {
                    var type = Regex.Replace(declared.Groups["type"].Value, @"\s+", " ");
                    fields.AddRange(declared.Groups["names"].Value.Split(',').Select(name => (type, name.Trim())));
                }
                else if (member.Trim().Length > 0)
                {
                    var lead = member.Length - member.TrimStart().Length;
                    var problem = $"'{member.Trim()}' of {match.Groups["name"].Value} has no C# type; a geometry holds int and long long";
                    errors.Add(new SignatureError(at + lead, member.Trim().Length, problem));
                }

                at += member.Length + 1;
            }

            var summary = SignatureParser.CommentAbove(text, match.Index);
            structs.Add(new GeometryStruct(match.Groups["name"].Value, summary, fields));
        }

        return structs;
    }
}

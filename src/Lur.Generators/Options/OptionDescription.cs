using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;

namespace Lur.Generators.Options;

/// <summary>Help of an option: the summary of its property.</summary>
internal static class OptionDescription
{
    /// <summary>The summary as one line; a reference to a property is left as <c>{Property}</c>. Empty where there is none.</summary>
    public static string Of(ISymbol property, CancellationToken cancellation)
    {
        var xml = property.GetDocumentationCommentXml(cancellationToken: cancellation);
        if (string.IsNullOrWhiteSpace(xml))
            return "";
        try
        {
            var summary = XElement.Parse(xml).DescendantsAndSelf("summary").FirstOrDefault();
            return summary is null ? "" : Regex.Replace(string.Concat(summary.Nodes().Select(Text)), @"\s+", " ").Trim();
        }
        catch (XmlException)
        {
            return "";
        }
    }

    /// <summary>Puts the options of a record for the properties that a text refers to.</summary>
    public static string Spell(string text, IReadOnlyList<OptionModel> options) =>
        Regex.Replace(
            text,
            @"\{(\w+)\}",
            m => options.FirstOrDefault(o => o.Property == m.Groups[1].Value) is { } option ? "--" + option.Name : m.Groups[1].Value
        );

    /// <summary>What a flag adds to its summary: the defaults it changes.</summary>
    public static string WithImplied(OptionModel flag, IReadOnlyList<OptionModel> options)
    {
        if (flag.Implies.Count == 0)
            return flag.Description;
        var changes = flag
            .Implies.Select(i => (Option: options.First(o => o.Property == i.Property), i.Value.Text))
            .Select(i => i.Option.Type == OptionType.Flag ? $"--{i.Option.Name}" : $"--{i.Option.Name} {i.Text}");
        var summary = flag.Description.TrimEnd('.');
        return $"{summary}{(summary.Contains(':') ? ';' : ':')} the defaults become {string.Join(" and ", changes)}.";
    }

    private static string Text(XNode node) =>
        node switch
        {
            XText text => text.Value,
            XElement { Name.LocalName: "see" } see when see.Attribute("cref") is { } reference => Reference(reference.Value),
            XElement element => string.Concat(element.Nodes().Select(Text)),
            _ => "",
        };

    // P:Lur.Unlearning.RepairOptions.BatchSize -> {BatchSize}
    private static string Reference(string cref)
    {
        var name = cref.Substring(cref.LastIndexOf('.') + 1);
        return cref.StartsWith("P:", StringComparison.Ordinal) ? "{" + name + "}" : name;
    }
}

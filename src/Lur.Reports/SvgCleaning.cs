using System.Xml.Linq;

namespace Lur.Reports;

/// <summary>Makes the SVG of ScottPlot part of a page.</summary>
internal static class SvgCleaning
{
    /// <summary>Inks become classes, names become unique in the page, and namespaces and backgrounds go: within HTML a drawing
    /// needs neither.</summary>
    /// <param name="text">A document as ScottPlot writes it.</param>
    /// <param name="id">Prefix of the names.</param>
    public static XElement Clean(string text, string id)
    {
        var source = XDocument.Parse(text).Root!;
        // Skia counts its names over the life of the process; a page must not depend on what was drawn before.
        var names = source
            .Descendants()
            .Attributes("id")
            .Select((a, i) => (a.Value, i))
            .ToDictionary(n => n.Value, n => $"{id}-{n.i + 1}", StringComparer.Ordinal);
        var svg = Copy(source, names);
        svg.Add(new XAttribute("viewBox", $"0 0 {source.Attribute("width")?.Value} {source.Attribute("height")?.Value}"));
        svg.Attribute("width")?.Remove();
        svg.Attribute("height")?.Remove();
        return svg;
    }

    private static XElement Copy(XElement source, Dictionary<string, string> names)
    {
        var copy = new XElement(source.Name.LocalName);
        foreach (var attribute in source.Attributes().Where(a => !a.IsNamespaceDeclaration && a.Name.LocalName is not "stroke-miterlimit"))
        {
            var value = attribute.Value;
            if (attribute.Name.LocalName is "fill" or "stroke" && Inks.Classes(value, attribute.Name.LocalName) is { } name)
            {
                copy.SetAttributeValue("class", copy.Attribute("class") is { } other ? $"{other.Value} {name}" : name);
                continue;
            }

            var isReference = value.StartsWith("url(#", StringComparison.Ordinal);
            copy.SetAttributeValue(
                attribute.Name.LocalName,
                attribute.Name.LocalName == "id" ? names[value]
                    : isReference ? $"url(#{names[value[5..^1]]})"
                    : value
            );
        }

        copy.Add(source.Elements().Where(e => !IsInvisible(e)).Select(e => Copy(e, names)));
        return copy;
    }

    /// <summary>Backgrounds and ticks are transparent, and are drawn nevertheless.</summary>
    private static bool IsInvisible(XElement e) => e.Attribute("fill-opacity")?.Value == "0" || e.Attribute("stroke-opacity")?.Value == "0";
}

using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Lur.Tests.Reports;

/// <summary>What every page has to keep, and a reader of its drawings.</summary>
internal static partial class PageReading
{
    private static readonly string[] s_void = ["meta", "br", "hr", "col", "img"];

    /// <summary>Parses a page after checking that it closes every tag, loads nothing, and names each id once.</summary>
    /// <param name="page">The page.</param>
    /// <param name="pictures">Whether it may have pictures, which lie in it.</param>
    public static XElement Read(string page, bool pictures = false)
    {
        const string doctype = "<!DOCTYPE html>\n";
        Assert.That(page, Does.StartWith(doctype));
        var root = XDocument.Parse(page[doctype.Length..]).Root!;
        var rest = pictures ? Picture().Replace(page, "").Replace("; img-src data:\"", "", StringComparison.Ordinal) : page;
        Assert.That(OutsideReference().Matches(rest).Select(m => m.Value), Is.Empty, "something is loaded from outside");
        Assert.That(
            root.Descendants().Select(e => e.Name.LocalName),
            Has.None.AnyOf("script", "link", pictures ? "picture" : "img", "iframe", "object", "use", "image", "foreignObject")
        );
        Assert.That(
            root.Descendants().Attributes().Where(a => a.Name.LocalName.StartsWith("on", StringComparison.OrdinalIgnoreCase)),
            Is.Empty,
            "no handlers"
        );
        // Outside drawings a browser takes <p/> for an opening tag.
        var text = DrawingText().Replace(page, "");
        Assert.That(SelfClosed().Matches(text).Select(m => m.Groups[1].Value).Except(s_void), Is.Empty);
        string[] ids = [.. root.Descendants().Attributes("id").Select(a => a.Value)];
        Assert.That(ids, Is.Unique);
        foreach (var svg in root.Descendants("svg"))
        {
            Assert.That(svg.Attribute("role")?.Value, Is.EqualTo("img"));
            Assert.That(svg.Attribute("aria-labelledby")!.Value.Split(' '), Is.SubsetOf(ids));
        }

        foreach (var figure in root.Descendants("figure"))
            Assert.That(figure.Element("figcaption")?.Value, Does.EndWith("."));
        foreach (Match m in Reference().Matches(page))
            Assert.That(ids, Does.Contain(m.Groups[1].Value));
        Assert.That(
            root.Descendants("svg")
                .DescendantsAndSelf()
                .Attributes()
                .Where(a => a.Name.LocalName is "fill" or "stroke")
                .Select(a => a.Value)
                .Distinct(),
            Is.SubsetOf(new[] { "none" }),
            "every colour is one of the style sheet"
        );
        return root;
    }

    /// <summary>Names of the drawings, in their order.</summary>
    public static string[] Drawings(XElement page) =>
        [.. page.Descendants("svg").Select(s => s.Element("title")!.Attribute("id")!.Value[..^"-title".Length])];

    /// <summary>A drawing by name.</summary>
    public static XElement Drawing(XElement page, string name) =>
        page.Descendants("svg").Single(s => s.Element("title")!.Attribute("id")!.Value == name + "-title");

    /// <summary>The corners of a path of straight lines.</summary>
    public static (double X, double Y)[] Corners(XElement path) =>
        [
            .. Corner()
                .Matches(path.Attribute("d")!.Value)
                .Select(m =>
                    (
                        double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture),
                        double.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture)
                    )
                ),
        ];

    [GeneratedRegex(@"https?:|//|\bsrc=|\bhref|@import|url\((?!#)|data:", RegexOptions.IgnoreCase)]
    private static partial Regex OutsideReference();

    [GeneratedRegex("src=\"data:image/png;base64,[A-Za-z0-9+/=]+\"")]
    private static partial Regex Picture();

    [GeneratedRegex("<svg.*?</svg>", RegexOptions.Singleline)]
    private static partial Regex DrawingText();

    [GeneratedRegex(@"<(\w+)[^<>]*/>")]
    private static partial Regex SelfClosed();

    [GeneratedRegex(@"url\(#([^)]+)\)")]
    private static partial Regex Reference();

    [GeneratedRegex("[ML](-?[0-9.e-]+)[ ,](-?[0-9.e-]+)")]
    private static partial Regex Corner();
}

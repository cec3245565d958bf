using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Lur.Reports;

/// <summary>Pages as trees of elements: every tag closes and every text is escaped, whatever a class or a file is called.</summary>
internal static class Html
{
    private static readonly HashSet<string> s_void = new(StringComparer.Ordinal) { "meta", "br", "hr", "col", "img" };

    /// <summary>An element. Strings are text; attributes, elements and sequences of them are taken as they are.</summary>
    public static XElement E(string name, params object?[] content)
    {
        var element = new XElement(name, content.Select(c => c is string text ? Clean(text) : c));
        // <td/> is an opening tag to a browser.
        if (element.IsEmpty && !s_void.Contains(name))
            element.Add("");
        return element;
    }

    /// <summary>An attribute.</summary>
    public static XAttribute A(string name, string value) => new(name, Clean(value));

    /// <summary>A class attribute.</summary>
    public static XAttribute Class(string value) => new("class", value);

    /// <summary>Replaces what XML has no way to say: control characters, halves of surrogate pairs.</summary>
    public static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && XmlConvert.IsXmlSurrogatePair(text[i + 1], text[i]))
                clean.Append(text[i]).Append(text[++i]);
            else
                clean.Append(XmlConvert.IsXmlChar(text[i]) ? text[i] : '\uFFFD');
        }

        return clean.ToString();
    }

    /// <summary>Cuts a text in the middle, where names of classes and files differ least.</summary>
    public static string Shorten(string text, int length)
    {
        if (text.Length <= length)
            return text;
        int head = length / 2,
            tail = text.Length - (length - head - 1);
        if (char.IsHighSurrogate(text[head - 1]))
            head--;
        if (char.IsLowSurrogate(text[tail]))
            tail++;
        return string.Concat(text.AsSpan(0, head), "\u2026", text.AsSpan(tail));
    }

    /// <summary>A table; numbers lie right.</summary>
    /// <param name="table">Rows and columns.</param>
    /// <param name="caption">What it shows.</param>
    /// <param name="notes">A line below the head of each row, where a telephone has room for it; null for none.</param>
    public static XElement Table(Table table, string caption, IReadOnlyList<string>? notes = null)
    {
        table = table.WithoutEmptyColumns();
        XAttribute? Align(int c) => table.Columns[c].Right ? Class("number") : null;
        XElement Row(Cell[] cells, int r) =>
            E(
                "tr",
                cells.Select(
                    (cell, c) =>
                        c > 0
                            ? E("td", Align(c), cell.Text)
                            : E("th", A("scope", "row"), cell.Text, notes?[r].Length > 0 ? E("small", notes[r]) : null)
                )
            );
        return E(
            "div",
            Class("wide"),
            E(
                "table",
                E("caption", caption),
                E("thead", E("tr", table.Columns.Select((column, c) => E("th", A("scope", "col"), Align(c), column.Header)))),
                E("tbody", table.Rows.Select(Row))
            )
        );
    }

    /// <summary>A drawing with its title, the names of its inks, and a sentence that says how to read it.</summary>
    /// <param name="title">Title.</param>
    /// <param name="reading">The sentence.</param>
    /// <param name="drawing">The drawing.</param>
    /// <param name="legend">Inks and what they stand for; may be empty.</param>
    public static XElement Figure(string title, string reading, XElement drawing, params IReadOnlyList<(Ink Ink, string Name)> legend) =>
        E(
            "figure",
            E("h3", title),
            legend.Count == 0
                ? null
                : E(
                    "ul",
                    Class("legend"),
                    legend.Select(l => E("li", E("span", Class("key " + Inks.Fill(l.Ink)), A("aria-hidden", "true")), " " + l.Name))
                ),
            drawing,
            E("figcaption", reading)
        );

    /// <summary>The text of a page with a title and the style sheet, self-contained.</summary>
    public static string Page(string title, params object?[] body)
    {
        var main = E("main", body);
        var pictures = main.Descendants("img").Any() ? "; img-src data:" : "";
        var page = E(
            "html",
            A("lang", "en"),
            E(
                "head",
                E("meta", A("charset", "utf-8")),
                E("meta", A("name", "viewport"), A("content", "width=device-width, initial-scale=1")),
                // A page that came by mail cannot be made to load anything, whatever it was given to print.
                E(
                    "meta",
                    A("http-equiv", "Content-Security-Policy"),
                    A("content", "default-src 'none'; style-src 'unsafe-inline'" + pictures)
                ),
                E("title", title),
                E("style", PageStyle.Text)
            ),
            E("body", main)
        );
        return "<!DOCTYPE html>\n" + page + "\n";
    }
}

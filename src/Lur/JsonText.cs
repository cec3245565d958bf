using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lur;

/// <summary>JSON as Lur writes it: indented, and only what must be is escaped.</summary>
public static class JsonText
{
    private static readonly JsonWriterOptions s_options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The text of what is written.</summary>
    /// <param name="write">Writes one JSON value.</param>
    public static string Of(Action<Utf8JsonWriter> write) => Of(write, s_options);

    /// <summary>The text on one line, with all escaped that is not plain: as metadata and splits have had it from the first.</summary>
    /// <param name="write">Writes one JSON value.</param>
    internal static string OnOneLine(Action<Utf8JsonWriter> write) => Of(write, default);

    private static string Of(Action<Utf8JsonWriter> write, JsonWriterOptions options)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, options))
            write(writer);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }
}

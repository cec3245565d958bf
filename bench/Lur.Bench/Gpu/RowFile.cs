using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lur.Bench.Gpu;

/// <summary>A file of rows that is written anew, whole, with every row: a program that is killed leaves those it had.</summary>
/// <param name="path">The file.</param>
/// <param name="schema">Its kind and version.</param>
internal sealed class RowFile(string path, string schema)
{
    private static readonly JsonWriterOptions s_format = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the rows so far.</summary>
    /// <param name="more">Fields beside the rows.</param>
    /// <param name="rows">Name of each list, and how its rows are written.</param>
    public void Write(Action<Utf8JsonWriter> more, params (string Name, IEnumerable<Action<Utf8JsonWriter>> Rows)[] rows) =>
        AtomicFile.Write(
            path,
            stream =>
            {
                using var w = new Utf8JsonWriter(stream, s_format);
                w.WriteStartObject();
                w.WriteString("schema", schema);
                w.WriteString("machine", ChildProcess.Machine);
                more(w);
                foreach (var (name, list) in rows)
                {
                    w.WriteStartArray(name);
                    foreach (var row in list)
                    {
                        w.WriteStartObject();
                        row(w);
                        w.WriteEndObject();
                    }

                    w.WriteEndArray();
                }

                w.WriteEndObject();
            }
        );

    /// <summary>A number, or nothing where there is none.</summary>
    public static void Number(Utf8JsonWriter w, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
            w.WriteNumber(name, Math.Round(number, 6));
    }
}

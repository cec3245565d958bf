using System.Text.Json;
using Lur.Metrics;

namespace Lur.Runs;

/// <summary>What runs leave behind: JSON files written whole or not at all.</summary>
internal static class OutputFolder
{
    /// <summary>Version of the program, as files record it.</summary>
    public static string Version { get; } = typeof(OutputFolder).Assembly.GetName().Version?.ToString(3) ?? "0";

    /// <summary>Creates the folder and removes what a killed run left half-written.</summary>
    /// <exception cref="UserErrorException">It cannot be created.</exception>
    public static void Prepare(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"The output folder '{folder}' cannot be created ({e.Message.TrimEnd('.')}); choose another with -o."
            );
        }

        AtomicFile.RemoveLeftovers(folder);
    }

    /// <summary>Writes a JSON object.</summary>
    public static void WriteJson(string path, Action<Utf8JsonWriter> body) =>
        AtomicFile.WriteText(
            path,
            JsonText.Of(w =>
            {
                w.WriteStartObject();
                body(w);
                w.WriteEndObject();
            }) + "\n"
        );

    /// <summary>Writes a number, null where it is not finite.</summary>
    public static void WriteValue(Utf8JsonWriter w, string name, double value)
    {
        if (double.IsFinite(value))
            w.WriteNumber(name, value);
        else
            w.WriteNull(name);
    }

    /// <summary>Writes an accuracy per class.</summary>
    public static void WritePerClass(Utf8JsonWriter w, string name, IReadOnlyList<string> classes, double[] accuracy)
    {
        w.WriteStartObject(name);
        for (var c = 0; c < accuracy.Length; c++)
            WriteValue(w, classes[c], accuracy[c]);
        w.WriteEndObject();
    }

    /// <summary>Writes per-sample values as parallel arrays, one line each.</summary>
    public static void WritePredictions(Utf8JsonWriter w, Predictions p)
    {
        WriteSamples(w, p);
        WriteOutcome(w, p);
    }

    /// <summary>Writes which samples were evaluated.</summary>
    public static void WriteSamples(Utf8JsonWriter w, Predictions p)
    {
        WriteArray(w, "index", p.Indices);
        WriteArray(w, "label", p.Labels);
    }

    /// <summary>Writes the model's part of per-sample values.</summary>
    public static void WriteOutcome(Utf8JsonWriter w, Predictions p)
    {
        WriteArray(w, "predicted", p.Predicted);
        w.WritePropertyName("confidence");
        // As doubles: who reads them as such has the very numbers of the attack, and so the same labels next to its boundary.
        w.WriteRawValue("[" + string.Join(',', p.Confidence.Select(c => Text((double)c))) + "]");
        w.WritePropertyName("loss");
        w.WriteRawValue("[" + string.Join(',', p.Loss.Select(Text)) + "]");
    }

    private static void WriteArray(Utf8JsonWriter w, string name, int[] values)
    {
        w.WritePropertyName(name);
        w.WriteRawValue("[" + string.Join(',', values) + "]");
    }

    private static string Text(double value) =>
        double.IsFinite(value) ? value.ToString("R", System.Globalization.CultureInfo.InvariantCulture) : "null";

    private static string Text(float value) =>
        float.IsFinite(value) ? value.ToString("R", System.Globalization.CultureInfo.InvariantCulture) : "null";
}

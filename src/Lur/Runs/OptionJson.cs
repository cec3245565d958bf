using System.Globalization;
using System.Text.Json;

namespace Lur.Runs;

/// <summary>Options in config.json and in recipes.</summary>
internal static class OptionJson
{
    /// <summary>Writes the value of an option.</summary>
    public static void Write(Utf8JsonWriter w, OptionKind kind, string text)
    {
        if (kind is OptionKind.Number or OptionKind.Integer)
            w.WriteRawValue(OptionFormat.Of(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)));
        else if (kind == OptionKind.Flag)
            w.WriteBooleanValue(text == "true");
        else
            w.WriteStringValue(text);
    }

    /// <summary>Writes options as fields of the object that is open: weight-decay is weightDecay, and no-nesterov is nesterov, the
    /// other way round.</summary>
    public static void WriteFields(Utf8JsonWriter w, OptionRecord options)
    {
        foreach (var (option, text) in options.Texts())
        {
            w.WritePropertyName(FieldOf(option));
            Write(w, option.Kind, SwitchesOff(option) ? Negated(text) : text);
        }
    }

    /// <summary>Texts of the options whose fields an object has.</summary>
    /// <param name="e">JSON object.</param>
    /// <param name="list">Options there are.</param>
    public static Dictionary<string, string> ReadFields(JsonElement e, IReadOnlyList<OptionInfo> list)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var option in list)
        {
            if (!e.TryGetProperty(FieldOf(option), out var value))
                continue;
            var text = TextOf(value);
            texts.Add(option.Name, SwitchesOff(option) ? Negated(text) : text);
        }

        return texts;
    }

    /// <summary>The value of a field as text of an option.</summary>
    public static string TextOf(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.Number => OptionFormat.Of(value.GetDouble()),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => value.GetString()!,
        };

    private static bool SwitchesOff(OptionInfo option) =>
        option.Kind == OptionKind.Flag && option.Name.StartsWith("no-", StringComparison.Ordinal);

    private static string Negated(string text) =>
        text switch
        {
            "true" => "false",
            "false" => "true",
            _ => text,
        };

    private static string FieldOf(OptionInfo option)
    {
        var words = (SwitchesOff(option) ? option.Name["no-".Length..] : option.Name).Split('-');
        return words[0] + string.Concat(words.Skip(1).Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
    }
}

using System.Text;
using System.Text.Json;

namespace Lur.Data;

/// <summary>split.json.</summary>
internal sealed class SplitDocument
{
    public int Version { get; set; }
    public string Dataset { get; set; } = "";
    public int Count { get; set; }
    public string Fingerprint { get; set; } = "";
    public ulong Seed { get; set; }
    public double ValidationShare { get; set; }
    public string TrainSha256 { get; set; } = "";
    public string ValidationSha256 { get; set; } = "";
    public int[] Train { get; set; } = [];
    public int[] Validation { get; set; } = [];

    /// <summary>Reads one; fields that are unknown are passed over.</summary>
    /// <param name="json">UTF-8.</param>
    /// <returns>Null where the text is <c>null</c>.</returns>
    /// <exception cref="JsonException">It is no JSON, or a field is of another kind; with the place.</exception>
    public static SplitDocument? Read(ReadOnlySpan<byte> json)
    {
        if (json.StartsWith(Encoding.UTF8.Preamble))
            json = json[Encoding.UTF8.Preamble.Length..];
        var reader = new Utf8JsonReader(json);
        SplitDocument? document = null;
        reader.Read();
        if (reader.TokenType != JsonTokenType.Null)
        {
            Expect(reader, JsonTokenType.StartObject, json);
            document = new SplitDocument();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = Characters(reader, json);
                reader.Read();
                document.Take(name, ref reader, json);
            }
        }

        // Nothing may follow.
        reader.Read();
        return document;
    }

    /// <summary>Its text, on one line.</summary>
    public string ToJson() =>
        JsonText.OnOneLine(w =>
        {
            w.WriteStartObject();
            w.WriteNumber("version", Version);
            w.WriteString("dataset", Dataset);
            w.WriteNumber("count", Count);
            w.WriteString("fingerprint", Fingerprint);
            w.WriteNumber("seed", Seed);
            w.WriteNumber("validation_share", ValidationShare);
            w.WriteString("train_sha256", TrainSha256);
            w.WriteString("validation_sha256", ValidationSha256);
            Write(w, "train", Train);
            Write(w, "validation", Validation);
            w.WriteEndObject();
        });

    private void Take(string name, ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        switch (name)
        {
            case "version":
                Version = Whole(reader, json);
                break;
            case "dataset":
                Dataset = Text(reader, json);
                break;
            case "count":
                Count = Whole(reader, json);
                break;
            case "fingerprint":
                Fingerprint = Text(reader, json);
                break;
            case "seed":
                Expect(reader, JsonTokenType.Number, json);
                Seed = reader.TryGetUInt64(out var seed) ? seed : throw At(reader, json);
                break;
            case "validation_share":
                Expect(reader, JsonTokenType.Number, json);
                ValidationShare = reader.GetDouble();
                break;
            case "train_sha256":
                TrainSha256 = Text(reader, json);
                break;
            case "validation_sha256":
                ValidationSha256 = Text(reader, json);
                break;
            case "train":
                Train = List(ref reader, json);
                break;
            case "validation":
                Validation = List(ref reader, json);
                break;
            default:
                reader.Skip();
                break;
        }
    }

    private static string Text(in Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        Expect(reader, JsonTokenType.String, json);
        return Characters(reader, json);
    }

    private static string Characters(in Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // Bytes that are no UTF-8.
            throw At(reader, json);
        }
    }

    private static int Whole(in Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        Expect(reader, JsonTokenType.Number, json);
        return reader.TryGetInt32(out var number) ? number : throw At(reader, json);
    }

    private static int[] List(ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        Expect(reader, JsonTokenType.StartArray, json);
        var numbers = new List<int>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            numbers.Add(Whole(reader, json));
        return [.. numbers];
    }

    private static void Expect(in Utf8JsonReader reader, JsonTokenType type, ReadOnlySpan<byte> json)
    {
        if (reader.TokenType != type)
            throw At(reader, json);
    }

    private static JsonException At(in Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        var before = json[..(int)reader.TokenStartIndex];
        var line = before.LastIndexOf((byte)'\n') + 1;
        return new JsonException(null, null, before.Count((byte)'\n'), before.Length - line);
    }

    private static void Write(Utf8JsonWriter w, string name, int[] numbers)
    {
        w.WriteStartArray(name);
        foreach (var number in numbers)
            w.WriteNumberValue(number);
        w.WriteEndArray();
    }
}

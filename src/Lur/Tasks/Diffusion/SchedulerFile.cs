using System.Text;
using System.Text.Json;

namespace Lur.Tasks.Diffusion;

/// <summary>A key of a file with its value: both as they are spelt there, and parsed.</summary>
internal sealed record SchedulerEntry(string Key, string SpeltKey, string Spelt, JsonElement Value);

/// <summary>The text of a scheduler's file, split into its keys. Python writes infinities and NaN as words, which JSON does not know:
/// an infinity is read as a number, NaN as none.</summary>
internal sealed class SchedulerFile
{
    private readonly Dictionary<string, SchedulerEntry> _byKey = new(StringComparer.Ordinal);

    private SchedulerFile(string text, string path) => (Text, Path) = (text, path);

    /// <summary>The text as it was read.</summary>
    public string Text { get; }

    /// <summary>What messages call the file.</summary>
    public string Path { get; }

    /// <summary>Keys in the order of the file.</summary>
    public List<SchedulerEntry> Entries { get; } = [];

    /// <summary>What the configuration was when it was read.</summary>
    public SchedulerConfig? Read { get; set; }

    /// <summary>Splits a text.</summary>
    /// <exception cref="UserErrorException">It is no JSON object, or names a key twice.</exception>
    public static SchedulerFile Parse(string text, string path)
    {
        var file = new SchedulerFile(text, path);
        var bytes = Encoding.UTF8.GetBytes(text);
        var json = Masked(bytes);
        var reader = new Utf8JsonReader(json);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                throw new UserErrorException($"'{path}' is no JSON object, as a scheduler's configuration is.");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                file.Add(ref reader, bytes, json);
            reader.Read(); // reports what follows the closing brace
        }
        catch (JsonException e)
        {
            throw new UserErrorException(
                $"'{path}' is not valid JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}): the file is damaged, or is no "
                    + "scheduler's configuration.",
                e
            );
        }
        catch (InvalidOperationException e)
        {
            throw new UserErrorException($"'{path}' has a text that is no Unicode at offset {reader.TokenStartIndex}; correct it.", e);
        }

        return file;
    }

    /// <summary>The entry of a key; null where the file has none, or a null.</summary>
    public SchedulerEntry? Find(string key) =>
        _byKey.TryGetValue(key, out var entry) && entry.Value.ValueKind != JsonValueKind.Null ? entry : null;

    /// <summary>The error of a value that is not what it has to be.</summary>
    public UserErrorException Bad(SchedulerEntry entry, string expected) =>
        new($"'{Path}': '{entry.Key}' is {entry.Spelt}, expected {expected}.");

    private void Add(ref Utf8JsonReader reader, byte[] bytes, byte[] json)
    {
        var key = reader.GetString()!;
        var spelt = Encoding.UTF8.GetString(bytes, (int)reader.TokenStartIndex, reader.ValueSpan.Length + 2);
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
            _ = reader.GetString(); // fails here, where the place is known
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        var end = (int)reader.BytesConsumed;
        using var value = JsonDocument.Parse(json.AsMemory(start, end - start));
        var entry = new SchedulerEntry(key, spelt, Encoding.UTF8.GetString(bytes, start, end - start), value.RootElement.Clone());
        if (!_byKey.TryAdd(key, entry))
            throw new UserErrorException($"'{Path}' has the key '{key}' twice; keep one.");
        Entries.Add(entry);
    }

    // Of the same length, so that places stay: an infinity is a number too large for a double, NaN a text.
    private static byte[] Masked(byte[] bytes)
    {
        var masked = (byte[])bytes.Clone();
        var quoted = false;
        for (var i = 0; i < masked.Length; i++)
        {
            var rest = bytes.AsSpan(i);
            if (rest[0] == (byte)'"')
                quoted = !quoted;
            else if (quoted)
                i += rest[0] == (byte)'\\' ? 1 : 0;
            else if (rest.StartsWith("Infinity"u8))
                "9.9e9999"u8.CopyTo(masked.AsSpan(i));
            else if (rest.StartsWith("NaN"u8))
                "\"N\""u8.CopyTo(masked.AsSpan(i));
        }

        return masked;
    }
}

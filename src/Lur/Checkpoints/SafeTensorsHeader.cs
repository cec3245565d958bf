using System.Buffers.Binary;
using System.Text.Json;

namespace Lur.Checkpoints;

/// <summary>
/// The header of a safetensors file: eight bytes of little-endian length, then that many bytes of JSON. Parsing is strict
/// in the sense of the format's own validator (github.com/huggingface/safetensors, "Format"): the JSON starts with '{',
/// may be padded with spaces, names no key twice, and the tensors cover the data section without hole or overlap.
/// </summary>
internal sealed class SafeTensorsHeader
{
    /// <summary>The format's own bound on the JSON: a longer one is an attack or garbage, and is not read.</summary>
    public const long MaxBytes = 100_000_000;

    public const int LengthBytes = 8;
    private const string MetadataKey = "__metadata__";

    private readonly string _path;
    private readonly List<TensorInfo> _tensors = [];
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    private SafeTensorsHeader(string path) => _path = path;

    /// <summary>Tensors in the order of the JSON.</summary>
    public IReadOnlyList<TensorInfo> Tensors => _tensors;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Offset of the data section in the file.</summary>
    public long DataOffset { get; private set; }

    /// <summary>Parses and validates the header of a mapped file against the file's length.</summary>
    public static SafeTensorsHeader Parse(MappedFile file)
    {
        var header = new SafeTensorsHeader(file.Path);
        if (file.Length < LengthBytes)
            throw header.Bad(0, $"the file has {file.Length} bytes, expected at least 8 (the length of the header)");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Slice(0, LengthBytes));
        if (length > MaxBytes)
            throw header.Bad(0, $"the header claims {length} bytes, expected at most {MaxBytes}");
        if ((long)length > file.Length - LengthBytes)
            throw header.Bad(0, $"the header claims {length} bytes, but only {file.Length - LengthBytes} follow; the file is cut");
        header.DataOffset = LengthBytes + (long)length;
        var json = file.Slice(LengthBytes, (int)length);
        header.ReadJson(json);
        header.CheckLayout(file.Length);
        return header;
    }

    /// <summary>Tensors of a header that stands alone.</summary>
    public static IReadOnlyList<TensorInfo> ParseText(string path, ReadOnlySpan<byte> json)
    {
        var header = new SafeTensorsHeader(path);
        header.ReadJson(json);
        return header.Tensors;
    }

    private void ReadJson(ReadOnlySpan<byte> json)
    {
        if (json.Length == 0 || json[0] != (byte)'{')
            throw Bad(LengthBytes, "expected '{', the start of the header's JSON");
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 4 });
        try
        {
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = Text(ref reader);
                if (!_names.Add(name))
                    throw Bad(ref reader, $"the name '{name}' occurs twice");
                if (name == MetadataKey)
                    ReadMetadata(ref reader);
                else
                    ReadTensor(ref reader, name);
            }
            // Reads the end of the text, which reports anything but white space after the closing brace.
            reader.Read();
        }
        catch (JsonException e)
        {
            throw new UserErrorException(
                $"'{_path}', offset {LengthBytes + reader.BytesConsumed}: the header is not valid JSON "
                    + $"(line {e.LineNumber}, byte {e.BytePositionInLine}); the file is damaged or is not a safetensors file; "
                    + "fetch it again, or write it again.",
                e
            );
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, "__metadata__ to be an object of strings");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = Text(ref reader);
            Expect(ref reader, JsonTokenType.String, $"__metadata__ entry '{key}' to be a string");
            if (!_metadata.TryAdd(key, Text(ref reader)))
                throw Bad(ref reader, $"the __metadata__ key '{key}' occurs twice");
        }
    }

    private void ReadTensor(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.StartObject, $"tensor '{name}' to be an object");
        TensorType? type = null;
        List<long>? shape = null,
            offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = Text(ref reader);
            if (
                key switch
                {
                    "dtype" => type is not null,
                    "shape" => shape is not null,
                    "data_offsets" => offsets is not null,
                    _ => false,
                }
            )
                throw Bad(ref reader, $"tensor '{name}' has '{key}' twice");
            switch (key)
            {
                case "dtype":
                    Expect(ref reader, JsonTokenType.String, $"dtype of '{name}' to be a string");
                    var spelled = Text(ref reader);
                    type = TensorTypes.TryParse(spelled, out var t)
                        ? t
                        : throw Bad(
                            ref reader,
                            $"tensor '{name}' has dtype '{spelled}', expected one of " + string.Join(", ", TensorTypes.Names)
                        );
                    break;
                case "shape":
                    shape = ReadIntegers(ref reader, name, "shape");
                    break;
                case "data_offsets":
                    offsets = ReadIntegers(ref reader, name, "data_offsets");
                    break;
                default:
                    throw Bad(ref reader, $"tensor '{name}' has the key '{key}', expected dtype, shape and data_offsets only");
            }
        }
        if (type is null || shape is null || offsets is null)
            throw Bad(ref reader, $"tensor '{name}' lacks one of dtype, shape and data_offsets");
        if (offsets.Count != 2)
            throw Bad(ref reader, $"tensor '{name}' has {offsets.Count} data_offsets, expected 2 (begin and end)");
        CheckSize(ref reader, name, type.Value, shape, offsets[0], offsets[1]);
        _tensors.Add(new TensorInfo(name, type.Value, shape, offsets[0], offsets[1]));
    }

    private void CheckSize(ref Utf8JsonReader reader, string name, TensorType type, List<long> shape, long begin, long end)
    {
        var bytes = (UInt128)type.Size();
        foreach (var extent in shape)
        {
            bytes *= (UInt128)extent;
            if (bytes > long.MaxValue)
                throw Bad(ref reader, $"tensor '{name}' has shape {TensorInfo.TextOf(shape)}, whose size overflows 64 bits");
        }
        if (end < begin || (UInt128)(end - begin) != bytes)
            throw Bad(
                ref reader,
                $"tensor '{name}' has data_offsets [{begin}, {end}], expected {bytes} bytes for "
                    + $"{type.Name()} {TensorInfo.TextOf(shape)}"
            );
    }

    private void CheckLayout(long fileLength)
    {
        long available = fileLength - DataOffset,
            position = 0;
        foreach (var t in _tensors.OrderBy(t => t.Begin).ThenBy(t => t.End))
        {
            if (t.Begin != position)
                throw Bad(
                    DataOffset + Math.Min(position, t.Begin),
                    $"tensor '{t.Name}' starts at data offset {t.Begin}, expected {position} (tensors leave no "
                        + (t.Begin > position ? "hole)" : "overlap)")
                );
            if (t.End > available)
                throw Bad(
                    DataOffset + t.Begin,
                    $"tensor '{t.Name}' ends at data offset {t.End}, but the file holds only " + $"{available} data bytes; the file is cut"
                );
            position = t.End;
        }
        if (position != available)
            throw Bad(DataOffset + position, $"{available - position} bytes follow the last tensor, expected the end of the file");
    }

    private List<long> ReadIntegers(ref Utf8JsonReader reader, string name, string key)
    {
        Expect(ref reader, JsonTokenType.StartArray, $"{key} of '{name}' to be a list of integers");
        var values = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var value) || value < 0)
                throw Bad(ref reader, $"{key} of '{name}' holds something else than integers of 0 or more");
            values.Add(value);
        }
        return values;
    }

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type, string expected)
    {
        if (!reader.Read() || reader.TokenType != type)
            throw Bad(ref reader, $"expected {expected}");
    }

    private string Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new UserErrorException(
                $"'{_path}', offset {LengthBytes + reader.TokenStartIndex}: a name or string is not valid UTF-8; the file is "
                    + "damaged; fetch it again, or write it again.",
                e
            );
        }
    }

    private UserErrorException Bad(ref Utf8JsonReader reader, string what) => Bad(LengthBytes + reader.TokenStartIndex, what);

    private UserErrorException Bad(long offset, string what) =>
        new($"'{_path}', offset {offset}: {what}; the file is damaged or is not a safetensors file; fetch it again, or write it again.");

    /// <summary>
    /// Builds length and JSON for tensors already in file order, padded with spaces to a multiple of eight so that the
    /// data section is aligned for every element type.
    /// </summary>
    public static byte[] Build(IEnumerable<TensorInfo> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = false }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(MetadataKey);
                foreach ((var key, var value) in metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach (var t in tensors)
            {
                json.WriteStartObject(t.Name);
                json.WriteString("dtype", t.Type.Name());
                WriteIntegers(json, "shape", t.Shape);
                WriteIntegers(json, "data_offsets", [t.Begin, t.End]);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        var text = buffer.ToArray();
        var padded = (text.Length + 7) & ~7;
        var header = new byte[LengthBytes + padded];
        BinaryPrimitives.WriteInt64LittleEndian(header, padded);
        text.CopyTo(header, LengthBytes);
        header.AsSpan(LengthBytes + text.Length).Fill((byte)' ');
        return header;
    }

    private static void WriteIntegers(Utf8JsonWriter json, string key, IReadOnlyList<long> values)
    {
        json.WriteStartArray(key);
        foreach (var value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}

using System.Globalization;
using System.Text.Json;

namespace Lur.Models;

/// <summary>Reads the keys of a diffusers configuration: of the right kind and range, or refused by name. A missing key has a default;
/// null is none.</summary>
internal sealed class ConfigReader
{
    private readonly JsonElement _root;

    public ConfigReader(string path, ReadOnlySpan<byte> json)
    {
        Path = path;
        try
        {
            var reader = new Utf8JsonReader(json);
            _root = JsonElement.ParseValue(ref reader);
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"'{path}' is not JSON: {e.Message.TrimEnd('.')}.", e);
        }

        if (_root.ValueKind != JsonValueKind.Object)
            throw new UserErrorException($"'{path}' is not a configuration: it holds no JSON object.");
    }

    /// <summary>The file, for messages.</summary>
    public string Path { get; }

    /// <summary>True for a configuration of diffusers 0.0.x, where a missing attention_head_dim is one head.</summary>
    public bool IsOld => Text("_diffusers_version")?.StartsWith("0.0.", StringComparison.Ordinal) == true;

    /// <summary>A text; null where it is missing or null.</summary>
    public string? Text(string key) =>
        !Has(key, out var value) || value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Refusal(key, value.GetRawText(), "a text");

    /// <summary>A text that is one of those known; the default where the key is missing.</summary>
    public string RequireOneOf(string key, string missing, params ReadOnlySpan<string> known)
    {
        var value = Has(key, out _) ? Text(key) : missing;
        foreach (var one in known)
            if (value == one)
                return value;
        throw Refusal(key, value ?? "null", string.Join(" or ", known.ToArray()));
    }

    /// <summary>A list of texts; null where it is missing or something else.</summary>
    public IReadOnlyList<string>? Texts(string key) =>
        Has(key, out var value)
        && value.ValueKind == JsonValueKind.Array
        && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(v => v.GetString()!)]
            : null;

    /// <summary>A truth value.</summary>
    public bool Boolean(string key, bool missing) =>
        !Has(key, out var value) ? missing
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Refusal(key, value.GetRawText(), "true or false");

    /// <summary>A number.</summary>
    public double Number(string key, double missing, Func<double, bool> allowed) =>
        !Has(key, out var value) ? missing
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) && allowed(number)
            ? number
        : throw Refusal(key, value.GetRawText(), "a number in its range");

    /// <summary>A whole number, or null for none.</summary>
    /// <param name="key">Key.</param>
    /// <param name="missing">Where it is missing.</param>
    /// <param name="least">Least value.</param>
    /// <param name="most">Greatest.</param>
    /// <param name="missingIsNull">True where a missing key means null.</param>
    public int? Integer(string key, int? missing, int least, int most, bool missingIsNull = false)
    {
        if (!Has(key, out var value))
            return missingIsNull ? null : missing;
        if (value.ValueKind == JsonValueKind.Null)
            return null;
        return Whole(key, value, least, most);
    }

    /// <summary>A whole number, never null.</summary>
    public int Count(string key, int missing, int least, int most) =>
        Integer(key, missing, least, most) ?? throw Refusal(key, "null", $"a whole number from {least} to {most}");

    /// <summary>A list of whole numbers.</summary>
    public int[] Integers(string key, int[] missing, int least, int most)
    {
        if (!Has(key, out var value))
            return missing;
        var list = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToValues() : [];
        return list.Length is >= 1 and <= 8
            ? [.. list.Select(v => Whole(key, v, least, most))]
            : throw Refusal(key, value.GetRawText(), "a list of 1 to 8 whole numbers");
    }

    /// <summary>A whole number or a list of them.</summary>
    public int[] IntegersOrOne(string key, int missing, int least, int most) =>
        Has(key, out var value) && value.ValueKind != JsonValueKind.Array
            ? [Whole(key, value, least, most)]
            : Integers(key, [missing], least, most);

    /// <summary>The JSON of a value; null where the key is missing or null.</summary>
    public string? Value(string key) => Has(key, out var value) && value.ValueKind != JsonValueKind.Null ? value.GetRawText() : null;

    /// <summary>For each level whether its block is that with attention.</summary>
    public bool[] Blocks(string key, string plain, string attention, bool[] missing, int levels)
    {
        var names = missing.Select(m => m ? attention : plain).ToArray();
        if (Has(key, out var value))
            names =
                value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String)
                    ? [.. value.EnumerateArray().Select(v => v.GetString()!)]
                    : throw Refusal(key, value.GetRawText(), "a list of names");
        if (names.Length != levels)
            throw Refusal(key, $"{names.Length} blocks", $"{levels}, one for each of block_out_channels");
        if (Array.Find(names, n => n != plain && n != attention) is { } unknown)
            throw Refusal(key, unknown, plain == attention ? plain : $"{plain} or {attention}");
        return names.Select(n => n == attention).ToValues();
    }

    /// <summary>Refuses blocks of any kind but one, and another number of them than levels; a missing key is fine.</summary>
    public void RequireBlocks(string key, string kind, int levels) => Blocks(key, kind, kind, new bool[levels], levels);

    /// <summary>Refuses a key that is there and not null.</summary>
    public void RequireAbsent(string key)
    {
        if (Has(key, out var value) && value.ValueKind != JsonValueKind.Null)
            throw Refusal(key, value.GetRawText(), "null");
    }

    /// <summary>An extent or [height, width]; null where it is missing or null.</summary>
    public (int Height, int Width)? Size(string key)
    {
        if (!Has(key, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind != JsonValueKind.Array)
            return (Whole(key, value, 1, 65536), Whole(key, value, 1, 65536));
        var both = Integers(key, [], 1, 65536);
        return both.Length == 2 ? (both[0], both[1]) : throw Refusal(key, value.GetRawText(), "an extent, or height and width");
    }

    /// <summary>Refuses a number that does not divide every width.</summary>
    public void RequireDivides(string key, int number, IEnumerable<int> widths)
    {
        if (widths.FirstOrDefault(w => w % number != 0) is > 0 and var width)
            throw Refusal(key, number.ToString(CultureInfo.InvariantCulture), $"a divisor of every width it is used for, also of {width}");
    }

    /// <summary>What to say of a value that cannot be used.</summary>
    public UserErrorException Refusal(string key, string value, string expected) =>
        new($"'{Path}': the key '{key}' is {value}; this program builds networks with {expected}.");

    private int Whole(string key, JsonElement value, int least, int most) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var n) && n >= least && n <= most
            ? n
            : throw Refusal(key, value.GetRawText(), $"a whole number from {least} to {most}");

    private bool Has(string key, out JsonElement value) => _root.TryGetProperty(key, out value);
}

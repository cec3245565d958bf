using System.Text.Json;

namespace Lur.Text;

/// <summary>The files of a tokenizer as transformers writes them, and what they hold.</summary>
/// <param name="Tokens">Number of each token.</param>
/// <param name="Pairs">Pairs in the order of joining.</param>
/// <param name="Length">Tokens of an encoded prompt; null where the files do not say.</param>
/// <param name="Pad">Token that fills up; null where the files do not say.</param>
/// <param name="Files">Texts of the files by name, as they were.</param>
internal sealed record ClipVocabulary(
    IReadOnlyDictionary<string, int> Tokens,
    BytePairs Pairs,
    int? Length,
    string? Pad,
    IReadOnlyDictionary<string, string> Files
)
{
    private const string TokensName = "vocab.json",
        PairsName = "merges.txt",
        ConfigName = "tokenizer_config.json",
        SpecialName = "special_tokens_map.json",
        Version = "#version: 0.2";

    private const int LargestId = 1 << 24,
        LongestPrompt = 1 << 16,
        // What the original reads of a file: 49,408 tokens but for 512 of bytes, begin and end.
        MostPairs = 48_894;

    /// <summary>Reads a folder.</summary>
    /// <exception cref="UserErrorException">A file is missing or damaged.</exception>
    public static ClipVocabulary Read(string folder)
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in new[] { TokensName, PairsName, ConfigName, SpecialName })
            if (File.Exists(Path.Combine(folder, name)))
                files[name] = TextFile.Read(Path.Combine(folder, name));
        foreach (var name in new[] { TokensName, PairsName })
            if (!files.ContainsKey(name))
                throw new UserErrorException(
                    $"'{folder}' has no {name}, which a tokenizer of CLIP consists of; download it, or save it in Python: "
                        + "CLIPTokenizer.from_pretrained(NAME).save_pretrained(FOLDER)."
                );
        var path = Path.Combine(folder, TokensName);
        var tokens = TokensOf(path, files[TokensName]);
        if (!tokens.ContainsKey(ClipPieces.Begin) || !tokens.ContainsKey(ClipPieces.End))
            throw new UserErrorException(
                $"'{path}' lacks '{ClipPieces.Begin}' or '{ClipPieces.End}': it is damaged, or not a vocabulary of CLIP."
            );
        var pairs = PairsOf(Path.Combine(folder, PairsName), files[PairsName], tokens);
        var (config, special) = (Object(folder, files, ConfigName), Object(folder, files, SpecialName));
        return new ClipVocabulary(tokens, pairs, LengthIn(config), TextIn(special) ?? TextIn(config), files);
    }

    /// <summary>A vocabulary of our own, with the texts of its files.</summary>
    /// <param name="tokens">Every token, its place its number.</param>
    /// <param name="joined">Pairs in the order of joining.</param>
    /// <param name="length">Tokens of an encoded prompt.</param>
    public static ClipVocabulary Create(IReadOnlyList<string> tokens, IReadOnlyList<(string First, string Second)> joined, int length)
    {
        var pairs = new BytePairs();
        foreach (var (first, second) in joined)
            pairs.Add(first, second);
        var special = new (string Key, string Token)[]
        {
            ("bos_token", ClipPieces.Begin),
            ("eos_token", ClipPieces.End),
            ("pad_token", ClipPieces.End),
            ("unk_token", ClipPieces.End),
        };
        void Special(Utf8JsonWriter w)
        {
            foreach (var (key, token) in special)
                w.WriteString(key, token);
        }

        var files = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            [PairsName] = $"{Version}\n{string.Concat(joined.Select(p => $"{p.First} {p.Second}\n"))}",
            [TokensName] = Json(w =>
            {
                for (var i = 0; i < tokens.Count; i++)
                    w.WriteNumber(tokens[i], i);
            }),
            [SpecialName] = Json(Special),
            [ConfigName] = Json(w =>
            {
                w.WriteString("tokenizer_class", "CLIPTokenizer");
                w.WriteNumber("model_max_length", length);
                w.WriteBoolean("do_lower_case", true);
                Special(w);
                w.WriteString("errors", "replace");
                w.WriteBoolean("add_prefix_space", false);
            }),
        };
        return new ClipVocabulary(tokens.Select((t, i) => (t, i)).ToDictionary(p => p.t, p => p.i), pairs, length, ClipPieces.End, files);
    }

    private static string Json(Action<Utf8JsonWriter> entries) =>
        JsonText.Of(w =>
        {
            w.WriteStartObject();
            entries(w);
            w.WriteEndObject();
        }) + "\n";

    private static Dictionary<string, int> TokensOf(string path, string text)
    {
        var (tokens, ids) = (new Dictionary<string, int>(StringComparer.Ordinal), new HashSet<int>());
        foreach (var entry in Parse(path, text).EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out var id) || id is < 0 or > LargestId)
                throw new UserErrorException($"'{path}': the token '{entry.Name}' has no number; download it again.");
            if (!ids.Add(id) || !tokens.TryAdd(entry.Name, id))
                throw new UserErrorException($"'{path}': the token '{entry.Name}' or its number {id} is there twice; download it again.");
        }

        return tokens;
    }

    private static BytePairs PairsOf(string path, string text, Dictionary<string, int> tokens)
    {
        var lines = text.Split('\n').Select(l => l.TrimEnd('\r')).ToArray();
        if (!lines[0].StartsWith("#version", StringComparison.Ordinal))
            throw new UserErrorException($"'{path}' does not begin with '{Version}', as a list of pairs does; download it again.");
        var pairs = new BytePairs();
        for (var i = 1; i < lines.Length && pairs.Count < MostPairs; i++)
        {
            if (lines[i].Length == 0)
                continue;
            var parts = lines[i].Split(' ');
            if (parts.Length != 2 || parts[0].Length == 0 || parts[1].Length == 0)
                throw new UserErrorException($"'{path}', line {i + 1}: '{lines[i]}' is no pair of symbols; download it again.");
            if (!tokens.ContainsKey(parts[0] + parts[1]))
                throw new UserErrorException(
                    $"'{path}', line {i + 1}: '{lines[i]}' joins to no token of {TokensName} beside it; the two files are of one download."
                );
            if (!pairs.Add(parts[0], parts[1]))
                throw new UserErrorException($"'{path}', line {i + 1}: '{lines[i]}' is there twice; download it again.");
        }

        return pairs;
    }

    private static JsonElement? Object(string folder, SortedDictionary<string, string> files, string name) =>
        files.TryGetValue(name, out var text) ? Parse(Path.Combine(folder, name), text) : null;

    private static JsonElement Parse(string path, string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind == JsonValueKind.Object)
                return json.RootElement.Clone();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Said below; a name with half a surrogate pair is the second.
        }

        throw new UserErrorException($"'{path}' is no JSON object; download it again.");
    }

    // transformers writes 1e30 for no limit.
    private static int? LengthIn(JsonElement? config) =>
        config is { } c
        && c.TryGetProperty("model_max_length", out var value)
        && value.ValueKind == JsonValueKind.Number
        && value.TryGetInt32(out var length)
        && length is >= 2 and <= LongestPrompt
            ? length
            : null;

    // A token is its text, or an object with the text as content.
    private static string? TextIn(JsonElement? file)
    {
        if (file is not { } f || !f.TryGetProperty("pad_token", out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content))
            value = content;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }
}

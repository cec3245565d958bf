using System.Text;

namespace Lur.Text;

/// <summary>The tokenizer of CLIP and of Stable Diffusion: byte-pair encoding of pieces of the prompt in small letters, between a begin and
/// an end token, filled up to a length. Radford et al. 2021.</summary>
public sealed class ClipTokenizer
{
    /// <summary>Tokens of an encoded prompt where nothing says otherwise.</summary>
    public const int UsualLength = 77;

    // Joining is quadratic in the length of a piece; no prompt that is kept in 77 tokens is longer.
    private const int LongestPrompt = 1 << 14;

    private readonly ClipVocabulary _vocabulary;
    private readonly Dictionary<int, string> _names;

    private ClipTokenizer(ClipVocabulary vocabulary, string path)
    {
        _vocabulary = vocabulary;
        _names = vocabulary.Tokens.ToDictionary(t => t.Value, t => t.Key);
        (BeginId, EndId) = (vocabulary.Tokens[ClipPieces.Begin], vocabulary.Tokens[ClipPieces.End]);
        var pad = vocabulary.Pad ?? ClipPieces.End;
        PadId = vocabulary.Tokens.TryGetValue(pad, out var id)
            ? id
            : throw new UserErrorException($"The tokenizer in '{path}' fills up with '{pad}', which its vocab.json does not have.");
        Length = vocabulary.Length ?? UsualLength;
    }

    /// <summary>Tokens of an encoded prompt, begin and end among them: what the folder says, or 77.</summary>
    public int Length { get; }

    /// <summary>One more than the greatest id: rows that a table of embeddings needs.</summary>
    public int IdCount => _names.Keys.Max() + 1;

    /// <summary>Id that begins a prompt.</summary>
    public int BeginId { get; }

    /// <summary>Id that ends a prompt.</summary>
    public int EndId { get; }

    /// <summary>Id that fills up: the end token in Stable Diffusion 1, that of "!" in 2.</summary>
    public int PadId { get; }

    /// <summary>Opens a folder with vocab.json and merges.txt, and tokenizer_config.json and special_tokens_map.json where they are
    /// there.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="UserErrorException">A file is missing or damaged.</exception>
    public static ClipTokenizer Open(string folder) => new(ClipVocabulary.Read(folder), folder);

    /// <summary>A tokenizer in which each of some words is one token, and all else is bytes or what their joining gave.</summary>
    /// <param name="words">The words, each one piece of a prompt: letters alone, or signs alone.</param>
    /// <param name="length">Tokens of an encoded prompt.</param>
    /// <exception cref="UserErrorException">A word is none, or several pieces.</exception>
    public static ClipTokenizer OfWords(IEnumerable<string> words, int length = UsualLength)
    {
        ArgumentNullException.ThrowIfNull(words);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        string[] bytes = [.. ByteCharacters.Order.Select(b => ByteCharacters.Of(b).ToString())];
        List<string> tokens = [.. bytes, .. bytes.Select(b => b + BytePairs.WordEnd)];
        var (known, pairs, joined) = (tokens.ToHashSet(StringComparer.Ordinal), new BytePairs(), new List<(string, string)>());
        foreach (var word in words)
        {
            if (ClipPieces.Of(word).ToArray() is not [var piece])
                throw new UserErrorException($"'{word}' is not one word of letters or one of signs; cut it up.");
            var characters = ByteCharacters.Of(piece);
            // Pairs are only appended, so a word that was one token stays one.
            while (pairs.SymbolsOf(characters) is { Count: > 1 } symbols)
            {
                // Not two ways to one token: the original counts pairs to number its tokens.
                var fresh = Sequences.Range(0, symbols.Count - 1).FirstOrDefault(i => !known.Contains(symbols[i] + symbols[i + 1]));
                var (first, second) = (symbols[fresh], symbols[fresh + 1]);
                pairs.Add(first, second);
                joined.Add((first, second));
                if (known.Add(first + second))
                    tokens.Add(first + second);
            }
        }

        return new(ClipVocabulary.Create([.. tokens, ClipPieces.Begin, ClipPieces.End], joined, length), "");
    }

    /// <summary>Writes the files of the tokenizer: those it was read from, byte for byte.</summary>
    /// <param name="folder">The folder; created where it is missing.</param>
    /// <exception cref="UserErrorException">A file is there already, or cannot be written.</exception>
    public void Save(string folder)
    {
        if (_vocabulary.Files.Keys.FirstOrDefault(name => Path.Exists(Path.Combine(folder, name))) is { } there)
            throw new UserErrorException($"'{Path.Combine(folder, there)}' is there already; choose another folder.");
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The folder '{folder}' cannot be written ({e.Message.TrimEnd('.')}); choose another.", e);
        }

        foreach (var (name, text) in _vocabulary.Files)
            AtomicFile.WriteText(Path.Combine(folder, name), text);
    }

    /// <summary>The ids of a text, without begin, end and filling.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="UserErrorException">It is longer than any prompt.</exception>
    public int[] TokensOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > LongestPrompt)
            throw new UserErrorException($"A prompt has {text.Length} characters; give one of at most {LongestPrompt}.");
        var ids = new List<int>();
        foreach (var piece in ClipPieces.Of(text))
        {
            if (piece is ClipPieces.Begin or ClipPieces.End)
                ids.Add(_vocabulary.Tokens[piece]);
            else
                foreach (var symbol in _vocabulary.Pairs.SymbolsOf(ByteCharacters.Of(piece)))
                    ids.Add(_vocabulary.Tokens.GetValueOrDefault(symbol, EndId));
        }

        return [.. ids];
    }

    /// <summary>Encodes a prompt: begin, its tokens, end, filling.</summary>
    /// <param name="prompt">The prompt; empty for none.</param>
    /// <param name="length">Ids to give, at least 2; null for <see cref="Length"/>.</param>
    public int[] Encode(string prompt, int? length = null) => Encode(prompt, length ?? Length, out _);

    /// <summary>Encodes a prompt, and says how much of it was left out.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="length">Ids to give, at least 2.</param>
    /// <param name="cutOff">Tokens at its end for which there was no room.</param>
    public int[] Encode(string prompt, int length, out int cutOff)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        var tokens = TokensOf(prompt);
        cutOff = Math.Max(0, tokens.Length - (length - 2));
        var ids = new int[length];
        ids.AsSpan().Fill(PadId);
        ids[0] = BeginId;
        tokens.AsSpan(0, tokens.Length - cutOff).CopyTo(ids.AsSpan(1));
        ids[tokens.Length - cutOff + 1] = EndId;
        return ids;
    }

    /// <summary>The text of ids, in small letters and with spaces between pieces: without begin tokens, up to the first end.</summary>
    /// <param name="ids">The ids; one that the vocabulary does not have is left out.</param>
    public string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var bytes = new List<byte>();
        foreach (var id in ids.TakeWhile(id => id != EndId))
        {
            if (id == BeginId || NameOf(id) is not { } name)
                continue;
            var ends = name.EndsWith(BytePairs.WordEnd, StringComparison.Ordinal);
            bytes.AddRange(ByteCharacters.BytesOf(ends ? name[..^BytePairs.WordEnd.Length] : name));
            if (ends)
                bytes.Add((byte)' ');
        }

        return Encoding.UTF8.GetString([.. bytes]).Trim();
    }

    /// <summary>How the vocabulary spells a token; null for an id that it does not have.</summary>
    public string? NameOf(int id) => _names.GetValueOrDefault(id);
}

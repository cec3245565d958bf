using System.Text.Json;

namespace Lur.Data;

/// <summary>The pictures of a folder with their captions, as data sets of text-to-image models are published: a line of metadata.jsonl for
/// each, <c>{"file_name": "0001.png", "text": "a red star"}</c>, or a file 0001.txt beside 0001.png.</summary>
internal sealed class CaptionedPictures
{
    /// <summary>The list of captions.</summary>
    public const string ListName = "metadata.jsonl";

    private const string TextEnding = ".txt";
    private readonly string _root;
    private readonly List<string> _captions = [],
        _without = [];

    /// <summary>Collects.</summary>
    /// <param name="root">The folder.</param>
    /// <param name="tree">Folders of the data set.</param>
    /// <exception cref="UserErrorException">The list cannot be read, names a picture that is not there, or no picture has a
    /// caption.</exception>
    public CaptionedPictures(string root, FolderTree tree)
    {
        _root = root;
        string[] pictures =
        [
            .. tree.Files(root)
                .Where(p => PictureName.KindOf(p) == PictureKind.Read)
                .Select(p => Path.GetRelativePath(root, p).Replace(Path.DirectorySeparatorChar, '/'))
                .OrderBy(UnicodeText.Normal, StringComparer.Ordinal),
        ];
        PictureList.RequireDifferent(root, [.. pictures.Select(UnicodeText.Normal)], "pictures");
        var list = Path.Combine(root, ListName);
        var listed = File.Exists(list) ? Listed(list, [.. pictures]) : null;
        foreach (var picture in pictures)
            if ((listed is null ? Beside(picture) : listed.GetValueOrDefault(picture)) is { Length: > 0 } caption)
            {
                Paths.Add(picture);
                _captions.Add(caption);
            }
            else
                _without.Add(picture);
        if (Paths.Count == 0)
            throw new UserErrorException($"No picture of '{root}' has a caption; write it into {ListName}, or into a .txt file beside it.");
    }

    /// <summary>Path of each picture relative to the folder, with '/'.</summary>
    public List<string> Paths { get; } = [];

    /// <summary>The captions that there are, each once, in order.</summary>
    public IEnumerable<string> Captions => _captions.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    /// <summary>Number of each picture's caption in a list.</summary>
    public List<int> LabelsIn(IReadOnlyList<string> captions)
    {
        var places = captions.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        return [.. _captions.Select(c => places[c])];
    }

    /// <summary>Sentences about pictures that were left out.</summary>
    public IEnumerable<string> Warnings()
    {
        if (_without.Count > 0)
            yield return $"{PictureList.Pictures(_without.Count)} not read, because {(_without.Count == 1 ? "it has" : "they have")} no "
                + $"caption: {PictureList.Some(_without)}.";
    }

    /// <summary>True for a folder with a list of captions, or with a text beside a picture.</summary>
    public static bool AreIn(string folder) =>
        File.Exists(Path.Combine(folder, ListName))
        || Directory.EnumerateFiles(folder).Any(f => PictureName.IsRead(f) && File.Exists(Path.ChangeExtension(f, TextEnding)));

    private string? Beside(string picture)
    {
        var path = Path.Combine(_root, Path.ChangeExtension(picture, TextEnding));
        return File.Exists(path) ? Plain(TextFile.Read(path)) : null;
    }

    private static Dictionary<string, string> Listed(string list, HashSet<string> pictures)
    {
        var captions = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (number, line) in TextFile.Read(list).Split('\n').Index())
        {
            if (string.IsNullOrWhiteSpace(line))
                continue;
            var (name, text) = Read(line) ?? throw new UserErrorException($"Line {number + 1} of '{list}' is not {Form}.");
            if (!pictures.Contains(name))
                throw new UserErrorException(
                    $"Line {number + 1} of '{list}' names '{name}', and there is no such PNG or JPEG file beside it; take the line out, or "
                        + "put the picture there."
                );
            if (!captions.TryAdd(name, Plain(text)))
                throw new UserErrorException($"Line {number + 1} of '{list}' names '{name}' for the second time; take one of them out.");
        }

        return captions;
    }

    private const string Form = "JSON such as {\"file_name\": \"0001.png\", \"text\": \"a red star\"}";

    private static (string Name, string Text)? Read(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            var text = root.TryGetProperty("text", out var found) || root.TryGetProperty("caption", out found) ? found.GetString() : null;
            return root.GetProperty("file_name").GetString() is { Length: > 0 } name && text is not null ? (name, text) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    // A caption is one line.
    private static string Plain(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}

namespace Lur.Data;

/// <summary>The pictures of class folders, and what was found beside them.</summary>
internal sealed class PictureList
{
    private const int Shown = 5;

    private readonly List<string> _unread = [],
        _odd = [];

    /// <summary>Collects.</summary>
    /// <param name="root">The folder of the class folders.</param>
    /// <param name="classes">Their names; one that is not there has no pictures.</param>
    /// <param name="tree">The folders of the data set.</param>
    /// <exception cref="UserErrorException">A class folder without a picture that is read, or a file that cannot be opened.</exception>
    public PictureList(string root, IReadOnlyList<string> classes, FolderTree tree)
    {
        // A name is spelt in one normal form here; on disk it may be in another.
        var folders = tree.Folders(root).ToDictionary(UnicodeText.Normal, name => Path.Combine(root, name), StringComparer.Ordinal);
        for (var label = 0; label < classes.Count; label++)
        {
            if (!folders.TryGetValue(classes[label], out var folder))
                continue;
            var (before, unreadBefore) = (Paths.Count, _unread.Count);
            foreach (var path in tree.Files(folder).OrderBy(UnicodeText.Normal, StringComparer.Ordinal))
            {
                var relative = Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/');
                switch (PictureName.KindOf(path))
                {
                    case PictureKind.Read:
                        Paths.Add(relative);
                        Labels.Add(label);
                        break;
                    case PictureKind.Unread:
                        _unread.Add(relative);
                        break;
                    case PictureKind.OddName:
                        _odd.Add(relative);
                        break;
                }
            }
            if (Paths.Count == before)
                throw Empty(folder, _unread.Skip(unreadBefore).ToArray());
            RequireDifferent(root, [.. Paths.Skip(before).Select(UnicodeText.Normal)], "pictures");
        }
    }

    /// <summary>Path of each picture relative to the root, with '/'.</summary>
    public List<string> Paths { get; } = [];

    /// <summary>Class of each picture.</summary>
    public List<int> Labels { get; } = [];

    /// <summary>Refuses two names that are one in the normal form.</summary>
    /// <param name="root">Where they lie.</param>
    /// <param name="ordered">The names in the normal form, in order.</param>
    /// <param name="what">What they name.</param>
    /// <exception cref="UserErrorException">Two are the same.</exception>
    public static void RequireDifferent(string root, string[] ordered, string what)
    {
        for (var i = 1; i < ordered.Length; i++)
            if (ordered[i] == ordered[i - 1])
                throw new UserErrorException(
                    $"'{root}' holds two {what} named '{ordered[i]}', spelt with different Unicode characters; rename one of them."
                );
    }

    /// <summary>Sentences about pictures that were left out.</summary>
    public IEnumerable<string> Warnings()
    {
        if (_unread.Count > 0)
            yield return $"{Pictures(_unread.Count)} not read, because of the type: {Some(_unread)}; convert to PNG or JPEG "
                + $"what belongs to the data.";
        if (_odd.Count > 0)
            yield return $"{Pictures(_odd.Count)} not read, because the name is none of a picture: {Some(_odd)}; give the name an ending "
                + "such as .png or .jpg where it belongs to the data.";
    }

    /// <summary>"1 picture is", "3 pictures are".</summary>
    public static string Pictures(int count) => count == 1 ? "1 picture is" : $"{count} pictures are";

    /// <summary>The first few names, and how many more.</summary>
    public static string Some(IReadOnlyCollection<string> names) =>
        string.Join(", ", names.Take(Shown)) + (names.Count > Shown ? $" and {names.Count - Shown} more" : "");

    private static UserErrorException Empty(string folder, string[] unread) =>
        unread.Length == 0
            ? new($"The class folder '{folder}' holds no PNG or JPEG file; add images or remove the folder.")
            : new(
                $"The class folder '{folder}' holds no PNG or JPEG file; images of type "
                    + string.Join(", ", unread.Select(u => Path.GetExtension(u)).Distinct(StringComparer.OrdinalIgnoreCase))
                    + $" are not read: "
                    + $"{Some(unread)}; convert them to PNG or JPEG."
            );
}

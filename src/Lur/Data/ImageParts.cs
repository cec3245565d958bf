namespace Lur.Data;

/// <summary>
/// Which folders of a folder of images are the training and the test part, by the names people give them in any case of letters: train
/// or training, test or testing, val, valid or validation, with words such as seg_ or _set about them. A part holds class folders; a
/// class that is called "train" and holds pictures is a class.
/// </summary>
internal sealed class ImageParts
{
    private const int Wrappings = 3;

    private readonly string _top;
    private readonly DataOptions _options;
    private readonly FolderTree _tree;
    private readonly Part[] _parts;
    private readonly List<string> _warnings = [];

    /// <summary>Looks at the folders.</summary>
    /// <param name="top">The folder that holds parts or classes.</param>
    /// <param name="options">How to open it.</param>
    public ImageParts(string top, DataOptions options)
    {
        (_top, _options, _tree) = (top, options, new FolderTree(top));
        _parts = [.. _tree.Folders(top).Select(name => new Part(name, PartName.RoleOf(name), Unwrap(Path.Combine(top, name))))];
        // Pictures beside its class folders make no class of a part, where no class lies beside it or another part has its classes.
        var partsAlone = _parts.All(p => p.Role != PartRole.None);
        foreach (var part in _parts)
            part.HasClasses =
                FolderTree.Visible(part.Path).Any()
                && (
                    !part.HasPicturesItself || partsAlone || _parts.Any(p => p != part && p.Role != PartRole.None && SharesClasses(p, part))
                );
    }

    /// <summary>The folder that holds more than one folder, or pictures: an archive often unpacks into a folder in a folder.</summary>
    public static string Unwrap(string folder)
    {
        for (var i = 0; i < Wrappings; i++)
        {
            string[] inner = [.. FolderTree.Visible(folder).Take(2)];
            if (
                inner.Length != 1
                || FolderTree.IsLink(inner[0])
                || HasPictures(folder)
                || HasPictures(inner[0])
                || !FolderTree.Visible(inner[0]).Any()
            )
                return folder;
            folder = inner[0];
        }
        return folder;
    }

    /// <summary>Opens the parts, or the whole with a part held out.</summary>
    /// <exception cref="UserErrorException">There is no set of class folders, or the parts do not go together.</exception>
    public DataSource Open()
    {
        Part[] trains = [.. _parts.Where(p => p.Role == PartRole.Train && p.HasClasses)];
        if (trains.Length > 1)
            throw new UserErrorException(
                $"'{_top}' has several training parts ({string.Join(", ", trains.Select(t => t.Name))}); remove all but one."
            );
        return trains.Length == 1 && IsPart(trains[0]) ? OpenParts(trains[0]) : OpenWhole();
    }

    private bool SharesClasses(Part a, Part b) => _tree.Folders(a.Path).Intersect(_tree.Folders(b.Path)).Any();

    // Among several folders of pictures one that is called "train" and holds folders of its own is a class.
    private bool IsPart(Part train) =>
        _parts.Any(p => p != train && p.Role != PartRole.None && p.HasClasses)
        || _parts.Count(p => p.Role == PartRole.None && p.HasPicturesItself) < 2;

    private DataSource OpenWhole()
    {
        if (_parts.Length > 0 && _parts.All(p => p.Role != PartRole.None))
            return OpenOnePart();
        var whole = ImageFolderDataset.Open(_top, Folder(_top));
        WarnOfFolders();
        return DataSource.HoldOut("folder", whole, _options, [.. Warnings(whole)], _top);
    }

    // 'fold1/cat' beside 'fold2/cat' are no classes fold1 and fold2.
    private void WarnOfFolders()
    {
        if (_parts.Length < 2 || _parts.Any(p => p.HasPicturesItself))
            return;
        var common = _parts.Select(p => _tree.Folders(p.Path)).Aggregate((a, b) => [.. a.Intersect(b)]);
        if (common.Count > 1)
            _warnings.Add(
                $"The folders of '{_top}' are taken as classes ({PictureList.Some([.. _parts.Select(p => p.Name)])}), but each holds "
                    + $"folders of the same names ({PictureList.Some(common)}): where those are the classes, name "
                    + $"the folders train and test, or "
                    + $"give one of them as the data."
            );
    }

    /// <summary>Says which pictures lie beside the class folders of a part, where they are of no class.</summary>
    private string? Loose(string folder)
    {
        string[] loose =
        [
            .. Directory
                .EnumerateFiles(folder)
                .Where(PictureName.IsNamed)
                .Select(f => Path.GetRelativePath(_top, f))
                .Order(StringComparer.Ordinal),
        ];
        return loose.Length == 0
            ? null
            : $"{PictureList.Pictures(loose.Length)} not read, because {(loose.Length == 1 ? "it lies" : "they lie")} beside the class "
                + $"folders of '{folder}': {PictureList.Some(loose)}; move what belongs to the data into the folder of its class.";
    }

    // No training part, and every folder is named like one: 'val' alone, or pictures without classes.
    private DataSource OpenOnePart()
    {
        Part[] labelled = [.. _parts.Where(p => p.HasClasses)];
        if (labelled.Length == 0)
            throw new UserErrorException(
                $"The parts of '{_top}' ({string.Join(", ", _parts.Select(p => p.Name))}) hold no class folders; put the pictures of each "
                    + $"class into a folder of its own, such as {Path.Combine(_parts[0].Name, "CLASS")}."
            );
        if (labelled.Length > 1)
            throw new UserErrorException(
                $"'{_top}' has no training part: expected a folder 'train' with class folders beside "
                    + $"{string.Join(" and ", labelled.Select(p => $"'{p.Name}'"))}."
            );
        var whole = ImageFolderDataset.Open(labelled[0].Path, Folder(labelled[0].Path));
        foreach (var other in _parts.Where(p => p != labelled[0]))
            _warnings.Add($"'{Path.Combine(_top, other.Name)}' is not read: it has no class folders.");
        _warnings.Add($"'{_top}' has no training part: '{labelled[0].Name}' is divided into a training and a test part.");
        return DataSource.HoldOut("folder", whole, _options, [.. Warnings(whole)], _top);
    }

    private DataSource OpenParts(Part train)
    {
        var trainSet = ImageFolderDataset.Open(train.Path, Folder(train.Path));
        ImageFolderDataset? testSet = null;
        try
        {
            var test = TestFor(train, trainSet.ClassNames);
            foreach (var other in _parts.Where(p => p != train && p != test))
                WarnOfUnused(other, test);
            if (test is null)
                return DataSource.HoldOut("folder", trainSet, _options, [.. Warnings(trainSet)], _top);
            testSet = ImageFolderDataset.Open(test.Path, Folder(test.Path), "folder", trainSet);
            return new DataSource("folder", trainSet, testSet, test.Path, trainSet, testSet)
            {
                PictureFolder = _top,
                Warnings = [.. Warnings(trainSet, testSet)],
            };
        }
        catch
        {
            testSet?.Dispose();
            trainSet.Dispose();
            throw;
        }
    }

    // The labelled test part; else the labelled validation part; else none.
    private Part? TestFor(Part train, IReadOnlyList<string> classes)
    {
        foreach (var role in new[] { PartRole.Test, PartRole.Validation })
        {
            Part[] found = [.. _parts.Where(p => p.Role == role && IsLabelled(p, classes))];
            if (found.Length > 1)
                throw new UserErrorException(
                    $"'{_top}' has several parts for one purpose ({string.Join(", ", found.Select(t => t.Name))}); remove all but one."
                );
            if (found.Length == 1)
                return found[0];
        }
        return null;
    }

    // 'test/unknown' and 'test/test1' hold pictures without a label.
    private bool IsLabelled(Part part, IReadOnlyList<string> classes)
    {
        var folders = _tree.Folders(part.Path);
        return part.HasClasses && (folders.Count != 1 || classes.Count == 1 || classes.Contains(UnicodeText.Normal(folders[0])));
    }

    private void WarnOfUnused(Part part, Part? test)
    {
        var instead = test is null ? "a share of the training part is held out" : $"the test part is '{test.Name}'";
        _warnings.Add(
            part.Role is PartRole.Test or PartRole.Validation && (!part.HasClasses || test is null)
                ? $"'{Path.Combine(_top, part.Name)}' is not read, because it has no class folders; {instead}."
                : $"'{Path.Combine(_top, part.Name)}' is not read; {instead}."
        );
    }

    private ImageFolderOptions Folder(string folder) =>
        new()
        {
            Size = ImageFolderDataset.SizeOf(_options.ImageSize) ?? _options.ModelSize,
            Tree = _tree,
            Part = folder == _top ? "" : Path.GetRelativePath(_top, folder).Replace(Path.DirectorySeparatorChar, '/') + "/",
            Spell = _options.Spell,
        };

    private IEnumerable<string> Warnings(params ImageFolderDataset[] sets)
    {
        var folders = sets.Select(s => s.Root).Prepend(_top).Distinct();
        _warnings.AddRange(folders.Select(Loose).OfType<string>());
        var links = _tree.Links;
        if (links.Count == 0)
            return _warnings.Concat(sets.SelectMany(s => s.Warnings));
        var many =
            links.Count == 1 ? "1 link leads back into the data set and is" : $"{links.Count} links lead back into the data set and are";
        return _warnings.Append($"{many} not followed: {PictureList.Some(links)}.").Concat(sets.SelectMany(s => s.Warnings));
    }

    private static bool HasPictures(string folder) => Directory.EnumerateFiles(folder).Any(PictureName.IsRead);

    /// <summary>A folder that may be a part.</summary>
    /// <param name="Name">Name in the top folder.</param>
    /// <param name="Role">What its name says.</param>
    /// <param name="Path">The folder with its classes.</param>
    private sealed record Part(string Name, PartRole Role, string Path)
    {
        public bool HasPicturesItself { get; } = HasPictures(Path);

        public bool HasClasses { get; set; }
    }
}

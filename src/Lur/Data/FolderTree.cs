namespace Lur.Data;

/// <summary>
/// The folders of a data set, without hidden ones. A link to a folder is followed where it leads out of the data set, each folder once;
/// one that leads back into it, or to a folder above it, is not: its pictures would count again, without end where it closes a circle.
/// </summary>
internal sealed class FolderTree
{
    private readonly HashSet<(ulong, ulong)> _known = [];
    private readonly SortedSet<string> _links = new(StringComparer.Ordinal);

    /// <summary>Learns the folders of a data set.</summary>
    /// <param name="top">Its folder.</param>
    public FolderTree(string top)
    {
        for (var above = Path.GetDirectoryName(Path.GetFullPath(top)); above is not null; above = Path.GetDirectoryName(above))
            Learn(above);
        var open = new Stack<string>([top]);
        while (open.TryPop(out var folder))
        {
            Learn(folder);
            foreach (var inner in Visible(folder))
                if (!IsLink(inner))
                    open.Push(inner);
        }
    }

    /// <summary>Links that are not followed.</summary>
    public IReadOnlyCollection<string> Links => _links;

    /// <summary>Names of the folders in a folder that are looked into, in the order of their names.</summary>
    public IReadOnlyList<string> Folders(string folder)
    {
        var names = new List<string>();
        foreach (var inner in Visible(folder))
        {
            if (!IsLink(inner) || LeadsOut(inner, out _))
                names.Add(Path.GetFileName(inner));
            else
                _links.Add(inner);
        }
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>Files in a folder and the folders below.</summary>
    public IReadOnlyList<string> Files(string folder)
    {
        var files = new List<string>();
        var outside = new HashSet<(ulong, ulong)>();
        var open = new Stack<(string Path, bool Linked)>([(folder, IsLink(folder))]);
        while (open.TryPop(out var next))
        {
            // Behind a link every folder is looked at once: it may have links of its own.
            if (next.Linked && (!LeadsOut(next.Path, out var identity) || !outside.Add(identity)))
            {
                if (IsLink(next.Path))
                    _links.Add(next.Path);
                continue;
            }
            files.AddRange(Directory.EnumerateFiles(next.Path));
            foreach (var inner in Visible(next.Path))
                open.Push((inner, next.Linked || IsLink(inner)));
        }
        return files;
    }

    /// <summary>Paths of the folders in a folder that are not hidden.</summary>
    /// <exception cref="UserErrorException">The name of one is not UTF-8.</exception>
    public static IEnumerable<string> Visible(string folder) =>
        Directory
            .EnumerateDirectories(folder)
            .Where(d => !PictureName.IsHiddenFolder(Path.GetFileName(d)))
            .Select(d => MissingFile.HasOddName(d) ? throw new UserErrorException(MissingFile.Sentence(d, "folder")) : d);

    /// <summary>True for a link.</summary>
    public static bool IsLink(string folder) => new DirectoryInfo(folder).LinkTarget is not null;

    private bool LeadsOut(string folder, out (ulong, ulong) identity)
    {
        var found = RegularFile.IdentityOf(folder);
        identity = found.GetValueOrDefault();
        return found is not null && !_known.Contains(identity);
    }

    private void Learn(string folder)
    {
        if (RegularFile.IdentityOf(folder) is { } identity)
            _known.Add(identity);
    }
}

namespace Lur.Data;

/// <summary>The files of a folder, found by name: as it is given, or else in any case of letters.</summary>
internal sealed class FileNames
{
    private readonly string[] _names;

    private FileNames(string folder, string[] names) => (Folder, _names) = (folder, names);

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>Names, in ordinal order; hidden files are left out.</summary>
    public IReadOnlyList<string> All => _names;

    /// <summary>Lists a folder.</summary>
    public static FileNames Of(string folder) =>
        new(
            folder,
            [
                .. Directory
                    .EnumerateFiles(folder)
                    .Select(f => Path.GetFileName(f))
                    .Where(n => !n.StartsWith('.'))
                    .Order(StringComparer.Ordinal),
            ]
        );

    /// <summary>The file of a name; null where there is none.</summary>
    public string? Find(string name) =>
        Array.Find(_names, n => n == name) ?? Array.Find(_names, n => n.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>True if there is a file of a name.</summary>
    public bool Has(string name) => Find(name) is not null;

    /// <summary>Path of a file.</summary>
    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>What to throw where a file is missing.</summary>
    public UserErrorException Missing(string file) =>
        new($"'{PathOf(file)}' is missing; the data set in '{Folder}' needs it; fetch it again.");
}

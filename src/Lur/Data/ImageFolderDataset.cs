using System.Security.Cryptography;
using System.Text;

namespace Lur.Data;

/// <summary>
/// A folder with one sub-folder a class, each with PNG and JPEG files (searched recursively, ordered by path). Images
/// are decoded when first read and then kept, scaled, in an unnamed temporary file; the memory of the process holds none.
/// One channel if every file is grey by its format, else three.
/// </summary>
public sealed class ImageFolderDataset : IImageDataset
{
    /// <summary>Scaled images are kept in a temporary file up to this many bytes in all; above it, decoded each time.</summary>
    private const long MaxCacheBytes = 4L << 30;

    private static readonly string[] s_read = [".png", ".jpg", ".jpeg"];
    private static readonly string[] s_unread = [".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".ppm", ".jp2"];

    private readonly string _root;
    private readonly List<string> _paths = [];
    private readonly List<int> _labels = [];
    private readonly SampleCache _cache;

    private ImageFolderDataset(string root, string name, int? size, IReadOnlyList<string>? classNames, int? channels)
    {
        _root = root;
        Name = name;
        ClassNames = classNames ?? FindClasses(root);
        CollectFiles();
        ImageInfo[] infos = [.. _paths.Select(p => ImageFile.Probe(FullPath(p)))];
        Channels = channels ?? (infos.All(i => i.IsGrey) ? 1 : 3);
        (Width, Height) = size is { } s ? (s, s) : CommonSize(infos);
        _cache = new SampleCache(Count, this.SampleBytes, MaxCacheBytes);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count => _paths.Count;

    /// <inheritdoc/>
    public int Channels { get; }

    /// <inheritdoc/>
    public int Height { get; }

    /// <inheritdoc/>
    public int Width { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Opens a folder; head and tail of every file are checked, pixels are decoded on demand.</summary>
    /// <param name="root">The folder that holds the class folders.</param>
    /// <param name="size">Rows and columns to scale to (see <see cref="ImageResize"/>), or null when all files have one size.</param>
    /// <param name="name">Name of the set.</param>
    /// <param name="like">A training set whose classes, channels and size this one takes over, or null.</param>
    /// <exception cref="UserErrorException">No class, an empty class, a file that is no image or is cut, or sizes that
    /// differ without <paramref name="size"/>.</exception>
    public static ImageFolderDataset Open(string root, int? size = null, string name = "folder", IImageDataset? like = null)
    {
        ArgumentNullException.ThrowIfNull(root);
        if (size is < 1 or > 4096)
            throw new UserErrorException($"The image size {size} is out of range, expected 1 to 4096.");
        if (!Directory.Exists(root))
            throw new UserErrorException($"The image folder '{root}' does not exist; check the path.");
        if (like is null)
            return new ImageFolderDataset(root, name, size, null, null);
        var unknown = FindClasses(root).FirstOrDefault(c => !like.ClassNames.Contains(c));
        if (unknown is not null)
            throw new UserErrorException(
                $"'{Path.Combine(root, unknown)}' is a class that the training set does not have; it has "
                    + $"{string.Join(", ", like.ClassNames)}."
            );
        var data = new ImageFolderDataset(root, name, size, like.ClassNames, like.Channels);
        if (data.Width == like.Width && data.Height == like.Height)
            return data;
        data.Dispose();
        throw new UserErrorException(
            $"The images of '{root}' are {data.Width} x {data.Height}, those of the training set {like.Width} x {like.Height}; "
                + $"give one image size for both."
        );
    }

    /// <inheritdoc/>
    public int Label(int index) => _labels[index];

    /// <summary>Folder of this part of the data set with '/' at its end, which names of samples begin with; empty where the class
    /// folders lie in the data set itself.</summary>
    internal string Part { get; set; } = "";

    /// <inheritdoc/>
    public string RelativePath(int index) => UnicodeText.Normal(_paths[index]);

    /// <inheritdoc/>
    public SampleId Identify(int index) => new(index, Part + RelativePath(index));

    /// <inheritdoc/>
    public string ContentSha256(int index)
    {
        using var file = MappedFile.Open(FullPath(_paths[index]), "image");
        return Convert.ToHexStringLower(SHA256.HashData(file.Slice(0, checked((int)file.Length))));
    }

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw)
    {
        ImageDatasets.CheckSample(this, index, chw.Length);
        if (_cache.TryRead(index, chw))
            return;
        var pixels = ImageFile.Decode(FullPath(_paths[index]), Channels, out var info);
        ImageResize.Cover(pixels, info.Width, info.Height, Channels, chw, Width, Height);
        _cache.Write(index, chw);
    }

    /// <inheritdoc/>
    public void AppendContent(IncrementalHash hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        for (var i = 0; i < Count; i++)
        {
            using var file = MappedFile.Open(FullPath(_paths[i]), "image");
            hash.AppendData(Encoding.UTF8.GetBytes($"{RelativePath(i)}\0{file.Length}\0"));
            hash.AppendData(file.Slice(0, checked((int)file.Length)));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _cache.Dispose();

    internal static bool IsImagePath(string path) => s_read.Contains(Path.GetExtension(path).ToLowerInvariant());

    private static string[] FindClasses(string root)
    {
        string[] classes =
        [
            .. Directory
                .EnumerateDirectories(root)
                .Select(d => Path.GetFileName(d))
                .Where(n => !n.StartsWith('.'))
                .Select(UnicodeText.Normal)
                .Order(StringComparer.Ordinal),
        ];
        RequireDifferent(root, classes, "class folders");
        return classes.Length > 0
            ? classes
            : throw new UserErrorException($"The image folder '{root}' has no sub-folder, expected one for each class.");
    }

    private void CollectFiles()
    {
        for (var label = 0; label < ClassNames.Count; label++)
        {
            var folder = FolderOf(_root, ClassNames[label]);
            if (!Directory.Exists(folder))
                continue;
            var before = _paths.Count;
            foreach (
                var path in Directory
                    .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                    .OrderBy(UnicodeText.Normal, StringComparer.Ordinal)
            )
            {
                var extension = Path.GetExtension(path).ToLowerInvariant();
                if (s_unread.Contains(extension))
                    throw new UserErrorException($"'{path}': images of type {extension} are not read; convert them to PNG or JPEG.");
                if (!IsImagePath(path) || Path.GetFileName(path).StartsWith('.'))
                    continue;
                _paths.Add(Path.GetRelativePath(_root, path).Replace(Path.DirectorySeparatorChar, '/'));
                _labels.Add(label);
            }
            if (_paths.Count == before)
                throw new UserErrorException($"The class folder '{folder}' holds no PNG or JPEG file; add images or remove the folder.");
            RequireDifferent(_root, [.. Enumerable.Range(before, _paths.Count - before).Select(RelativePath)], "pictures");
        }
    }

    // A name is spelt in one normal form here; on disk it may be in another.
    private static string FolderOf(string root, string name) =>
        Path.Combine(root, name) is var plain && Directory.Exists(plain)
            ? plain
            : Directory.EnumerateDirectories(root).FirstOrDefault(d => UnicodeText.Same(Path.GetFileName(d), name)) ?? plain;

    private static void RequireDifferent(string root, string[] ordered, string what)
    {
        for (var i = 1; i < ordered.Length; i++)
            if (ordered[i] == ordered[i - 1])
                throw new UserErrorException(
                    $"'{root}' holds two {what} named '{ordered[i]}', spelt with different Unicode characters; rename one of them."
                );
    }

    private (int Width, int Height) CommonSize(ImageInfo[] infos)
    {
        var other = Array.FindIndex(infos, i => i.Width != infos[0].Width || i.Height != infos[0].Height);
        return other < 0
            ? (infos[0].Width, infos[0].Height)
            : throw new UserErrorException(
                $"The images of '{_root}' differ in size ('{_paths[0]}' is {infos[0].Width} x {infos[0].Height}, '{_paths[other]}' is "
                    + $"{infos[other].Width} x {infos[other].Height}); give an image size to scale them to."
            );
    }

    private string FullPath(string relative) => Path.Combine(_root, relative);
}

/// <summary>
/// Fixed-size records in an unnamed temporary file, written once each. Reads and writes are positioned calls and not a
/// map: on a full disk a call fails, and the cache switches itself off, where a map would end the process.
/// </summary>
internal sealed class SampleCache : IDisposable
{
    private readonly FileStream? _file;
    private readonly byte[] _known;
    private readonly int _recordBytes;
    private volatile bool _off;

    public SampleCache(int count, int recordBytes, long maxBytes)
    {
        _known = new byte[count];
        _recordBytes = recordBytes;
        _off = (long)count * recordBytes > maxBytes;
        if (_off)
            return;
        try
        {
            _file = TemporaryFile.Create(1);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _off = true;
        }
    }

    public bool TryRead(int index, Span<byte> record) =>
        Volatile.Read(ref _known[index]) != 0
        && RandomAccess.Read(_file!.SafeFileHandle, record, (long)index * _recordBytes) == _recordBytes;

    // Two threads that miss the same record write the same bytes: no lock needed.
    public void Write(int index, ReadOnlySpan<byte> record)
    {
        if (_off)
            return;
        try
        {
            RandomAccess.Write(_file!.SafeFileHandle, record, (long)index * _recordBytes);
            Volatile.Write(ref _known[index], 1);
        }
        catch (IOException)
        {
            _off = true;
        }
    }

    public void Dispose() => _file?.Dispose();
}

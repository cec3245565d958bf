using System.Text;

namespace Lur.Data;

/// <summary>
/// A folder with one sub-folder a class, each with PNG and JPEG files (searched recursively, ordered by path; hidden files and
/// folders are left out, and links that lead back into the folder are not followed). Every image is decoded to its end when the
/// folder is opened, so that a cut one is found before anything is computed; scaled images are then kept in an unnamed temporary
/// file, the memory of the process holds none. One channel if every file is grey by its format, else three.
/// </summary>
public sealed class ImageFolderDataset : IImageDataset
{
    /// <summary>Scaled images are kept in a temporary file up to this many bytes in all; above it, decoded each time.</summary>
    private const long MaxCacheBytes = 4L << 30;

    private const int MaxSide = 4096;

    private readonly string _root,
        _part;
    private readonly List<string> _paths;
    private readonly List<int> _labels;
    private readonly List<string> _warnings;
    private readonly SampleCache _cache;

    private ImageFolderDataset(string root, string name, ImageFolderOptions options, IImageDataset? like)
    {
        (_root, _part) = (root, UnicodeText.Normal(options.Part));
        Name = name;
        var tree = options.Tree ?? new FolderTree(root);
        if (options.Captions is var (captions, captioned))
            (ClassNames, _paths, _labels, _warnings) = (captions, captioned.Paths, captioned.LabelsIn(captions), []);
        else
        {
            ClassNames = ClassesOf(root, tree, like);
            var pictures = new PictureList(root, ClassNames, tree);
            (_paths, _labels, _warnings) = (pictures.Paths, pictures.Labels, [.. pictures.Warnings()]);
        }

        var infos = _paths.ConvertAll(p => ImageFile.Probe(FullPath(p))).ToArray();
        WarnOfInks(infos);
        Channels = like?.Channels ?? (infos.All(i => i.IsGrey) ? 1 : 3);
        (Height, Width) = options.Size ?? CommonSize(infos, options.Spell("image-size"));
        if (like is not null && (Width != like.Width || Height != like.Height))
            throw new UserErrorException(
                $"The images of '{root}' are {Width} x {Height}, those of the training set {like.Width} x {like.Height}; scale both to "
                    + $"one size with the option {options.Spell("image-size")}."
            );
        _cache = new SampleCache(Count, this.SampleBytes, MaxCacheBytes);
        try
        {
            DecodeAll(infos);
        }
        catch
        {
            _cache.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The folder that holds the class folders.</summary>
    internal string Root => _root;

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

    /// <summary>Sentences about files that were left out or may not be what they seem.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Opens a folder and decodes every image once.</summary>
    /// <param name="root">The folder that holds the class folders.</param>
    /// <param name="size">Rows and columns to scale to (see <see cref="ImageResize"/>), or null when all files have one size.</param>
    /// <param name="name">Name of the set.</param>
    /// <param name="like">A training set whose classes, channels and size this one takes over, or null.</param>
    /// <exception cref="UserErrorException">No class, an empty class, a file that is no image or is cut or damaged, or sizes that
    /// differ without <paramref name="size"/>.</exception>
    public static ImageFolderDataset Open(string root, int? size = null, string name = "folder", IImageDataset? like = null)
    {
        ArgumentNullException.ThrowIfNull(root);
        return Open(root, new ImageFolderOptions { Size = SizeOf(size) }, name, like);
    }

    internal static ImageFolderDataset Open(string root, ImageFolderOptions options, string name = "folder", IImageDataset? like = null)
    {
        if (!Directory.Exists(root))
            throw new UserErrorException($"The image folder '{root}' does not exist; check the path.");
        return new ImageFolderDataset(root, name, options, like);
    }

    /// <summary>A size that was given for both sides.</summary>
    /// <exception cref="UserErrorException">It is out of range.</exception>
    internal static (int Height, int Width)? SizeOf(int? side) =>
        side is < 1 or > MaxSide ? throw new UserErrorException($"The image size {side} is out of range, expected 1 to {MaxSide}.")
        : side is { } s ? (s, s)
        : null;

    /// <inheritdoc/>
    public int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public string RelativePath(int index) => UnicodeText.Normal(_paths[index]);

    /// <inheritdoc/>
    public SampleId Identify(int index) => new(index, _part + RelativePath(index));

    /// <inheritdoc/>
    public string ContentSha256(int index)
    {
        using var file = MappedFile.Open(FullPath(_paths[index]), "image");
        return ContentHash.Text(file.Slice(0, checked((int)file.Length)));
    }

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw)
    {
        ImageDatasets.CheckSample(this, index, chw.Length);
        if (_cache.TryRead(index, chw))
            return;
        ImageFile.Read(FullPath(_paths[index]), Channels, Width, Height, chw);
        _cache.Write(index, chw);
    }

    /// <inheritdoc/>
    public void AppendContent(ContentHash hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        for (var i = 0; i < Count; i++)
        {
            using var file = MappedFile.Open(FullPath(_paths[i]), "image");
            hash.Append(Encoding.UTF8.GetBytes($"{RelativePath(i)}\0{file.Length}\0"));
            hash.Append(file.Slice(0, checked((int)file.Length)));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _cache.Dispose();

    private static IReadOnlyList<string> ClassesOf(string root, FolderTree tree, IImageDataset? like)
    {
        string[] classes = [.. tree.Folders(root).Select(UnicodeText.Normal).Order(StringComparer.Ordinal)];
        PictureList.RequireDifferent(root, classes, "class folders");
        if (classes.Length == 0)
            throw new UserErrorException(
                $"The image folder '{root}' has no sub-folder, expected one for each class"
                    + (tree.Links.Count == 0 ? "." : $"; links that lead back into it are not followed: {PictureList.Some(tree.Links)}.")
            );
        if (like is null)
            return classes;
        var unknown = classes.FirstOrDefault(c => !like.ClassNames.Contains(c));
        return unknown is null
            ? like.ClassNames
            : throw new UserErrorException(
                $"'{Path.Combine(root, unknown)}' is a class that the training set does not have; it has "
                    + $"{string.Join(", ", like.ClassNames)}."
            );
    }

    // On all processors; of several files that cannot be decoded the first in the order of paths is named.
    private void DecodeAll(ImageInfo[] infos)
    {
        var largest = new int[infos.Length];
        var failures = new Exception?[infos.Length];
        var loop = Parallel.For(
            0,
            infos.Length,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            () => new byte[this.SampleBytes],
            (i, state, sample) =>
            {
                try
                {
                    largest[i] = ImageFile.Read(FullPath(_paths[i]), Channels, Width, Height, sample);
                    _cache.Write(i, sample);
                }
                catch (Exception e)
                {
                    failures[i] = e;
                    state.Break();
                }
                return sample;
            },
            _ => { }
        );
        if (!loop.IsCompleted && failures.First(f => f is not null) is { } failure)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        WarnOfRange(infos, largest.DefaultIfEmpty().Max());
    }

    private void WarnOfRange(ImageInfo[] infos, int largest)
    {
        var deep = infos.Count(i => i.IsDeep);
        if (deep > 0 && largest < 32768)
            _warnings.Add(
                $"{PictureList.Pictures(deep)} of 16 bits in '{_root}', but no sample is above {largest} of 65535 "
                    + $"({Math.Max(1, 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)largest))} bits), so that only "
                    + $"a part of the "
                    + "range is used; multiply the samples if they have fewer bits."
            );
    }

    private void WarnOfInks(ImageInfo[] infos)
    {
        string[] unmarked = [.. _paths.Where((_, i) => infos[i].IsUnmarkedCmyk)];
        if (unmarked.Length > 0)
            _warnings.Add(
                $"{PictureList.Pictures(unmarked.Length)} JPEG of four inks without Adobe's marker: "
                    + $"{PictureList.Some(unmarked)}; the inks are "
                    + "taken as inverted, as other programs take them; convert to RGB where the colours are wrong."
            );
    }

    private (int Height, int Width) CommonSize(ImageInfo[] infos, string option)
    {
        var other = Array.FindIndex(infos, i => i.Width != infos[0].Width || i.Height != infos[0].Height);
        if (other >= 0)
            throw new UserErrorException(
                $"The images of '{_root}' differ in size ('{_paths[0]}' is {infos[0].Width} x {infos[0].Height}, '{_paths[other]}' is "
                    + $"{infos[other].Width} x {infos[other].Height}); scale them to one with the option {option}."
            );
        if (infos.Length > 0 && Math.Max(infos[0].Width, infos[0].Height) > MaxSide)
            throw new UserErrorException(
                $"The images of '{_root}' are {infos[0].Width} x {infos[0].Height}, expected at most {MaxSide} a side; scale them with the "
                    + $"option {option}."
            );
        return infos.Length == 0 ? (0, 0) : (infos[0].Height, infos[0].Width);
    }

    private string FullPath(string relative) => Path.Combine(_root, relative);
}

/// <summary>How a folder of images is opened within a data set.</summary>
internal sealed record ImageFolderOptions
{
    /// <summary>Rows and columns to scale to; null for the common size of the files.</summary>
    public (int Height, int Width)? Size { get; init; }

    /// <summary>Folders of the whole data set; null where the folder is all of it.</summary>
    public FolderTree? Tree { get; init; }

    /// <summary>Folder of this part of the data set with '/' at its end, which names of samples begin with; empty where the class
    /// folders lie in the data set itself.</summary>
    public string Part { get; init; } = "";

    /// <summary>Captions, which take the place of class folders, and the pictures that have one; null for class folders.</summary>
    public (IReadOnlyList<string> All, CaptionedPictures Pictures)? Captions { get; init; }

    /// <summary>How sentences name an option.</summary>
    public Func<string, string> Spell { get; init; } = option => option;
}

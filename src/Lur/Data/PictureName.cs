namespace Lur.Data;

/// <summary>What a file in a class folder is, by its name and its first bytes.</summary>
internal enum PictureKind
{
    /// <summary>No picture: a note, a list, what an operating system leaves behind.</summary>
    None,

    /// <summary>PNG or JPEG, or named like one: it is read, or refused by its content.</summary>
    Read,

    /// <summary>A picture of a type that is not read.</summary>
    Unread,

    /// <summary>PNG or JPEG by its content under a name that is none of a picture, such as a copy an editor left.</summary>
    OddName,
}

/// <summary>Tells pictures from other files.</summary>
internal static class PictureName
{
    private static readonly HashSet<string> s_read = new(StringComparer.OrdinalIgnoreCase)
    {
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jif",
        ".jfif",
        ".pjp",
        ".pjpeg",
    };

    private static readonly HashSet<string> s_unread = new(
        (
            ".webp .bmp .dib .gif .tif .tiff .avif .heic .heif .ppm .pgm .pbm .pnm .pfm .jp2 .j2k .jpx .jxl .svg .ico .tga .psd .exr .hdr "
            + ".dng .cr2 .cr3 .nef .arw .orf .rw2 .raf .dcm .pcx .xcf .jxr .jls"
        ).Split(' '),
        StringComparer.OrdinalIgnoreCase
    );

    private static readonly HashSet<string> s_hiddenFolders = new(StringComparer.OrdinalIgnoreCase)
    {
        "__MACOSX",
        "__pycache__",
        "$RECYCLE.BIN",
        "System Volume Information",
        "@eaDir",
        "#recycle",
        "lost+found",
    };

    private static readonly HashSet<string> s_hiddenFiles = new(StringComparer.OrdinalIgnoreCase)
    {
        "Thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
    };

    /// <summary>True for folders that nobody made for pictures: hidden ones, and those of operating systems and archives.</summary>
    public static bool IsHiddenFolder(string name) => name.StartsWith('.') || s_hiddenFolders.Contains(name);

    /// <summary>True for a name that pictures have which are read.</summary>
    public static bool IsRead(string path) => s_read.Contains(Path.GetExtension(path)) && !Path.GetFileName(path).StartsWith('.');

    /// <summary>True for a name that pictures have, read or not.</summary>
    public static bool IsNamed(string path) =>
        !Path.GetFileName(path).StartsWith('.')
        && Path.GetExtension(path) is var suffix
        && (s_read.Contains(suffix) || s_unread.Contains(suffix));

    /// <summary>What a file is.</summary>
    /// <exception cref="UserErrorException">It is named like a picture and cannot be opened.</exception>
    public static PictureKind KindOf(string path)
    {
        string name = Path.GetFileName(path),
            suffix = Path.GetExtension(name);
        if (name.StartsWith('.') || s_hiddenFiles.Contains(name))
            return PictureKind.None;
        if (s_unread.Contains(suffix))
            return PictureKind.Unread;
        // 'img.0001' has no suffix either.
        bool named = s_read.Contains(suffix),
            bare = suffix.Length < 2 || suffix.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0;
        if (!named && !bare && !RegularFile.IsAt(path))
            return PictureKind.None;
        Span<byte> head = stackalloc byte[32];
        using var stream = named ? MappedFile.OpenRead(path, "image") : OpenQuietly(path, bare);
        if (stream is null)
            return PictureKind.None;
        head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        if (IsPngOrJpeg(head))
            return named || bare ? PictureKind.Read : PictureKind.OddName;
        if (IsOtherPicture(head))
            return PictureKind.Unread;
        return named ? PictureKind.Read : PictureKind.None;
    }

    // A file without the name of a picture may be anything: only a bare name that is a pointer or a pipe is worth a word.
    private static FileStream? OpenQuietly(string path, bool bare)
    {
        try
        {
            return MappedFile.OpenRead(path, "image");
        }
        catch (UserErrorException) when (!bare || (RegularFile.IsAt(path) && !IsPointer(path)))
        {
            return null;
        }
    }

    private static bool IsPointer(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            Span<byte> head = stackalloc byte[64];
            return ForeignFile.IsPointer(head[..RandomAccess.Read(file, head, 0)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsPngOrJpeg(ReadOnlySpan<byte> head) =>
        head.StartsWith(ImageFile.PngSignature[..4]) || head.StartsWith(ImageFile.JpegSignature);

    private static bool IsOtherPicture(ReadOnlySpan<byte> head) =>
        (head.Length >= 12 && head.StartsWith("RIFF"u8) && head[8..].StartsWith("WEBP"u8))
        || head.StartsWith("GIF8"u8)
        || (head.Length >= 18 && head.StartsWith("BM"u8) && head[15] == 0 && head[16] == 0 && head[17] == 0)
        || head.StartsWith("II*\0"u8)
        || head.StartsWith("MM\0*"u8)
        || (head.Length >= 12 && head[4..].StartsWith("ftyp"u8) && (head[8..].StartsWith("avif"u8) || head[8..].StartsWith("heic"u8)))
        || head.StartsWith("8BPS"u8);
}

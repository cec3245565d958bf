using System.Text;

namespace Lur;

/// <summary>
/// Files that stand where a model or data should and are something else: what a download left behind, or another format. The first
/// bytes say which, so that the sentence names the file for what it is and says what to do with it.
/// </summary>
internal static class ForeignFile
{
    /// <summary>Leading bytes that <see cref="Describe"/> looks at.</summary>
    public const int HeadBytes = 512;

    private const string Convert =
        "convert it where PyTorch is: state = torch.load(FILE, map_location='cpu', weights_only=True); "
        + "safetensors.torch.save_file(state, 'model.safetensors')";

    private static readonly byte[] s_numpy = [0x93, .. "NUMPY"u8];

    private static readonly (byte[] Start, string Sentence)[] s_known =
    [
        ([0x89, .. "HDF\r\n"u8], "an HDF5 file, as Keras writes; Lur reads safetensors models"),
        (s_numpy, "a NumPy array; Lur reads IDX, CIFAR binary and folders of images"),
        ([.. "GGUF"u8], "a GGUF file; Lur reads safetensors models"),
        ([.. "%PDF-"u8], "a PDF document"),
        ([.. "7z"u8, 0xBC, 0xAF], "a 7z archive; unpack it and give what it holds"),
        ([.. "Rar!"u8], "a RAR archive; unpack it and give what it holds"),
        ([0xFD, .. "7zXZ"u8], "an xz archive; unpack it with 'xz -d' or 'tar -xf' and give what it holds"),
        ([.. "BZh"u8], "a bzip2 archive; unpack it with 'bzip2 -d' or 'tar -xf' and give what it holds"),
        ([0x28, 0xB5, 0x2F, 0xFD], "a Zstandard archive; unpack it with 'zstd -d' and give what it holds"),
    ];

    /// <summary>What a file is, as the end of "'path' is ..."; null where nothing is recognised.</summary>
    /// <param name="head">The first <see cref="HeadBytes"/> bytes, or the whole of a shorter file.</param>
    /// <param name="path">Where it is: a name tells a zip of PyTorch from others.</param>
    /// <param name="length">Bytes of the file.</param>
    /// <param name="gzip">True where a gzip file is expected or allowed.</param>
    /// <param name="zip">True where a zip archive is expected.</param>
    public static string? Describe(ReadOnlySpan<byte> head, string path, long length, bool gzip, bool zip = false)
    {
        if (IsPointer(head))
            return "a Git LFS pointer, not the file that it stands for; fetch the content with 'git lfs pull'";
        if (IsMarkup(head))
            return "a web page or an XML message, not the file: a download went wrong; download it again and look at its size";
        var archive = head.StartsWith("PK\x03\x04"u8) || head.StartsWith("PK\x05\x06"u8);
        if (archive && IsTorchZip(head, path))
            return $"a pickled PyTorch file (in a zip archive), which Lur does not run; {Convert}";
        if (archive && !zip)
            return "a zip archive; unpack it and give what it holds";
        if (zip && head.StartsWith(s_numpy))
            return "a single NumPy array, not a zip of named ones; save it with numpy.savez";
        if (IsPickle(head, length))
            return $"a pickled Python file, as PyTorch writes .pt and .pth, which Lur does not run; {Convert}";
        if (!gzip && head.Length > 2 && head[0] == 0x1F && head[1] == 0x8B && head[2] == 8)
            return "compressed with gzip; unpack it with 'gunzip' or 'tar -xzf' and give what it holds";
        if (head.Length >= 262 && head.Slice(257, 5).SequenceEqual("ustar"u8) && head[0] is >= 0x20 and < 0x7F)
            return "a tar archive; unpack it with 'tar -xf' and give what it holds";
        foreach (var (start, sentence) in s_known)
            if (head.StartsWith(start))
                return sentence;
        return null;
    }

    /// <summary>Refuses a file that is recognised as something else.</summary>
    /// <exception cref="UserErrorException">It is.</exception>
    public static void Refuse(Microsoft.Win32.SafeHandles.SafeFileHandle file, string path, string what, bool gzip, bool zip = false)
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        var count = RandomAccess.Read(file, head, 0);
        if (Describe(head[..count], path, RandomAccess.GetLength(file), gzip, zip) is { } kind)
            throw new UserErrorException($"The {what} '{path}' is {kind}.");
    }

    /// <summary>True for what Git LFS leaves where a file has not been fetched.</summary>
    /// <param name="head">The first bytes.</param>
    public static bool IsPointer(ReadOnlySpan<byte> head) => head.StartsWith("version https://git-lfs"u8);

    private static bool IsMarkup(ReadOnlySpan<byte> head)
    {
        var text = Encoding.Latin1.GetString(head.StartsWith("\uFEFF"u8) ? head[3..] : head).TrimStart();
        return text.StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<head", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<?xml", StringComparison.OrdinalIgnoreCase);
    }

    private static bool IsTorchZip(ReadOnlySpan<byte> head, string path) =>
        Path.GetExtension(path).ToLowerInvariant() is ".pt" or ".pth" or ".ckpt" or ".pkl" || head.IndexOf("data.pkl"u8) >= 0;

    // Protocol 2 to 5. The length of a safetensors header may begin with the same two bytes: it is a number below the file's length,
    // with '{' behind its eight bytes.
    private static bool IsPickle(ReadOnlySpan<byte> head, long length)
    {
        if (head.Length < 3 || head[0] != 0x80 || head[1] is < 2 or > 5)
            return false;
        return head.Length < 9 || head[8] != '{' || BitConverter.ToUInt64(head) > (ulong)length;
    }
}

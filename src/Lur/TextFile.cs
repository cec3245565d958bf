using System.Text;

namespace Lur;

/// <summary>Text files that somebody else wrote: UTF-8, of a size that a text can have, so that their bytes can be written again.</summary>
internal static class TextFile
{
    private const int LargestBytes = 64 << 20;

    /// <summary>The text of a file, a byte order mark included.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="UserErrorException">It is no regular file, too large, no UTF-8, or cannot be read.</exception>
    public static string Read(string path)
    {
        RegularFile.Require(path, "file");
        try
        {
            return new FileInfo(path).Length <= LargestBytes
                ? new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path))
                : throw new UserErrorException($"'{path}' is larger than a text of diffusers can be; it is another file.");
        }
        catch (DecoderFallbackException)
        {
            throw new UserErrorException($"'{path}' is not UTF-8 text; download it again.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"'{path}' cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
    }
}

using System.Runtime.InteropServices;
using Lur.Checkpoints;
using Lur.Verification;

namespace Lur.Runs;

/// <summary>Numbers that are computed once and found again by what decides them: latents of pictures, rows of prompts. An entry is one
/// file with its key and the hash of its numbers; one that is damaged, or that others may have written, is made again.</summary>
/// <param name="folder">Folder of the entries; may be deleted between runs. Empty: nothing is kept.</param>
/// <param name="note">Hears sentences about what was found; null for nobody.</param>
internal sealed class NumbersCache(string folder, Action<string>? note)
{
    /// <summary>Its folder among the models that are trained to compare with.</summary>
    public const string FolderName = "latents";

    private const string Tensor = "numbers",
        KeyName = "lur.key",
        HashName = "lur.sha256";

    /// <summary>The user's cache: beside the models that are trained to compare with.</summary>
    public static string DefaultFolder => Path.Combine(ReferenceCache.DefaultFolder, FolderName);

    private readonly List<string> _used = [];

    /// <summary>Paths of the entries that were asked for.</summary>
    public IReadOnlyList<string> Used => _used;

    /// <summary>Gives an entry.</summary>
    /// <param name="key">What decides it.</param>
    /// <param name="what">What sentences call it.</param>
    /// <param name="shape">Its extents.</param>
    /// <param name="make">Computes it.</param>
    /// <exception cref="UserErrorException">The cache cannot be written.</exception>
    public float[] GetOrMake(ContentKey key, string what, long[] shape, Func<float[]> make)
    {
        if (folder.Length == 0)
            return make();
        var path = Path.GetFullPath(Path.Combine(folder, key.Name + ".safetensors"));
        _used.Add(path);
        if (File.Exists(path))
        {
            if (Read(path, key, shape) is { } found)
            {
                note?.Invoke($"{what} found in {path}");
                return found;
            }

            note?.Invoke($"{what} in {path} cannot be believed: the file is damaged, or others may write to it; made again");
        }

        var numbers = make();
        try
        {
            FileTrust.CreateFolder(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"The {what} cannot be kept in '{folder}' ({e.Message.TrimEnd('.')}); free space there, or name another folder with "
                    + "LUR_REFERENCES."
            );
        }

        var writer = new SafeTensorsWriter();
        writer.Metadata[KeyName] = key.Text;
        writer.Metadata[HashName] = HashOf(numbers);
        writer.Add<float>(Tensor, shape, numbers);
        writer.Save(path);
        return numbers;
    }

    private float[]? Read(string path, ContentKey key, long[] shape)
    {
        if (FileTrust.WhyNotOfGroup(folder) is not null || FileTrust.WhyNotOfGroup(path) is not null)
            return null;
        try
        {
            using var file = SafeTensorsFile.Open(path);
            if (file.Metadata.GetValueOrDefault(KeyName) != key.Text || !file.Contains(Tensor))
                return null;
            var info = file[Tensor];
            if (info.Type != TensorType.F32 || !info.Shape.SequenceEqual(shape))
                return null;
            var numbers = file.ReadArray<float>(Tensor);
            return HashOf(numbers) == file.Metadata.GetValueOrDefault(HashName) ? numbers : null;
        }
        catch (UserErrorException)
        {
            return null;
        }
    }

    private static string HashOf(float[] numbers) => ContentHash.Text(MemoryMarshal.AsBytes(numbers.AsSpan()));
}

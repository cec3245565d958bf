using Lur.Verification;

namespace Lur.Native.Exports;

/// <summary>A model of the program as a file, for what reads files; deleted with this unless it was kept.</summary>
internal sealed class ModelCopy : IDisposable
{
    private readonly string _folder;

    private ModelCopy(string folder, NativeModel model)
    {
        (_folder, Path) = (folder, System.IO.Path.Combine(folder, "model.safetensors"));
        try
        {
            model.Save(Path);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>SHA-256 of its bytes, which are the same for the same weights.</summary>
    public string Sha256 => ReferenceCache.HashOf(Path);

    /// <summary>A copy in a folder of its own.</summary>
    public static ModelCopy Of(NativeModel model) => new(Directory.CreateTempSubdirectory("lur-model-").FullName, model);

    /// <summary>A copy in a folder of its own beside where it may be kept.</summary>
    public static ModelCopy Beside(string path, NativeModel model) =>
        new(Directory.CreateDirectory($"{System.IO.Path.GetDirectoryName(path)}/.{Guid.NewGuid():N}").FullName, model);

    /// <summary>Puts the file where it stays, in one step; <see cref="Path"/> is no more.</summary>
    public void Keep(string path) => File.Move(Path, path, overwrite: true);

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);
}

using System.Text;
using Lur.Device;
using Lur.Models;
using Lur.Verification;

namespace Lur.Runs;

/// <summary>Pipeline folders that are given in the place of a model: imported once, and found again as long as no file of theirs
/// changes.</summary>
public static class ImportedModels
{
    /// <summary>Their folder among the models that are trained to compare with.</summary>
    internal const string FolderName = "imported";

    private const string HashName = "sha256.txt";

    /// <summary>True for the folder of a text-to-image model.</summary>
    public static bool IsFolder(string path) => Directory.Exists(path) && PipelineFolder.Claims(path);

    /// <summary>The model's file of a pipeline folder; another path as it is.</summary>
    /// <param name="path">Folder or file.</param>
    /// <param name="host">Where it is imported, and who hears of it.</param>
    /// <exception cref="UserErrorException">It is no such folder, or the cache cannot be written.</exception>
    public static string Get(string path, RunHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (!IsFolder(path))
            return path;
        var entry = Path.Combine(ReferenceCache.DefaultFolder, FolderName, KeyOf(path).Name);
        var (model, hash) = (Path.Combine(entry, OutputFolder.ModelName), Path.Combine(entry, HashName));
        if (File.Exists(model) && File.Exists(hash) && IsOwn(entry, model) && File.ReadAllText(hash) == ReferenceCache.HashOf(model))
        {
            host.Progress.Note($"'{path}' was imported before: {model}");
            return model;
        }

        try
        {
            FileTrust.CreateFolder(entry);
            File.Delete(hash);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"'{path}' cannot be imported into '{entry}' ({e.Message.TrimEnd('.')}); free space there, or name another folder with "
                    + "LUR_REFERENCES."
            );
        }

        using var device = ComputeDevice.Open(host.Device);
        using var imported = ModelExchange.Import(path, device);
        ModelFile.Save(imported, model);
        AtomicFile.WriteText(hash, ReferenceCache.HashOf(model));
        host.Progress.Note($"imported '{path}' to {model}");
        return model;
    }

    /// <summary>Hash of the files of a part of a pipeline.</summary>
    /// <param name="folder">The part's folder.</param>
    internal static string HashOfFolder(string folder)
    {
        using var hash = new ContentHash();
        foreach (var file in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
            hash.Append(Encoding.UTF8.GetBytes($"{Path.GetFileName(file)} {ReferenceCache.HashOf(file)}\n"));
        return hash.Text();
    }

    // The model's file remembers where the folder is.
    private static ContentKey KeyOf(string path) =>
        new(
            ("format", "lur imported pipeline 1"),
            ("folder", Path.GetFullPath(path)),
            ("index", ReferenceCache.HashOf(Path.Combine(path, DiffusersPlaces.PipelineName))),
            ("unet", HashOfFolder(Path.Combine(path, PipelineFolder.UNet))),
            ("scheduler", HashOfFolder(Path.Combine(path, PipelineFolder.Scheduler))),
            ("tokenizer", HashOfFolder(Path.Combine(path, PipelineFolder.Tokenizer)))
        );

    private static bool IsOwn(string entry, string model) =>
        FileTrust.WhyNotOfGroup(entry) is null && FileTrust.WhyNotOfGroup(model) is null;
}

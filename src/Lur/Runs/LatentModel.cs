using System.Text;
using Lur.Models;

namespace Lur.Runs;

/// <summary>What a file, or a pipeline folder, says of a model that is told prompts, before its weights are read.</summary>
/// <param name="Path">The file or folder.</param>
/// <param name="Input">What it draws.</param>
/// <param name="Pipeline">Folder with its text encoder; null where there is none.</param>
/// <param name="Autoencoder">Folder of its autoencoder; null where it draws pixels.</param>
/// <param name="Pictures">Size of its pictures.</param>
internal sealed record LatentModel(string Path, ImageSize Input, string? Pipeline, string? Autoencoder, ImageSize Pictures)
{
    /// <summary>Reads it; null for a model that is not told prompts.</summary>
    /// <param name="path">File of Lur's, or a pipeline folder.</param>
    /// <exception cref="UserErrorException">It cannot be read, or its pipeline is gone.</exception>
    public static LatentModel? Of(string path)
    {
        if (ImportedModels.IsFolder(path))
            return With(path, UNetSpecOf(path).Input, path);
        if (!ConceptInputs.TakesPrompts(path))
            return null;
        var input = ModelFile.InputSizeOf(path)!.Value;
        var pipeline = PromptFolder.Beside(path) ?? DiffusersFolder.PipelinePlace(path);
        if (pipeline is not null && !Directory.Exists(pipeline))
            throw new UserErrorException(
                $"The folder '{pipeline}' that '{path}' was imported from, with its text encoder, is not there; put it there again."
            );
        return With(path, input, pipeline);
    }

    /// <summary>The network of a pipeline folder, by its configuration.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="UserErrorException">The configuration cannot be read.</exception>
    public static UNetSpec UNetSpecOf(string folder)
    {
        var config = System.IO.Path.Combine(folder, PipelineFolder.UNet, DiffusersPlaces.ConfigName);
        return UNetConfig.Read(config, Encoding.UTF8.GetBytes(TextFile.Read(config)), null);
    }

    private static LatentModel With(string path, ImageSize input, string? pipeline)
    {
        var folder = pipeline is null ? null : PromptFolder.AutoencoderOf(pipeline);
        if (folder is null)
            return new LatentModel(path, input, pipeline, null, input);
        var config = System.IO.Path.Combine(folder, DiffusersPlaces.ConfigName);
        var spec = AutoencoderSpec.Read(config, Encoding.UTF8.GetBytes(TextFile.Read(config)));
        return new LatentModel(path, input, pipeline, folder, LatentPictures.SizeOf(spec, input));
    }
}

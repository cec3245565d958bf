using Lur.Models;

namespace Lur.Runs;

/// <summary>The folder beside a model that is told prompts, with what else is in its pipeline, laid out as diffusers does: text_encoder,
/// tokenizer, and of a latent model vae.</summary>
internal static class PromptFolder
{
    /// <summary>Its name.</summary>
    public const string Name = "pipeline";

    /// <summary>That beside a model; null where there is none.</summary>
    public static string? Beside(string model)
    {
        var folder = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(model)) ?? ".", Name);
        return Directory.Exists(folder) ? folder : null;
    }

    /// <summary>That of a model: the folder beside it, or the pipeline that it was imported from; null where there is none.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Its file.</param>
    /// <exception cref="UserErrorException">The pipeline is not there any more, or is another.</exception>
    public static string? Of(Model model, string path) => Beside(path) ?? DiffusersFolder.PipelineOf(model)?.Root;

    /// <summary>Folder of the autoencoder, of a latent model; null for another.</summary>
    public static string? AutoencoderOf(string folder) =>
        Path.Combine(folder, PipelineFolder.Autoencoder) is var path && Directory.Exists(path) ? path : null;

    /// <summary>Folder of the text encoder.</summary>
    public static string EncoderOf(string folder) => Path.Combine(folder, PipelineFolder.TextEncoder);

    /// <summary>Folder of the tokenizer.</summary>
    public static string TokenizerOf(string folder) => Path.Combine(folder, PipelineFolder.Tokenizer);

    /// <summary>Copies that beside a model into the folder of a run, where there is one.</summary>
    /// <exception cref="UserErrorException">It cannot be read or written.</exception>
    public static void Copy(string model, string to)
    {
        if (Beside(model) is not { } from)
            return;
        try
        {
            foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            {
                var target = Path.Combine(to, Path.GetRelativePath(from, file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target, overwrite: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"'{from}' cannot be copied to '{to}' ({e.Message.TrimEnd('.')}); free space, or choose another folder.",
                e
            );
        }
    }
}

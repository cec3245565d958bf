using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tasks.Diffusion;

namespace Lur.Runs;

/// <summary>Diffusion models from and to the files of others.</summary>
public static class ModelExchange
{
    /// <summary>True for what is imported without a data set: a folder of diffusers, or the weights of a UNet.</summary>
    /// <param name="path">Folder or safetensors file.</param>
    /// <exception cref="UserErrorException">The file is missing or damaged.</exception>
    public static bool IsDiffusion(string path) =>
        DiffusersFolder.Claims(path) || CompVisFile.Claims(path) || UNetFamily.IsSelectiveAmnesia(path);

    /// <summary>Reads a diffusion model strictly, with the noise it was trained with.</summary>
    /// <param name="path">Folder of diffusers, its weights with config.json beside them, one file of the original code of latent diffusion,
    /// or the state_dict of Selective Amnesia's UNet.</param>
    /// <param name="device">Device to hold the model.</param>
    /// <param name="source">Data set it was trained on, for the names of its classes; null for what the folder says, or numbers.</param>
    /// <param name="size">Height and width of its images, where its files do not say.</param>
    /// <param name="precision">Element type on the device.</param>
    /// <exception cref="UserErrorException">It is no such model, or asks for what is not built here.</exception>
    public static Model Import(
        string path,
        ComputeDevice device,
        DataSource? source = null,
        int? size = null,
        Precision precision = Precision.Float32
    )
    {
        if (CompVisFile.Claims(path))
            return CompVisFile.Load(path, device, precision, size is { } pixels ? (pixels, pixels) : null);
        if (!DiffusersFolder.Claims(path))
        {
            var defaults =
                source is not null ? DataAndModel.Defaults(source)
                : size is { } one ? Sized(one)
                : null;
            return ModelFile.Load(path, device, precision, defaults);
        }

        var given =
            size is { } side ? (side, side)
            : source is null ? default((int, int)?)
            : (source.Train.Height, source.Train.Width);
        var model = DiffusersFolder.Load(path, device, precision, source?.Train.ClassNames, given);
        try
        {
            // What of it cannot be followed is said now, and by the name of its file.
            if (DiffusersFolder.SchedulerOf(path) is { } scheduler)
                _ = NoiseSchedule.Of(SchedulerConfig.Read(model.TaskSettings[DiffusionNoise.SchedulerKey], scheduler));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    // Names and normalisation are not the data's here.
    private static ModelDefaults Sized(int pixels) =>
        new(
            pixels,
            pixels,
            [],
            new Lazy<InputNormalization>(() => throw new InvalidOperationException("A UNet has its own normalisation.")),
            Augmentation.CropAndFlip
        );

    /// <summary>True where <see cref="Export"/> writes a folder: for a diffusion model, unless the name is that of a file.</summary>
    public static bool WritesFolder(Model model, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(path);
        return model.Spec is UNetSpec && !path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Writes a model for others: a file of weights, or a folder of diffusers.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">File or folder, see <see cref="WritesFolder"/>.</param>
    /// <param name="from">The model's file, beside which the text encoder of a model that was trained with one lies; null for a model that
    /// has none there.</param>
    /// <returns>Files with older weights that a folder was left without.</returns>
    /// <exception cref="UserErrorException">It cannot be written, or lacks the text encoder of its pipeline.</exception>
    public static IReadOnlyList<string> Export(Model model, string path, string? from = null)
    {
        if (!WritesFolder(model, path))
        {
            ModelFile.Export(model, path);
            return [];
        }

        if (!model.TaskSettings.ContainsKey(DiffusionNoise.SchedulerKey))
            DiffusionNoise.Of(model).Save(model);
        if (!PromptBook.IsOf(model) || from is null || PromptFolder.Beside(from) is not { } pipeline)
            return DiffusersFolder.Save(model, path);
        PipelineWriter.Create(path, model, pipeline);
        return [];
    }
}

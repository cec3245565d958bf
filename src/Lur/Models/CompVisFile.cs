using System.Globalization;
using System.Text;
using Lur.Checkpoints;
using Lur.Device;

namespace Lur.Models;

/// <summary>The UNet in a file of the original code of latent diffusion, where the autoencoder and the text encoder lie beside it. What is
/// not the UNet's is copied when the file is written again.</summary>
public static class CompVisFile
{
    // Settings: the file, and its header.
    private const string SourceKey = "single-file",
        HeaderKey = "single-file-header";

    private const string Averages = "model_ema.";

    // What the files do not say of the two networks that are published so.
    private const string Usual = """
        {
          "_class_name": "UNet2DConditionModel", "sample_size": 64, "in_channels": $IN, "out_channels": $OUT,
          "block_out_channels": [320, 640, 1280, 1280], "layers_per_block": 2, "cross_attention_dim": $CONTEXT,
          "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
          "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
          "attention_head_dim": $HEADS, "use_linear_projection": $LINEAR
        }
        """;

    private const string UsualScheduler = """
        {
          "_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
          "num_train_timesteps": 1000, "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1
        }

        """;

    /// <summary>True for a file with the names of that code.</summary>
    /// <param name="path">Folder or safetensors file.</param>
    /// <exception cref="UserErrorException">The file is missing or damaged.</exception>
    public static bool Claims(string path)
    {
        if (Directory.Exists(path))
            return false;
        using var file = SafeTensorsFile.Open(path);
        return Recognizes(file);
    }

    /// <summary>Reads the UNet, strictly. A config.json of diffusers beside the file says what it is; without one it has to be a UNet of
    /// Stable Diffusion 1 or 2, with the noise that these were trained with.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Device to hold the model.</param>
    /// <param name="precision">Element type on the device.</param>
    /// <param name="size">Height and width of latents; null for those of the configuration, or 64.</param>
    /// <exception cref="UserErrorException">The file is damaged, or of another network.</exception>
    public static Model Load(string path, ComputeDevice device, Precision precision, (int Height, int Width)? size = null)
    {
        using var whole = SafeTensorsFile.Open(path);
        if (whole.Tensors.Any(t => t.Name.StartsWith(Averages, StringComparison.Ordinal)))
            throw new UserErrorException(
                $"'{path}' holds the weights of its UNet twice, as they were trained and as averages, of which one would go on to "
                    + "know what the other forgets; take the file that is called 'pruned' or 'ema only'."
            );
        var names =
            CompVisNames.Of(whole)
            ?? throw new UserErrorException(
                $"'{path}' holds no UNet of the original code of latent diffusion; give the folder of diffusers."
            );
        using var files = WeightFiles.Open(path, [path], names.Ours);
        var spec = SpecOf(path, files.Files[0], size);
        var network = ModelFile.Build(spec, path);
        TensorComparison.Require(path, files.Tensors, ModelTensors.Expected(files, spec, network), spec.Text);
        string[] classes = [.. Sequences.Range(0, spec.Classes).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        var model = new Model(device, precision, spec, network, classes, spec.OwnNormalization)
        {
            Augmentation = spec.Suited(Augmentation.CropAndFlip),
        };
        try
        {
            ModelTensors.Read(files, model);
            model.TaskSettings[SourceKey] = Path.GetFullPath(path);
            model.TaskSettings[HeaderKey] = whole.HeaderText;
            model.TaskSettings[DiffusersFolder.SchedulerKey] = UsualScheduler;
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>True for a model that was read from such a file.</summary>
    /// <param name="model">A model.</param>
    public static bool IsSourceOf(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.TaskSettings.ContainsKey(SourceKey);
    }

    /// <summary>Writes the file again that a UNet was read from, with its weights of now and all else to the byte.</summary>
    /// <param name="model">A UNet of such a file.</param>
    /// <param name="path">File to write, atomically.</param>
    /// <exception cref="UserErrorException">The old file is gone or has become another, or the new one cannot be written.</exception>
    public static void Save(Model model, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        var (source, header) = (model.TaskSettings[SourceKey], model.TaskSettings[HeaderKey]);
        using var whole = SafeTensorsFile.Open(source);
        if (whole.HeaderText != header || CompVisNames.Of(whole) is not { } names)
            throw new UserErrorException($"'{source}' has changed since the model was imported from it; put the file there again.");
        var tensors = ModelTensors.Of(model, given: false).SelectMany(t => t.Names.Select(n => (n, t))).ToDictionary(p => p.n, p => p.t);
        SafeTensorsFile.WriteWithHeader(
            path,
            ModelFile.WithHistory(path, header, model.History),
            (info, stream) =>
            {
                if (names.Ours(info.Name) is { } ours)
                    tensors[ours].Write(info.Type, stream);
                else
                    whole.CopyTo(stream, info.Name);
            }
        );
    }

    private static bool Recognizes(SafeTensorsFile file) => file.Contains(CompVisNames.Prefix + "input_blocks.0.0.weight");

    private static UNetSpec SpecOf(string path, SafeTensorsFile unet, (int Height, int Width)? size)
    {
        if (DiffusersPlaces.ConfigBeside(path) is { } config)
            return UNetConfig.Read(config, Encoding.UTF8.GetBytes(TextFile.Read(config)), size);
        const string key = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight",
            projection = "down_blocks.0.attentions.0.proj_in.weight";
        var context = unet.Contains(key) && unet.Contains(projection) ? unet[key].Shape[1] : 0;
        var linear = context > 0 && unet[projection].Shape.Count == 2;
        if (unet["conv_in.weight"].Shape[0] != 320 || (context, linear) is not ((768, _) or (1024, true)))
            throw new UserErrorException(
                $"'{path}' holds a UNet that is neither of Stable Diffusion 1 nor of 2: put its config.json, as diffusers "
                    + "writes it, beside it."
            );
        string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
        var json = Usual
            .Replace("$IN", Text(unet["conv_in.weight"].Shape[1]), StringComparison.Ordinal)
            .Replace("$OUT", Text(unet["conv_out.weight"].Shape[0]), StringComparison.Ordinal)
            .Replace("$CONTEXT", Text(context), StringComparison.Ordinal)
            // The first has 8 heads everywhere, the second heads of 64 channels.
            .Replace("$HEADS", linear ? "[5, 10, 20, 20]" : "8", StringComparison.Ordinal)
            .Replace("$LINEAR", linear ? "true" : "false", StringComparison.Ordinal);
        var spec = UNetConfig.Read(path, Encoding.UTF8.GetBytes(json), size);
        return size is { } s ? spec with { Input = spec.Input with { Height = s.Height, Width = s.Width } } : spec;
    }
}

using Lur.Checkpoints;

namespace Lur.Models;

/// <summary>UNets of diffusion models, with the tensor names of diffusers' UNet2DModel, new or old, or of the public code of Selective
/// Amnesia.</summary>
public sealed class UNetFamily : ModelFamily
{
    private UNetFamily() { }

    /// <summary>The family.</summary>
    public static UNetFamily Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "UNet";

    /// <inheritdoc/>
    public override string Grammar => UNetText.Grammar;

    /// <inheritdoc/>
    public override bool Claims(string text) => text.StartsWith("unet", StringComparison.Ordinal);

    /// <inheritdoc/>
    /// <remarks>Without <c>:kN</c> it takes the classes of the data, with a row for none.</remarks>
    public override UNetSpec Parse(string text, ImageSize input, int outputs) => UNetText.Read(text, input, outputs);

    /// <inheritdoc/>
    public override bool Recognizes(SafeTensorsFile file) =>
        file.Contains("conv_in.weight")
        && file.Contains("conv_out.weight")
        && (file.Contains("time_embedding.linear_1.weight") || SelectiveAmnesiaNames.Recognizes(file));

    /// <summary>True for a state_dict of the public code of Selective Amnesia.</summary>
    /// <param name="path">safetensors file.</param>
    /// <exception cref="UserErrorException">The file is missing or damaged.</exception>
    public static bool IsSelectiveAmnesia(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        return !file.Metadata.ContainsKey(ModelMetadata.Architecture) && SelectiveAmnesiaNames.Recognizes(file);
    }

    /// <inheritdoc/>
    public override UNetSpec Read(SafeTensorsFile file, string? text, ImageSize? input) =>
        text is not null ? Parse(text, input ?? throw new ArgumentNullException(nameof(input)), 0)
        : SelectiveAmnesiaNames.Recognizes(file) ? SelectiveAmnesiaNames.Read(file, input)
        : DiffusersPlaces.ConfigBeside(file.Path) is { } config
            ? UNetConfig.Read(config, File.ReadAllBytes(config), input is { } size ? (size.Height, size.Width) : null)
        : throw new UserErrorException(
            $"'{file.Path}' holds the tensors of a UNet, and they do not say all of it: give the folder with its config.json."
        );
}

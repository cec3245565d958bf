using Lur.Layers;

namespace Lur.Models;

/// <summary>The autoencoder of latent diffusion (Rombach et al. 2022), as diffusers' AutoencoderKL: an encoder from images to the mean and
/// log-variance of latents, and a decoder back. Used as it is, never trained here.</summary>
public sealed record AutoencoderSpec
{
    /// <summary>Channels of each level, from that of the images down.</summary>
    public required IReadOnlyList<int> Widths { get; init; }

    /// <summary>Residual blocks of a level of the encoder; the decoder has one more.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Groups of every normalisation.</summary>
    public int Groups { get; init; } = 32;

    /// <summary>Channels of images that are encoded.</summary>
    public int InputChannels { get; init; } = 3;

    /// <summary>Channels of images that are decoded.</summary>
    public int OutputChannels { get; init; } = 3;

    /// <summary>Channels of a latent.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>A UNet sees latents times this, so that their deviation is about 1.</summary>
    public double ScalingFactor { get; init; } = 0.18215;

    /// <summary>Pixels of an image along a pixel of its latent: its sides are multiples of this.</summary>
    public int Downscale => 1 << (Widths.Count - 1);

    /// <summary>Reads a config.json.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="json">Its text.</param>
    /// <exception cref="UserErrorException">It is no such configuration, or one of a network that is not built here.</exception>
    public static AutoencoderSpec Read(string path, ReadOnlySpan<byte> json)
    {
        var c = new ConfigReader(path, json);
        c.RequireOneOf("_class_name", "AutoencoderKL", "AutoencoderKL");
        c.RequireOneOf("act_fn", "silu", "silu", "swish");
        c.RequireAbsent("shift_factor");
        c.RequireAbsent("latents_mean");
        c.RequireAbsent("latents_std");
        foreach (var key in new[] { "use_quant_conv", "use_post_quant_conv", "mid_block_add_attention" })
            if (!c.Boolean(key, true))
                throw c.Refusal(key, "false", "true");
        var widths = c.Integers("block_out_channels", [64], 1, UNetText.WidthLimit);
        c.RequireBlocks("down_block_types", "DownEncoderBlock2D", widths.Length);
        c.RequireBlocks("up_block_types", "UpDecoderBlock2D", widths.Length);
        var groups = c.Count("norm_num_groups", 32, 1, UNetText.WidthLimit);
        c.RequireDivides("norm_num_groups", groups, widths);
        return new AutoencoderSpec
        {
            Widths = widths,
            Layers = c.Count("layers_per_block", 1, 1, 64),
            Groups = groups,
            InputChannels = c.Count("in_channels", 3, 1, 1024),
            OutputChannels = c.Count("out_channels", 3, 1, 1024),
            LatentChannels = c.Count("latent_channels", 4, 1, 1024),
            ScalingFactor = c.Number("scaling_factor", 0.18215, v => v > 0),
        };
    }

    /// <summary>Builds the encoder: images [N, H, W, C] in [-1, 1] to moments [N, H / s, W / s, 2 L], the means of the L channels before
    /// their log-variances; s is <see cref="Downscale"/>.</summary>
    /// <param name="height">H, a multiple of s.</param>
    /// <param name="width">W, likewise.</param>
    public Network Encoder(int height, int width) => new AutoencoderNetwork(this, "encoder").Encode(height, width);

    /// <summary>Builds the decoder: latents [N, H / s, W / s, L], as the encoder gives them, to images [N, H, W, C].</summary>
    /// <param name="height">H, a multiple of s.</param>
    /// <param name="width">W, likewise.</param>
    public Network Decoder(int height, int width) => new AutoencoderNetwork(this, "decoder").Decode(height, width);
}

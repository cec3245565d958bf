namespace Lur.Models;

/// <summary>The config.json of diffusers' UNet2DModel. A key that is missing has diffusers' default, null is none, and a key that would
/// change the network and is not built here is refused by its name.</summary>
public static class UNetConfig
{
    private static readonly string[] s_sinusoids = ["positional"],
        s_activations = ["silu", "swish"];

    /// <summary>Reads a configuration.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="json">Its text.</param>
    /// <param name="size">Images where the configuration gives no sample_size; null: refused then.</param>
    /// <exception cref="UserErrorException">It is no such configuration, or one of a network that is not built here.</exception>
    public static UNetSpec Read(string path, ReadOnlySpan<byte> json, (int Height, int Width)? size = null)
    {
        var c = new ConfigReader(path, json);
        c.RequireOneOf("_class_name", "UNet2DModel", "UNet2DModel");
        c.RequireOneOf("time_embedding_type", "positional", s_sinusoids);
        c.RequireOneOf("act_fn", "silu", s_activations);
        c.RequireOneOf("downsample_type", "conv", "conv");
        c.RequireOneOf("upsample_type", "conv", "conv");
        c.RequireOneOf("mid_block_type", "UNetMidBlock2D", "UNetMidBlock2D");
        var widths = c.Integers("block_out_channels", [224, 448, 672, 896], 1, UNetText.WidthLimit);
        var down = c.Blocks("down_block_types", "DownBlock2D", "AttnDownBlock2D", [false, true, true, true], widths.Length);
        var up = c.Blocks("up_block_types", "UpBlock2D", "AttnUpBlock2D", [true, true, true, false], widths.Length);
        if (c.Integer("time_embedding_dim", null, 1, int.MaxValue) is { } width && width != 4 * widths[0])
            throw c.Refusal("time_embedding_dim", $"{width}", $"{4 * widths[0]}, four times the first width");
        var (condition, rows) = Condition(c);
        var padding = c.Count("downsample_padding", 1, 0, 1);
        var groups = c.Count("norm_num_groups", 32, 1, UNetText.WidthLimit);
        c.RequireDivides("norm_num_groups", groups, widths);
        var head = c.Integer("attention_head_dim", 8, 1, UNetText.WidthLimit, c.IsOld) ?? 0;
        if (head > 0 && (down.Contains(true) || up.Contains(true) || c.Boolean("add_attention", true)))
            c.RequireDivides("attention_head_dim", head, AttentionWidths(widths, down, up, c.Boolean("add_attention", true)));
        return new UNetSpec
        {
            Widths = widths,
            Layers = c.Count("layers_per_block", 2, 1, 64),
            DownAttention = down,
            UpAttention = up,
            HeadWidth = head,
            Groups = groups,
            Epsilon = c.Number("norm_eps", 1e-5, v => v > 0),
            MidGroups = c.Integer("attn_norm_num_groups", null, 1, UNetText.WidthLimit),
            MidAttention = c.Boolean("add_attention", true),
            MidScale = c.Number("mid_block_scale_factor", 1, v => v > 0),
            EndPadding = padding == 0,
            FrequencyShift = c.Number("freq_shift", 0, v => v is >= -1 and <= 1),
            CosinesFirst = c.Boolean("flip_sin_to_cos", true),
            ScaleShift = c.RequireOneOf("resnet_time_scale_shift", "default", "default", "scale_shift") == "scale_shift",
            Dropout = c.Number("dropout", 0, v => v is >= 0 and < 1),
            CenterInput = c.Boolean("center_input_sample", false),
            Condition = condition,
            ClassCount = rows,
            Outputs = c.Count("out_channels", 3, 1, 1024),
            Input = Input(c, size),
        };
    }

    private static ImageSize Input(ConfigReader c, (int Height, int Width)? size)
    {
        var channels = c.Count("in_channels", 3, 1, 1024);
        var sample = c.Size("sample_size") ?? size;
        return sample is { } s
            ? new ImageSize(s.Height, s.Width, channels)
            : throw new UserErrorException($"'{c.Path}' has no sample_size, so the size of its images is unknown: write it there.");
    }

    private static (ClassCondition Condition, int Rows) Condition(ConfigReader c)
    {
        var kind = c.Text("class_embed_type");
        var rows = c.Integer("num_class_embeds", null, 1, 1_000_000);
        return kind switch
        {
            null => rows is { } n ? (ClassCondition.Table, n) : (ClassCondition.None, 0),
            "timestep" => (ClassCondition.TimeStep, rows ?? 1000),
            _ => throw c.Refusal("class_embed_type", kind, "null or timestep"),
        };
    }

    private static IEnumerable<int> AttentionWidths(int[] widths, bool[] down, bool[] up, bool middle)
    {
        for (var i = 0; i < widths.Length; i++)
            if (down[i] || up[widths.Length - 1 - i] || (middle && i == widths.Length - 1))
                yield return widths[i];
    }
}

namespace Lur.Models;

/// <summary>The config.json of diffusers' UNet2DConditionModel, the UNet of Stable Diffusion. A key that is missing has diffusers'
/// default, and a key that would change the network and is not built here is refused by its name.</summary>
internal static class UNetPromptConfig
{
    /// <summary>diffusers' name of the network.</summary>
    public const string ClassName = "UNet2DConditionModel";

    private const string Middle = "UNetMidBlock2DCrossAttn";

    // Networks that are not built here, by the keys that ask for them and the only value that is taken.
    private static readonly string[] s_none =
    [
        "class_embed_type",
        "num_class_embeds",
        "addition_embed_type",
        "addition_time_embed_dim",
        "encoder_hid_dim",
        "encoder_hid_dim_type",
        "time_cond_proj_dim",
        "time_embedding_act_fn",
        "timestep_post_act",
        "cross_attention_norm",
        "projection_class_embeddings_input_dim",
        "reverse_transformer_layers_per_block",
    ];

    private static readonly string[] s_false =
    [
        "dual_cross_attention",
        "class_embeddings_concat",
        "resnet_skip_time_act",
        "mid_block_only_cross_attention",
        "only_cross_attention",
        "center_input_sample",
    ];

    private static readonly string[] s_activations = ["silu", "swish"];

    /// <summary>Reads a configuration.</summary>
    /// <exception cref="UserErrorException">It is of a network that is not built here.</exception>
    public static UNetSpec Read(ConfigReader c, (int Height, int Width)? size)
    {
        RefuseOthers(c);
        var widths = c.Integers("block_out_channels", [320, 640, 1280, 1280], 1, UNetText.WidthLimit);
        var down = c.Blocks("down_block_types", "DownBlock2D", "CrossAttnDownBlock2D", [true, true, true, false], widths.Length);
        var up = c.Blocks("up_block_types", "UpBlock2D", "CrossAttnUpBlock2D", [false, true, true, true], widths.Length);
        if (c.Integer("time_embedding_dim", null, 1, int.MaxValue) is { } width && width != 4 * widths[0])
            throw c.Refusal("time_embedding_dim", $"{width}", $"{4 * widths[0]}, four times the first width");
        var groups = c.Count("norm_num_groups", 32, 1, UNetText.WidthLimit);
        c.RequireDivides("norm_num_groups", groups, widths);
        return new UNetSpec
        {
            Widths = widths,
            Layers = One(c, "layers_per_block", 2),
            DownAttention = down,
            UpAttention = up,
            Heads = Heads(c, widths),
            Groups = groups,
            Epsilon = c.Number("norm_eps", 1e-5, v => v > 0),
            MidScale = c.Number("mid_block_scale_factor", 1, v => v > 0),
            EndPadding = c.Count("downsample_padding", 1, 0, 1) == 0,
            FrequencyShift = c.Number("freq_shift", 0, v => v is >= -1 and <= 1),
            CosinesFirst = c.Boolean("flip_sin_to_cos", true),
            ScaleShift = c.RequireOneOf("resnet_time_scale_shift", "default", "default", "scale_shift") == "scale_shift",
            Dropout = c.Number("dropout", 0, v => v is >= 0 and < 1),
            Condition = ClassCondition.Prompt,
            NullRow = true,
            ContextLength = UNetSpec.UsualContextLength,
            ContextWidth = c.Count("cross_attention_dim", 1280, 1, 65536),
            TransformerBlocks = One(c, "transformer_layers_per_block", 1),
            LinearProjection = c.Boolean("use_linear_projection", false),
            Outputs = c.Count("out_channels", 4, 1, 1024),
            Input = UNetConfig.Input(c, size, missing: 4),
        };
    }

    /// <summary>The text of a configuration that <see cref="Read"/> and diffusers read.</summary>
    public static string Write(UNetSpec spec) =>
        JsonText.Of(w =>
        {
            w.WriteStartObject();
            w.WriteString("_class_name", ClassName);
            w.WriteString("_diffusers_version", UNetConfig.Version);
            w.WriteString("act_fn", "silu");
            UNetConfig.List(w, "attention_head_dim", spec.Heads, w.WriteNumberValue);
            UNetConfig.List(w, "block_out_channels", spec.Widths, w.WriteNumberValue);
            w.WriteNumber("cross_attention_dim", spec.ContextWidth);
            UNetConfig.List(w, "down_block_types", spec.DownAttention, a => w.WriteStringValue(a ? "CrossAttnDownBlock2D" : "DownBlock2D"));
            w.WriteNumber("downsample_padding", spec.EndPadding ? 0 : 1);
            w.WriteNumber("dropout", spec.Dropout);
            w.WriteBoolean("flip_sin_to_cos", spec.CosinesFirst);
            w.WriteNumber("freq_shift", spec.FrequencyShift);
            w.WriteNumber("in_channels", spec.Input.Channels);
            w.WriteNumber("layers_per_block", spec.Layers);
            w.WriteNumber("mid_block_scale_factor", spec.MidScale);
            w.WriteString("mid_block_type", Middle);
            w.WriteNumber("norm_eps", spec.Epsilon);
            w.WriteNumber("norm_num_groups", spec.Groups);
            w.WriteNumber("out_channels", spec.Outputs);
            w.WriteString("resnet_time_scale_shift", spec.ScaleShift ? "scale_shift" : "default");
            UNetConfig.Size(w, spec.Input);
            w.WriteNumber("transformer_layers_per_block", spec.TransformerBlocks);
            UNetConfig.List(w, "up_block_types", spec.UpAttention, a => w.WriteStringValue(a ? "CrossAttnUpBlock2D" : "UpBlock2D"));
            w.WriteBoolean("use_linear_projection", spec.LinearProjection);
            w.WriteEndObject();
        }) + "\n";

    // attention_head_dim is, in this network of diffusers alone, the number of heads; num_attention_heads wins where it is there.
    private static int[] Heads(ConfigReader c, int[] widths)
    {
        var key = c.Value("num_attention_heads") is null ? "attention_head_dim" : "num_attention_heads";
        var heads = c.IntegersOrOne(key, 8, 1, UNetText.WidthLimit);
        var all = heads.Length == 1 ? Sequences.Repeat(heads[0], widths.Length).ToArray() : heads;
        if (all.Length != widths.Length)
            throw c.Refusal(key, $"{all.Length} numbers", $"one number, or one for each of {widths.Length} levels");
        for (var i = 0; i < all.Length; i++)
            c.RequireDivides(key, all[i], [widths[i]]);
        return all;
    }

    // A list is taken where all of its numbers are one.
    private static int One(ConfigReader c, string key, int missing)
    {
        var values = c.IntegersOrOne(key, missing, 1, 64);
        return values.Distinct().Count() == 1
            ? values[0]
            : throw c.Refusal(key, $"[{string.Join(", ", values)}]", "one number for all levels");
    }

    private static void RefuseOthers(ConfigReader c)
    {
        foreach (var key in s_none)
            if (c.Value(key) is { } value)
                throw c.Refusal(key, value, "null");
        foreach (var key in s_false)
            if (c.Value(key) is { } value && value != "false")
                throw c.Refusal(key, value, "false");
        c.RequireOneOf("time_embedding_type", "positional", "positional");
        c.RequireOneOf("act_fn", "silu", s_activations);
        c.RequireOneOf("mid_block_type", Middle, Middle);
        c.RequireOneOf("attention_type", "default", "default");
        foreach (var key in new[] { "conv_in_kernel", "conv_out_kernel" })
            if (c.Count(key, 3, 1, 64) is not 3 and var kernel)
                throw c.Refusal(key, $"{kernel}", "filters of 3");
        if (c.Number("resnet_out_scale_factor", 1, _ => true) is not 1 and var scale)
            throw c.Refusal("resnet_out_scale_factor", $"{scale}", "1");
    }
}

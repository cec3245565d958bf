using System.Text.Json;

namespace Lur.Models;

/// <summary>The config.json of diffusers' UNet2DModel. A key that is missing has diffusers' default, null is none, and a key that would
/// change the network and is not built here is refused by its name.</summary>
/// <remarks>What is not diffusers' own has keys that begin with an underscore, which diffusers leaves alone: whether the last row of the
/// table stands for no class, and the names of the classes.</remarks>
public static class UNetConfig
{
    private const string NullRowKey = "_lur_null_row",
        ClassesKey = "_lur_classes";

    /// <summary>Version of diffusers whose layout is written.</summary>
    internal const string Version = "0.27.2";

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
        if (c.RequireOneOf("_class_name", "UNet2DModel", "UNet2DModel", UNetPromptConfig.ClassName) == UNetPromptConfig.ClassName)
            return UNetPromptConfig.Read(c, size);
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
        var nullRow = condition == ClassCondition.Table && rows > 1 && c.Boolean(NullRowKey, false);
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
            ClassCount = nullRow ? rows - 1 : rows,
            NullRow = nullRow,
            Outputs = c.Count("out_channels", 3, 1, 1024),
            Input = Input(c, size),
        };
    }

    /// <summary>Names of the classes that a configuration of ours has; null where it has none, or not as many.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="json">Its text.</param>
    /// <param name="count">Classes of the network.</param>
    /// <exception cref="UserErrorException">It is no configuration.</exception>
    public static IReadOnlyList<string>? ReadClasses(string path, ReadOnlySpan<byte> json, int count) =>
        new ConfigReader(path, json).Texts(ClassesKey) is { } names && names.Count == count ? names : null;

    /// <summary>The text of a configuration that <see cref="Read"/> and diffusers read.</summary>
    /// <param name="spec">The network; not one that concatenates its class, which diffusers does not build.</param>
    /// <param name="classes">Names of its classes.</param>
    public static string Write(UNetSpec spec, IReadOnlyList<string> classes)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.Condition == ClassCondition.Prompt)
            return UNetPromptConfig.Write(spec);
        if (spec.Condition == ClassCondition.Concatenated)
            throw new ArgumentException("No network of diffusers concatenates its class.", nameof(spec));
        var text = JsonText.Of(w =>
        {
            w.WriteStartObject();
            w.WriteString("_class_name", "UNet2DModel");
            w.WriteString("_diffusers_version", Version);
            if (spec.NullRow)
                w.WriteBoolean(NullRowKey, true);
            if (spec.ClassCount > 0)
                List(w, ClassesKey, classes, name => w.WriteStringValue(name));
            WriteNetwork(w, spec);
            w.WriteEndObject();
        });
        return text + "\n";
    }

    /// <summary>The text of a model_index.json for a UNet and its scheduler.</summary>
    public static string Pipeline { get; } =
        $$"""
            {
              "_class_name": "DDPMPipeline",
              "_diffusers_version": "{{Version}}",
              "scheduler": [
                "diffusers",
                "DDPMScheduler"
              ],
              "unet": [
                "diffusers",
                "UNet2DModel"
              ]
            }

            """;

    private static void WriteNetwork(Utf8JsonWriter w, UNetSpec spec)
    {
        w.WriteString("act_fn", "silu");
        w.WriteBoolean("add_attention", spec.MidAttention);
        Number(w, "attention_head_dim", spec.HeadWidth == 0 ? null : spec.HeadWidth);
        Number(w, "attn_norm_num_groups", spec.MidGroups);
        List(w, "block_out_channels", spec.Widths, w.WriteNumberValue);
        w.WriteBoolean("center_input_sample", spec.CenterInput);
        w.WriteString("class_embed_type", spec.Condition == ClassCondition.TimeStep ? "timestep" : null);
        List(w, "down_block_types", spec.DownAttention, a => w.WriteStringValue(a ? "AttnDownBlock2D" : "DownBlock2D"));
        w.WriteNumber("downsample_padding", spec.EndPadding ? 0 : 1);
        w.WriteString("downsample_type", "conv");
        w.WriteNumber("dropout", spec.Dropout);
        w.WriteBoolean("flip_sin_to_cos", spec.CosinesFirst);
        w.WriteNumber("freq_shift", spec.FrequencyShift);
        w.WriteNumber("in_channels", spec.Input.Channels);
        w.WriteNumber("layers_per_block", spec.Layers);
        w.WriteNumber("mid_block_scale_factor", spec.MidScale);
        w.WriteNumber("norm_eps", spec.Epsilon);
        w.WriteNumber("norm_num_groups", spec.Groups);
        Number(w, "num_class_embeds", spec.ClassCount == 0 ? null : spec.TableRows);
        w.WriteNumber("out_channels", spec.Outputs);
        w.WriteString("resnet_time_scale_shift", spec.ScaleShift ? "scale_shift" : "default");
        Size(w, spec.Input);
        w.WriteString("time_embedding_type", "positional");
        List(w, "up_block_types", spec.UpAttention, a => w.WriteStringValue(a ? "AttnUpBlock2D" : "UpBlock2D"));
        w.WriteString("upsample_type", "conv");
    }

    internal static void List<T>(Utf8JsonWriter w, string key, IReadOnlyList<T> values, Action<T> write)
    {
        w.WriteStartArray(key);
        foreach (var value in values)
            write(value);
        w.WriteEndArray();
    }

    internal static void Size(Utf8JsonWriter w, ImageSize input)
    {
        if (input.Height == input.Width)
            w.WriteNumber("sample_size", input.Height);
        else
            List(w, "sample_size", [input.Height, input.Width], w.WriteNumberValue);
    }

    internal static void Number(Utf8JsonWriter w, string key, int? value)
    {
        if (value is { } number)
            w.WriteNumber(key, number);
        else
            w.WriteNull(key);
    }

    internal static ImageSize Input(ConfigReader c, (int Height, int Width)? size, int missing = 3)
    {
        var channels = c.Count("in_channels", missing, 1, 1024);
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
            // diffusers then hands on what the caller gives in place of class numbers: there is no table that could forget a row.
            "identity" => throw new UserErrorException(
                $"'{c.Path}': the key 'class_embed_type' is identity, a network that is given a vector in place of the number of a class, "
                    + "so that it knows no classes to draw or to forget; take one that was trained with num_class_embeds and "
                    + "class_embed_type null."
            ),
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

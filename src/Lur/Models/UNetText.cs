using System.Globalization;

namespace Lur.Models;

/// <summary>A UNet as text. Short: <c>unet:c64:m1,2,2:attn16:r2</c>; what goes into files spells out every choice that is not the
/// default, widths and attention level by level.</summary>
internal static class UNetText
{
    /// <summary>How it is written.</summary>
    public const string Grammar =
        "unet:c64:m1,2,2 with the channels of the first level and the multiple of each, or unet:w64,128,128; options :attn16,8 (sizes "
        + "of the levels with attention), :rN (blocks a level, 2), :hN (channels of a head; h0 is one head), :gN (groups), :dropN "
        + "(dropout), :kN (classes; k0 for none), :eN (epsilon); for prompts in place of classes :xN (length of a prompt's row), :tokN "
        + "(rows), :heads8 or :heads5,10 (heads a level), :depthN (blocks of a transformer), :linproj, :clipL,H (a text encoder of L "
        + "layers and H heads that is trained with it)";

    private const int MostWidth = 4096;

    /// <summary>The canonical text.</summary>
    public static string Write(UNetSpec s)
    {
        var parts = new List<string> { "unet", "w" + string.Join(',', s.Widths) };
        void Add(bool differs, FormattableString text)
        {
            if (differs)
                parts.Add(text.ToString(CultureInfo.InvariantCulture));
        }

        Add(true, $"down{Flags(s.DownAttention)}");
        Add(true, $"up{Flags(s.UpAttention)}");
        Add(true, $"r{s.Layers}");
        if (s.Condition == ClassCondition.Prompt)
            Prompts(s, Add);
        else
            Add(true, $"h{s.HeadWidth}");
        Add(true, $"g{s.Groups}");
        Add(s.Epsilon != 1e-5, $"e{s.Epsilon}");
        Add(s.MidGroups is not null, $"midg{s.MidGroups}");
        Add(!s.MidAttention, $"midplain");
        Add(s.MidScale != 1, $"midscale{s.MidScale}");
        Add(s.EndPadding, $"endpad");
        Add(s.FrequencyShift != 0, $"fshift{s.FrequencyShift}");
        Add(!s.CosinesFirst, $"sinfirst");
        Add(s.ScaleShift, $"film");
        Add(s.Dropout != 0, $"drop{s.Dropout}");
        Add(s.CenterInput, $"center");
        Add(s.Outputs != s.Input.Channels, $"out{s.Outputs}");
        Add(s.Condition is ClassCondition.None or ClassCondition.Table or ClassCondition.Prompt, $"k{s.ClassCount}");
        Add(s.Condition == ClassCondition.TimeStep, $"ktime{s.ClassCount}");
        Add(s.Condition == ClassCondition.Concatenated, $"kbeside{s.ClassCount}");
        Add(s.ClassCount > 0 && !s.NullRow, $"nonull");
        return string.Join(':', parts);
    }

    private static void Prompts(UNetSpec s, Action<bool, FormattableString> add)
    {
        add(true, $"heads{string.Join(',', s.Heads)}");
        add(true, $"x{s.ContextWidth}");
        add(true, $"tok{s.ContextLength}");
        add(s.TransformerBlocks != 1, $"depth{s.TransformerBlocks}");
        add(s.LinearProjection, $"linproj");
        add(s.Encoder is not null, $"clip{s.Encoder?.Layers},{s.Encoder?.Heads}");
        add(s.Encoder is not null, $"vocab{s.Encoder?.Vocabulary}");
    }

    /// <summary>Reads a text.</summary>
    /// <param name="text">Short or canonical.</param>
    /// <param name="input">Images.</param>
    /// <param name="classes">Classes of the data, where the text does not say.</param>
    /// <exception cref="UserErrorException">It names no UNet.</exception>
    public static UNetSpec Read(string text, ImageSize input, int classes) => new UNetTextReader(text, input, classes).Read();

    /// <summary>Most channels a level may have.</summary>
    public static int WidthLimit => MostWidth;

    private static string Flags(IEnumerable<bool> flags) => string.Concat(flags.Select(f => f ? '1' : '0'));
}

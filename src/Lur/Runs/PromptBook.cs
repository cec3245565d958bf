using Lur.Device;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Text;

namespace Lur.Runs;

/// <summary>Prompts that a model knows: their rows are its table, and further ones are read by the text encoder beside it.</summary>
internal static class PromptBook
{
    /// <summary>True for a model that is told prompts.</summary>
    public static bool IsOf(Model model) => model.Spec is UNetSpec { Condition: ClassCondition.Prompt };

    /// <summary>The model with further prompts. It takes over the weights of the one that is given, see
    /// <see cref="Model.WithPrompts"/>.</summary>
    /// <param name="model">A model that is told prompts.</param>
    /// <param name="path">Its file, beside which the text encoder lies.</param>
    /// <param name="prompts">Prompts that it is to know, too.</param>
    /// <exception cref="UserErrorException">There is no text encoder, or a prompt is too long for it.</exception>
    public static Model Extend(Model model, string path, IReadOnlyList<string> prompts) =>
        With(model, path, [.. model.ClassNames, .. prompts.Except(model.ClassNames, StringComparer.Ordinal)]);

    /// <summary>The model with these prompts and no other, in this order.</summary>
    /// <inheritdoc cref="Extend"/>
    public static Model With(Model model, string path, IReadOnlyList<string> prompts)
    {
        if (model.ClassNames.SequenceEqual(prompts, StringComparer.Ordinal))
            return model;
        var spec = (UNetSpec)model.Spec;
        var length = spec.ContextLength * spec.ContextWidth;
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < model.ClassNames.Count; i++)
            known[model.ClassNames[i]] = i;
        string[] unknown = [.. prompts.Where(p => !known.ContainsKey(p)).Distinct(StringComparer.Ordinal)];
        var old = model.Buffers.ToArray();
        var read = unknown.Length == 0 ? [] : Read(model, path, unknown);
        var rows = new float[(prompts.Count + 1) * length];
        for (var i = 0; i <= prompts.Count; i++)
        {
            // The last row is that of no prompt.
            var place = i == prompts.Count ? model.ClassNames.Count : known.GetValueOrDefault(prompts[i], -1);
            var from = place >= 0 ? old.AsSpan(place * length, length) : read.AsSpan(Array.IndexOf(unknown, prompts[i]) * length, length);
            for (var j = 0; j < length; j++)
                rows[(i * length) + j] = (float)from[j];
        }

        return model.WithPrompts(prompts, rows);
    }

    /// <summary>Puts a prompt in the place of no prompt.</summary>
    /// <param name="model">A model that is told prompts.</param>
    /// <param name="path">Its file, beside which the text encoder lies.</param>
    /// <param name="prompt">The prompt.</param>
    /// <exception cref="UserErrorException">There is no text encoder, or the prompt is too long for it.</exception>
    public static void SetNegative(Model model, string path, string prompt)
    {
        var row = Read(model, path, [prompt]);
        var slot = model.Buffers.Layout[UNet.PromptRows];
        model.Buffers.Write<float>(slot.End - row.Length, [.. row.Select(r => (float)r)]);
    }

    private static double[] Read(Model model, string path, string[] prompts)
    {
        if (PromptFolder.Beside(path) is not { } folder)
            throw new UserErrorException(
                $"'{path}' does not know the prompt '{prompts[0]}', and there is no folder '{PromptFolder.Name}' with a text encoder beside it "
                    + "to read it; put the one back that 'lur train' or 'lur import' left beside the model."
            );
        return Rows(folder, model.Device, (UNetSpec)model.Spec, prompts);
    }

    /// <summary>Rows of prompts, [prompts, rows, width], from the text encoder of a folder.</summary>
    /// <exception cref="UserErrorException">The encoder is not the network's, or a prompt is too long.</exception>
    public static double[] Rows(string folder, ComputeDevice device, UNetSpec spec, IReadOnlyList<string> prompts)
    {
        var tokenizer = ClipTokenizer.Open(PromptFolder.TokenizerOf(folder));
        using var encoder = TextEncoder.Open(PromptFolder.EncoderOf(folder), device, Precision.Float32);
        if (encoder.Spec.Width != spec.ContextWidth)
            throw new UserErrorException(
                $"The text encoder in '{folder}' gives rows of {encoder.Spec.Width} numbers, and the network takes {spec.ContextWidth}; it "
                    + "belongs to another model."
            );
        return encoder.Encode([.. prompts.Select(p => Tokens(tokenizer, p, spec.ContextLength))]);
    }

    /// <summary>Tokens of a prompt.</summary>
    /// <exception cref="UserErrorException">It has too many.</exception>
    public static int[] Tokens(ClipTokenizer tokenizer, string prompt, int length)
    {
        var ids = tokenizer.Encode(prompt, length, out var cut);
        return cut == 0
            ? ids
            : throw new UserErrorException(
                $"The prompt '{prompt}' has {cut} tokens more than the {length} that the model takes, two of which begin and end it; shorten it."
            );
    }
}

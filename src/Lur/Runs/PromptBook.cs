using System.Globalization;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Text;

namespace Lur.Runs;

/// <summary>Prompts that a model knows: their rows are its table, and further ones are read by the text encoder beside it.</summary>
internal static class PromptBook
{
    private const int MostWitnesses = 16;

    // Weights and rows may be float16: 5e-4 of each, through a few layers.
    private const double LargestDifference = 0.02;

    /// <summary>True for a model that is told prompts.</summary>
    public static bool IsOf(Model model) => model.Spec is UNetSpec { Condition: ClassCondition.Prompt };

    /// <summary>The model with further prompts. It takes over the weights of the one that is given, see
    /// <see cref="Model.WithPrompts"/>.</summary>
    /// <param name="model">A model that is told prompts.</param>
    /// <param name="path">Its file, beside which the text encoder lies.</param>
    /// <param name="prompts">Prompts that it is to know, too.</param>
    /// <param name="cut">Told of a prompt whose end is cut off, as Stable Diffusion does; null refuses it.</param>
    /// <param name="cache">Where rows are found again; null reads prompts each time.</param>
    /// <exception cref="UserErrorException">There is no text encoder, or a prompt is too long for it.</exception>
    public static Model Extend(
        Model model,
        string path,
        IReadOnlyList<string> prompts,
        Action<string>? cut = null,
        NumbersCache? cache = null
    ) => With(model, path, [.. model.ClassNames, .. prompts.Except(model.ClassNames, StringComparer.Ordinal)], cut, cache);

    /// <summary>The model with these prompts and no other, in this order.</summary>
    /// <inheritdoc cref="Extend"/>
    public static Model With(
        Model model,
        string path,
        IReadOnlyList<string> prompts,
        Action<string>? cut = null,
        NumbersCache? cache = null
    )
    {
        if (model.ClassNames.SequenceEqual(prompts, StringComparer.Ordinal))
            return model;
        var spec = (UNetSpec)model.Spec;
        var length = spec.ContextLength * spec.ContextWidth;
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < model.ClassNames.Count; i++)
            known[model.ClassNames[i]] = i;
        // An imported model has no rows, that of no prompt neither.
        if (spec.ClassCount == 0)
            prompts = [.. prompts, ""];
        string[] unknown = [.. prompts.Where(p => !known.ContainsKey(p)).Distinct(StringComparer.Ordinal)];
        var old = model.Buffers.ToArray();
        var read = unknown.Length == 0 ? [] : Read(model, path, [.. unknown, .. Witnesses(model)], cut, cache);
        RequireOwnEncoder(model, path, old, read.AsSpan(unknown.Length * length));
        var count = spec.ClassCount == 0 ? prompts.Count - 1 : prompts.Count;
        var rows = new double[(count + 1) * length];
        for (var i = 0; i <= count; i++)
        {
            // The last row is that of no prompt.
            var place = i == prompts.Count ? model.ClassNames.Count : known.GetValueOrDefault(prompts[i], -1);
            var from = place >= 0 ? old.AsSpan(place * length, length) : read.AsSpan(Array.IndexOf(unknown, prompts[i]) * length, length);
            from.CopyTo(rows.AsSpan(i * length, length));
        }

        return model.WithPrompts([.. prompts.Take(count)], rows);
    }

    // Prompts whose rows the model has, some of them and the last: a text encoder that gives others is another model's.
    private static IEnumerable<string> Witnesses(Model model) => WitnessPlaces(model).Select(i => model.ClassNames[i]);

    private static IEnumerable<int> WitnessPlaces(Model model)
    {
        var (count, taken) = (model.ClassNames.Count, Math.Min(model.ClassNames.Count, MostWitnesses));
        return Sequences.Range(1, taken).Select(i => (int)((long)i * count / taken) - 1);
    }

    private static void RequireOwnEncoder(Model model, string path, double[] known, ReadOnlySpan<double> read)
    {
        var (at, spec) = (0, (UNetSpec)model.Spec);
        var length = spec.ContextLength * spec.ContextWidth;
        foreach (var place in WitnessPlaces(model))
        {
            if (read.Length == 0)
                return;
            double difference = 0,
                scale = 0;
            for (var i = 0; i < length; i++, at++)
            {
                difference = Math.Max(difference, Math.Abs(read[at] - known[(place * length) + i]));
                scale = Math.Max(scale, Math.Abs(known[(place * length) + i]));
            }

            if (!(difference <= LargestDifference * scale))
                throw new UserErrorException(
                    $"The text encoder beside '{path}' gives other rows for '{model.ClassNames[place]}' than the model was trained or "
                        + "saved with: it, or its tokenizer, belongs to another model; put the right one back."
                );
        }
    }

    /// <summary>Puts a prompt in the place of no prompt.</summary>
    /// <param name="model">A model that is told prompts.</param>
    /// <param name="path">Its file, beside which the text encoder lies.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="cut">See <see cref="Extend"/>.</param>
    /// <exception cref="UserErrorException">There is no text encoder, or the prompt is too long for it.</exception>
    public static void SetNegative(Model model, string path, string prompt, Action<string>? cut = null)
    {
        var row = Read(model, path, [prompt], cut, null);
        var slot = model.Buffers.Layout[UNet.PromptRows];
        var all = model.Buffers.ToArray();
        row.CopyTo(all.AsSpan(slot.End - row.Length));
        model.Buffers.Set(all);
    }

    private static double[] Read(Model model, string path, string[] prompts, Action<string>? cut, NumbersCache? cache)
    {
        if (PromptFolder.Of(model, path) is not { } folder)
            throw new UserErrorException(
                $"'{path}' does not know the prompt '{prompts[0]}', and there is no folder '{PromptFolder.Name}' with a text encoder "
                    + "beside it to read it; put the one back that 'lur train' or 'lur import' left beside the model."
            );
        if (cache is null)
            return Rows(folder, model, prompts, cut);
        var spec = (UNetSpec)model.Spec;
        var key = new ContentKey(
            ("format", "lur rows of prompts 1"),
            ("text encoder", ImportedModels.HashOfFolder(PromptFolder.EncoderOf(folder))),
            ("tokenizer", ImportedModels.HashOfFolder(PromptFolder.TokenizerOf(folder))),
            ("rows", spec.ContextLength.ToString(CultureInfo.InvariantCulture)),
            ("prompts", LatentSettings.TextOf(prompts))
        );
        long[] shape = [prompts.Length, spec.ContextLength, spec.ContextWidth];
        var rows = cache.GetOrMake(key, "rows of prompts", shape, () => [.. Rows(folder, model, prompts, cut).Select(x => (float)x)]);
        return Array.ConvertAll(rows, x => (double)x);
    }

    /// <summary>Rows of prompts, [prompts, rows, width], from the text encoder of a folder.</summary>
    /// <param name="folder">Folder with text_encoder and tokenizer.</param>
    /// <param name="model">The model that they are for.</param>
    /// <param name="prompts">The prompts.</param>
    /// <param name="cut">See <see cref="Extend"/>.</param>
    /// <exception cref="UserErrorException">The encoder is not the network's, or a prompt is too long.</exception>
    public static double[] Rows(string folder, Model model, IReadOnlyList<string> prompts, Action<string>? cut = null)
    {
        var spec = (UNetSpec)model.Spec;
        var tokenizer = ClipTokenizer.Open(PromptFolder.TokenizerOf(folder));
        using var encoder = TextEncoder.Open(PromptFolder.EncoderOf(folder), model.Device, model.Precision);
        if (encoder.Spec.Width != spec.ContextWidth)
            throw new UserErrorException(
                $"The text encoder in '{folder}' gives rows of {encoder.Spec.Width} numbers, and the network takes {spec.ContextWidth}; it "
                    + "belongs to another model."
            );
        return encoder.Encode([.. prompts.Select(p => Tokens(tokenizer, p, spec.ContextLength, cut))]);
    }

    /// <summary>Tokens of a prompt.</summary>
    /// <param name="tokenizer">Makes them.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="length">How many there are.</param>
    /// <param name="cut">See <see cref="Extend"/>.</param>
    /// <exception cref="UserErrorException">It has too many.</exception>
    public static int[] Tokens(ClipTokenizer tokenizer, string prompt, int length, Action<string>? cut = null)
    {
        var ids = tokenizer.Encode(prompt, length, out var more);
        if (more > 0 && cut is null)
            throw new UserErrorException(
                $"The prompt '{prompt}' has {more} tokens more than the {length} that the model takes, two of which begin and end it; "
                    + "shorten it."
            );
        if (more > 0)
            cut?.Invoke($"the last {more} tokens of the prompt '{prompt}' are cut off: the model takes {length - 2}");
        return ids;
    }
}

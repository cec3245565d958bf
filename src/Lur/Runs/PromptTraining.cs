using Lur.Data;
using Lur.Models;
using Lur.Text;

namespace Lur.Runs;

/// <summary>A UNet that is trained with its text encoder: one network that is told tokens, and two models when it has learnt.</summary>
internal static class PromptTraining
{
    /// <summary>The network of a data set with captions: its vocabulary is the words of these.</summary>
    /// <param name="spec">A UNet that is told prompts.</param>
    /// <param name="data">Data whose class names are captions.</param>
    /// <exception cref="UserErrorException">It has no text encoder.</exception>
    public static UNetSpec SpecOf(UNetSpec spec, IImageDataset data) =>
        spec.Encoder is { } encoder
            ? spec with
            {
                Encoder = encoder with { Vocabulary = TokenizerOf(spec, data.ClassNames).IdCount },
            }
            : throw new UserErrorException(
                $"The model '{spec.Text}' is told the rows of prompts, and nothing makes them: train a text encoder with it, for example "
                    + ":clip2,4."
            )
            {
                IsUsage = true,
            };

    /// <summary>Tells a new model the tokens of its captions.</summary>
    /// <exception cref="UserErrorException">A caption has too many.</exception>
    public static void Tell(Model model)
    {
        var spec = (UNetSpec)model.Spec;
        var tokenizer = TokenizerOf(spec, model.ClassNames);
        float[] table =
        [
            .. model.ClassNames.Append("").SelectMany(c => PromptBook.Tokens(tokenizer, c, spec.ContextLength)).Select(t => (float)t),
        ];
        model.Buffers.Set(model.Buffers.Layout[UNet.PromptRows], table);
    }

    /// <summary>Writes a trained model; a text encoder that was trained with it becomes a file of its own.</summary>
    public static void Save(Model model, OutputFolder output, IReadOnlyDictionary<string, string> metadata)
    {
        var path = output.Staged(OutputFolder.ModelName);
        if (model.Spec is not UNetSpec { Encoder: not null })
        {
            ModelFile.Save(model, path, metadata);
            return;
        }

        using var unet = Separate(model, output.StagedFolder(PromptFolder.Name));
        ModelFile.Save(unet, path, metadata);
    }

    /// <summary>Writes the text encoder and its tokenizer, and gives the UNet with the rows of its captions.</summary>
    /// <param name="model">The trained network.</param>
    /// <param name="folder">Folder for text_encoder and tokenizer.</param>
    /// <exception cref="UserErrorException">It cannot be written.</exception>
    public static Model Separate(Model model, string folder)
    {
        var joint = (UNetSpec)model.Spec;
        var text = PromptFolder.EncoderOf(folder);
        Directory.CreateDirectory(text);
        AtomicFile.WriteText(Path.Combine(text, DiffusersPlaces.ConfigName), joint.Encoder!.ToJson());
        ClipTextFile.Write(Path.Combine(text, "model.safetensors"), model.Parameters, UNet.TextPrefix);
        TokenizerOf(joint, model.ClassNames).Save(PromptFolder.TokenizerOf(folder));
        var spec = joint with { Encoder = null };
        var unet = model.WithNetwork(spec);
        try
        {
            unet.Buffers.Set(PromptBook.Rows(folder, unet, [.. model.ClassNames, ""]));
            return unet;
        }
        catch
        {
            unet.Dispose();
            throw;
        }
    }

    private static ClipTokenizer TokenizerOf(UNetSpec spec, IReadOnlyList<string> captions) =>
        ClipTokenizer.OfWords(
            captions
                .SelectMany(c => c.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
                .Distinct()
                .Order(StringComparer.Ordinal),
            spec.ContextLength
        );
}

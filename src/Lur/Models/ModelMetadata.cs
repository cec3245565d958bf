using System.Globalization;
using System.Text.Json;
using Lur.Checkpoints;

namespace Lur.Models;

/// <summary>What Lur's model files say in their metadata beside the tensors.</summary>
internal static class ModelMetadata
{
    /// <summary>Spec of the architecture; its presence marks a file of Lur's.</summary>
    public const string Architecture = "lur.architecture";

    /// <summary>Header of the file that the model was imported from.</summary>
    public const string ImportedHeader = "lur.imported-header";

    private const string TaskPrefix = "lur.task.";

    private const string InputKey = "lur.input",
        ClassesKey = "lur.classes",
        NormalizationKey = "lur.normalization",
        AugmentationKey = "lur.augmentation",
        DataKey = "lur.data",
        ValidationKey = "lur.validation-sha256",
        ForgottenKey = "lur.forgotten-sha256";

    /// <summary>Writes what a model says of itself.</summary>
    public static void Write(SafeTensorsWriter writer, Model model)
    {
        writer.Metadata[Architecture] = model.Architecture;
        writer.Metadata[InputKey] = model.Spec.Input.ToString();
        writer.Metadata[ClassesKey] = JsonText.OnOneLine(w => WriteTexts(w, model.ClassNames));
        writer.Metadata[NormalizationKey] = JsonText.OnOneLine(w => WriteNormalization(w, model.Normalization));
        // Crop and flip is what a file of Lur's means that does not say; to leave it out keeps such files as they were.
        if (model.Augmentation != Augmentation.CropAndFlip)
            writer.Metadata[AugmentationKey] = model.Augmentation.Name;
        if (model.ImportedHeader is not null)
            writer.Metadata[ImportedHeader] = model.ImportedHeader;
        foreach (var (key, value) in model.TaskSettings)
            writer.Metadata[TaskPrefix + key] = value;
        foreach (var (key, value) in Of(model.History))
            writer.Metadata[key] = value;
    }

    /// <summary>What is known of a model's past, as metadata.</summary>
    public static IEnumerable<(string Key, string Value)> Of(ModelHistory history)
    {
        foreach (
            var (key, value) in new[]
            {
                (DataKey, history.DataSha256),
                (ValidationKey, history.ValidationSha256),
                (ForgottenKey, history.ForgottenSha256),
            }
        )
        {
            if (value is not null)
                yield return (key, value);
        }
    }

    /// <summary>What a file says to the task of a model.</summary>
    public static void ReadTaskSettings(SafeTensorsFile file, Model model)
    {
        foreach (var (key, value) in file.Metadata)
            if (key.StartsWith(TaskPrefix, StringComparison.Ordinal))
                model.TaskSettings[key[TaskPrefix.Length..]] = value;
    }

    /// <summary>One of these; null where the file does not say.</summary>
    public static string? TaskSetting(SafeTensorsFile file, string name) => file.Metadata.GetValueOrDefault(TaskPrefix + name);

    /// <summary>What a file says of a model's past.</summary>
    public static ModelHistory ReadHistory(SafeTensorsFile file) =>
        new()
        {
            DataSha256 = file.Metadata.GetValueOrDefault(DataKey),
            ValidationSha256 = file.Metadata.GetValueOrDefault(ValidationKey),
            ForgottenSha256 = file.Metadata.GetValueOrDefault(ForgottenKey),
        };

    /// <summary>The architecture of a file.</summary>
    public static ModelSpec ReadSpec(SafeTensorsFile file, ModelDefaults? defaults)
    {
        if (!file.Metadata.TryGetValue(Architecture, out var text))
            return ModelFamilies.Read(file, null, defaults is null ? null : new ImageSize(defaults.Height, defaults.Width, 0));
        var input = file.Metadata.GetValueOrDefault(InputKey, "");
        return ImageSize.TryParse(input, out var size)
            ? ModelFamilies.Read(file, text, size)
            : throw new UserErrorException(
                $"'{file.Path}': the metadata '{InputKey}' is '{input}', expected CHANNELSxHEIGHTxWIDTH such as 3x32x32."
            );
    }

    /// <summary>Images that the model of a file takes; null where it does not say.</summary>
    public static ImageSize? ReadInput(SafeTensorsFile file) =>
        file.Metadata.TryGetValue(InputKey, out var input) && ImageSize.TryParse(input, out var size) ? size : null;

    /// <summary>Names of the outputs: from the metadata, else those of the data set, else numbers.</summary>
    public static string[] ReadClasses(SafeTensorsFile file, ModelSpec spec, ModelDefaults? defaults)
    {
        if (file.Metadata.TryGetValue(ClassesKey, out var json) && Parse(file, ClassesKey, json, Texts) is { } names)
        {
            return names.Length == spec.Classes
                ? names
                : throw new UserErrorException(
                    $"'{file.Path}': the metadata '{ClassesKey}' names {names.Length} classes, but the model has {spec.Classes}."
                );
        }

        if (defaults is not null && defaults.ClassNames.Count == spec.Classes)
            return [.. defaults.ClassNames];
        return [.. Sequences.Range(0, spec.Classes).Select(i => i.ToString(CultureInfo.InvariantCulture))];
    }

    /// <summary>Normalisation inside the model.</summary>
    public static InputNormalization ReadNormalization(SafeTensorsFile file, ModelSpec spec, ModelDefaults? defaults)
    {
        if (file.Metadata.TryGetValue(NormalizationKey, out var json))
        {
            return Parse(file, NormalizationKey, json, root => new InputNormalization(Numbers(root, "Mean"), Numbers(root, "Std")));
        }

        return spec.OwnNormalization
            ?? defaults?.Normalization.Value
            ?? throw new UserErrorException(
                $"'{file.Path}' does not say how its input is normalised; give the data set it was trained on."
            );
    }

    /// <summary>Random changes of its training images.</summary>
    public static Augmentation ReadAugmentation(SafeTensorsFile file, ModelSpec spec, ModelDefaults? defaults)
    {
        if (!file.Metadata.TryGetValue(AugmentationKey, out var name))
        {
            return file.Metadata.ContainsKey(Architecture)
                ? Augmentation.CropAndFlip
                : spec.Suited(defaults?.Augmentation ?? Augmentation.CropAndFlip);
        }

        return Augmentation.Parse(name) is var known && known != Augmentation.Auto
            ? known
            : throw new UserErrorException($"'{file.Path}': the metadata '{AugmentationKey}' is '{name}', which is no augmentation.");
    }

    private static T Parse<T>(SafeTensorsFile file, string key, string json, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return read(document.RootElement);
        }
        // Another kind, a missing field, and a number that is none: what the elements throw.
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new UserErrorException($"'{file.Path}': the metadata '{key}' is not the JSON that Lur writes: '{json}'.");
        }
    }

    private static string[] Texts(JsonElement root) => [.. root.EnumerateArray().Select(e => e.GetString() ?? throw new JsonException())];

    private static double[] Numbers(JsonElement root, string name) =>
        [.. root.GetProperty(name).EnumerateArray().Select(e => e.GetDouble())];

    private static void WriteTexts(Utf8JsonWriter w, IReadOnlyList<string> texts)
    {
        w.WriteStartArray();
        foreach (var text in texts)
            w.WriteStringValue(text);
        w.WriteEndArray();
    }

    private static void WriteNormalization(Utf8JsonWriter w, InputNormalization normalization)
    {
        w.WriteStartObject();
        foreach (var (name, numbers) in new[] { ("Mean", normalization.Mean), ("Std", normalization.Std) })
        {
            w.WriteStartArray(name);
            foreach (var number in numbers)
                w.WriteNumberValue(number);
            w.WriteEndArray();
        }

        w.WriteEndObject();
    }
}

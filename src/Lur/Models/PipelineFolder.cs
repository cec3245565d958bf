using System.Text.Json;

namespace Lur.Models;

/// <summary>A part of a pipeline, as model_index.json lists it.</summary>
/// <param name="Name">Its folder, e.g. <c>unet</c>.</param>
/// <param name="Library">Library of its class.</param>
/// <param name="Class">Its class there.</param>
public sealed record PipelinePart(string Name, string Library, string Class);

/// <summary>A folder with a text-to-image model as diffusers lays it out: a UNet, the text encoder and tokenizer whose prompts it follows,
/// a scheduler, and an autoencoder where it draws latents and not pixels.</summary>
public sealed class PipelineFolder
{
    /// <summary>Folder of the UNet.</summary>
    public const string UNet = "unet";

    /// <summary>Folder of the autoencoder.</summary>
    public const string Autoencoder = "vae";

    /// <summary>Folder of the text encoder.</summary>
    public const string TextEncoder = "text_encoder";

    /// <summary>Folder of the tokenizer.</summary>
    public const string Tokenizer = "tokenizer";

    /// <summary>Folder of the scheduler.</summary>
    public const string Scheduler = "scheduler";

    private const string Version = "0.27.2"; // whose layout is written

    // What each part may be; null for those that are kept and not used.
    private static readonly Dictionary<string, string[]?> s_known = new(StringComparer.Ordinal)
    {
        [UNet] = ["UNet2DConditionModel"],
        [Autoencoder] = ["AutoencoderKL"],
        [TextEncoder] = ["CLIPTextModel", "CLIPTextModelWithProjection"],
        [Tokenizer] = ["CLIPTokenizer", "CLIPTokenizerFast"],
        // The scheduler's own file is looked at when it is read.
        [Scheduler] = null,
        ["safety_checker"] = null,
        ["feature_extractor"] = null,
        ["image_encoder"] = null,
    };

    private PipelineFolder(string root, string name, IReadOnlyList<PipelinePart> parts) => (Root, Class, Parts) = (root, name, parts);

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>Class of the pipeline, e.g. <c>StableDiffusionPipeline</c>.</summary>
    public string Class { get; }

    /// <summary>The parts that are there.</summary>
    public IReadOnlyList<PipelinePart> Parts { get; }

    /// <summary>True for a folder whose model_index.json lists a UNet that follows a text.</summary>
    /// <param name="path">Folder, or anything else.</param>
    /// <exception cref="UserErrorException">Its model_index.json is damaged.</exception>
    public static bool Claims(string path) =>
        File.Exists(Path.Combine(path, DiffusersPlaces.PipelineName))
        && Listed(path).Parts is var parts
        && parts.Any(p => p is { Name: UNet, Class: "UNet2DConditionModel" })
        && parts.Any(p => p.Name == TextEncoder);

    /// <summary>Opens a folder and sees to it that its parts are there and of known kinds; their files are read by those who use
    /// them.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="UserErrorException">It is no such folder, a part is missing, or of a kind that is not built here.</exception>
    public static PipelineFolder Open(string path)
    {
        var index = Path.Combine(path, DiffusersPlaces.PipelineName);
        if (!File.Exists(index))
            throw new UserErrorException(
                $"'{path}' has no {DiffusersPlaces.PipelineName}, as folders of text-to-image models have; give the folder that "
                    + "save_pretrained wrote."
            );
        var (name, parts) = Listed(path);
        foreach (var part in parts)
        {
            if (!s_known.TryGetValue(part.Name, out var classes))
                throw new UserErrorException(
                    $"'{index}' is a {name} with a {part.Name}; Lur reads pipelines of a UNet, one text encoder with its tokenizer, a "
                        + "scheduler and an autoencoder, as Stable Diffusion 1 and 2 are."
                );
            if (classes is not null && !classes.Contains(part.Class))
                throw new UserErrorException(
                    $"'{index}': the {part.Name} is a {part.Class}; this program reads {string.Join(" or ", classes)}."
                );
            if ((classes is not null || part.Name == Scheduler) && !Directory.Exists(Path.Combine(path, part.Name)))
                throw new UserErrorException($"'{index}' lists a {part.Name}, and '{path}' has no such folder; download it.");
        }

        foreach (var required in new[] { UNet, TextEncoder, Tokenizer, Scheduler })
            if (parts.All(p => p.Name != required))
                throw new UserErrorException($"'{index}' lists no {required}, which a text-to-image model has; it is another pipeline.");
        return new PipelineFolder(path, name, parts);
    }

    /// <summary>True where a part is there.</summary>
    /// <param name="part">Its name.</param>
    public bool Has(string part) => Parts.Any(p => p.Name == part);

    /// <summary>Folder of a part.</summary>
    /// <param name="part">Its name; one that is there.</param>
    public string FolderOf(string part) => Path.Combine(Root, part);

    /// <summary>A line for each part: what it is, and which of its files are read.</summary>
    /// <exception cref="UserErrorException">Weights are missing, or pickles alone.</exception>
    public IReadOnlyList<string> Describe()
    {
        List<string> lines = [.. Parts.Select(p => $"{p.Name}: {p.Class}{Files(p)}")];
        if (!Has(Autoencoder))
            lines.Add($"{Autoencoder}: none, so the model draws pixels");
        return lines;
    }

    /// <summary>The text of a model_index.json.</summary>
    /// <param name="scheduler">Class of the scheduler.</param>
    /// <param name="autoencoder">Whether there is an autoencoder.</param>
    public static string IndexText(string scheduler, bool autoencoder) =>
        JsonText.Of(w =>
        {
            w.WriteStartObject();
            w.WriteString("_class_name", "StableDiffusionPipeline");
            w.WriteString("_diffusers_version", Version);
            Pair(w, "feature_extractor", null, null);
            w.WriteBoolean("requires_safety_checker", false);
            Pair(w, "safety_checker", null, null);
            Pair(w, Scheduler, "diffusers", scheduler);
            Pair(w, TextEncoder, "transformers", "CLIPTextModel");
            Pair(w, Tokenizer, "transformers", "CLIPTokenizer");
            Pair(w, UNet, "diffusers", "UNet2DConditionModel");
            Pair(w, Autoencoder, autoencoder ? "diffusers" : null, autoencoder ? "AutoencoderKL" : null);
            w.WriteEndObject();
        }) + "\n";

    private static void Pair(Utf8JsonWriter w, string name, string? library, string? kind)
    {
        w.WriteStartArray(name);
        w.WriteStringValue(library);
        w.WriteStringValue(kind);
        w.WriteEndArray();
    }

    private string Files(PipelinePart part)
    {
        if (part.Name is not (UNet or Autoencoder or TextEncoder))
            return "";
        var stem = part.Name == TextEncoder ? ClipTextFile.Stem : DiffusersPlaces.Stem;
        var places = DiffusersPlaces.Part(Root, part.Name, stem);
        return $" ({(places.Weights is [var one] ? one : $"{places.Weights.Count} files of {places.Index}")})";
    }

    private static (string Class, IReadOnlyList<PipelinePart> Parts) Listed(string path)
    {
        var index = Path.Combine(path, DiffusersPlaces.PipelineName);
        var root = DiffusersPlaces.Object(index, TextFile.Read(index));
        var name =
            root.TryGetProperty("_class_name", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "pipeline";
        var parts = new List<PipelinePart>();
        foreach (var entry in root.EnumerateObject())
            if (DiffusersPlaces.ClassOf(entry.Value) is { } kind)
                parts.Add(new PipelinePart(entry.Name, entry.Value[0].ToString(), kind));
        return (name, parts);
    }
}

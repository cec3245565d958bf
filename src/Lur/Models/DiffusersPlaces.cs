using System.Text.Json;

namespace Lur.Models;

/// <summary>Where the files of a model lie in a folder that diffusers published, relative to it and with slashes: in unet/ and
/// scheduler/ of a pipeline, or all in the folder itself.</summary>
/// <param name="Root">The folder.</param>
/// <param name="Config">config.json of the UNet, or of another part.</param>
/// <param name="Weights">Its weights: one file, or the shards.</param>
/// <param name="Index">Index of the shards; null for one file.</param>
/// <param name="Scheduler">scheduler_config.json; null where there is none.</param>
/// <param name="Pipeline">model_index.json; null where there is none.</param>
internal sealed record DiffusersPlaces(
    string Root,
    string Config,
    IReadOnlyList<string> Weights,
    string? Index,
    string? Scheduler,
    string? Pipeline
)
{
    /// <summary>File of the UNet's configuration.</summary>
    public const string ConfigName = "config.json";

    /// <summary>File of the scheduler.</summary>
    public const string SchedulerName = "scheduler_config.json";

    /// <summary>File of the pipeline.</summary>
    public const string PipelineName = "model_index.json";

    /// <summary>File of the weights.</summary>
    public const string WeightsName = "diffusion_pytorch_model.safetensors";

    /// <summary>How the name of the weights begins.</summary>
    public const string Stem = "diffusion_pytorch_model";

    // Full precision before half.
    private static readonly string[] s_variants = ["", ".fp16", ".bf16"];

    /// <summary>Path of a file.</summary>
    public string At(string relative) => Path.Combine(Root, relative);

    /// <summary>The config.json beside a file of weights; null where there is none.</summary>
    public static string? ConfigBeside(string weights)
    {
        var path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(weights))!, ConfigName);
        return File.Exists(path) ? path : null;
    }

    /// <summary>Finds the files of a folder, or those beside a file of weights.</summary>
    /// <param name="path">The folder, or the file.</param>
    /// <exception cref="UserErrorException">Something is missing, or is a pickle.</exception>
    public static DiffusersPlaces Find(string path)
    {
        if (!Directory.Exists(path))
            return Beside(path);
        var places = new DiffusersPlaces(path, "", [], null, null, null);
        var unet = Directory.Exists(places.At("unet")) ? "unet/" : "";
        var scheduler = Directory.Exists(places.At("scheduler")) ? "scheduler/" : "";
        places = places with
        {
            Config = unet + ConfigName,
            Scheduler = places.Existing(scheduler + SchedulerName),
            Pipeline = places.Existing(PipelineName),
        };
        if (places.Existing(places.Config) is null)
            throw new UserErrorException(
                $"'{path}' has no {places.Config}, as folders of diffusers have; give the folder that save_pretrained wrote."
            );
        return places.WithWeights(unet);
    }

    /// <summary>Finds the files of one part of a pipeline.</summary>
    /// <param name="root">Folder of the pipeline.</param>
    /// <param name="part">Folder of the part in it; empty where the root is that.</param>
    /// <param name="stem">How the name of its weights begins.</param>
    /// <exception cref="UserErrorException">Something is missing, or is a pickle.</exception>
    public static DiffusersPlaces Part(string root, string part, string stem = Stem)
    {
        var folder = part.Length == 0 ? "" : part + "/";
        var places = new DiffusersPlaces(root, folder + ConfigName, [], null, null, null);
        return places.Existing(places.Config) is not null
            ? places.WithWeights(folder, stem)
            : throw new UserErrorException(
                $"'{places.At(part)}' has no {ConfigName}, as every model in a pipeline of diffusers has; download the folder again."
            );
    }

    private static DiffusersPlaces Beside(string file)
    {
        var root = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var places = new DiffusersPlaces(root, ConfigName, [Path.GetFileName(file)], null, null, null);
        return places.Existing(ConfigName) is null
            ? throw new UserErrorException($"'{file}' has no {ConfigName} beside it, which says what network it is; put it there.")
            : places with
            {
                Scheduler = places.Existing(SchedulerName),
            };
    }

    private DiffusersPlaces WithWeights(string folder, string stem = Stem)
    {
        foreach (var variant in s_variants)
        {
            if (Existing($"{folder}{stem}{variant}.safetensors") is { } one)
                return this with { Weights = [one] };
            var index =
                Existing($"{folder}{stem}{variant}.safetensors.index.json") ?? Existing($"{folder}{stem}.safetensors.index{variant}.json");
            if (index is not null)
                return this with { Index = index, Weights = Shards(folder, index) };
        }

        var pickle = Directory
            .EnumerateFiles(At(folder))
            .FirstOrDefault(f => Path.GetExtension(f) is ".bin" or ".pt" or ".pth" or ".ckpt" or ".pkl");
        throw new UserErrorException(
            pickle is not null
                ? $"'{pickle}' is a pickle, which can run code when it is read; save the model again in Python: "
                    + "pipeline.save_pretrained(FOLDER, safe_serialization=True)."
                : $"'{At(folder)}' has no {stem}.safetensors and no index of its parts; download the folder again."
        );
    }

    /// <summary>The shards of an index, each of which is there and holds what the index says.</summary>
    private List<string> Shards(string folder, string index)
    {
        var shards = new SortedSet<string>(StringComparer.Ordinal);
        var map = Object(At(index), ReadText(index)).TryGetProperty("weight_map", out var found) ? found : default;
        if (map.ValueKind != JsonValueKind.Object || map.EnumerateObject().Any(e => e.Value.ValueKind != JsonValueKind.String))
            throw new UserErrorException($"'{At(index)}' has no 'weight_map' of tensors and their files; download it again.");
        foreach (var entry in map.EnumerateObject())
            shards.Add(entry.Value.GetString()!);
        if (shards.FirstOrDefault(s => s.Length == 0 || Path.GetFileName(s) != s || s is "." or "..") is { } elsewhere)
            throw new UserErrorException(
                $"'{At(index)}' names the file '{elsewhere}', which does not lie beside it; the index is damaged."
            );
        if (shards.FirstOrDefault(s => Existing(folder + s) is null) is { } missing)
            throw new UserErrorException(
                $"'{At(folder + missing)}' is missing, a part of the weights that '{At(index)}' lists; download it."
            );
        return shards.Count > 0
            ? [.. shards.Select(s => folder + s)]
            : throw new UserErrorException($"'{At(index)}' lists no tensor; download it again.");
    }

    /// <summary>A text file, so that its bytes can be written again.</summary>
    /// <exception cref="UserErrorException">It is too large, no UTF-8, or cannot be read.</exception>
    public string ReadText(string relative) => TextFile.Read(At(relative));

    /// <summary>True for a folder with a text-to-image model.</summary>
    public bool IsTextToImage => Pipeline is not null && PipelineFolder.Claims(Root);

    /// <summary>Refuses a pipeline of other models.</summary>
    /// <exception cref="UserErrorException">Its UNet is of another class, or it has further models.</exception>
    public void RequirePipeline()
    {
        if (Pipeline is null)
            return;
        if (IsTextToImage)
        {
            PipelineFolder.Open(Root);
            return;
        }

        var root = Object(At(Pipeline), ReadText(Pipeline));
        var name =
            root.TryGetProperty("_class_name", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : "pipeline";
        var unet = root.TryGetProperty("unet", out var pair) ? ClassOf(pair) : null;
        var other = root.EnumerateObject()
            .Where(p => p.Name is not ("unet" or "scheduler") && ClassOf(p.Value) is not null)
            .Select(p => p.Name)
            .FirstOrDefault();
        if (unet != "UNet2DModel" || other is not null)
        {
            throw new UserErrorException(
                $"'{At(Pipeline)}' is a {name}{(unet == "UNet2DModel" ? $", which has a {other} too" : $" of {unet ?? "no UNet"}")}; Lur "
                    + "reads pipelines of a UNet2DModel alone, such as DDPMPipeline."
            );
        }
    }

    // A component is [library, class]; [null, null] is absent.
    internal static string? ClassOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2 && value[1].ValueKind == JsonValueKind.String
            ? value[1].GetString()
            : null;

    internal static JsonElement Object(string path, string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind == JsonValueKind.Object)
                return json.RootElement.Clone();
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new UserErrorException($"'{path}' is no JSON object; download it again.");
    }

    private string? Existing(string relative) => File.Exists(At(relative)) ? relative : null;
}

using System.Globalization;
using System.Text;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Tensors;
using Lur.Text;

namespace Lur.Models;

/// <summary>UNets in the folders that diffusers publishes: read, and written with the same files in the same places. An imported model
/// keeps the texts of its folder and the headers of its weights (<see cref="Model.TaskSettings"/>), so import and export without a step
/// in between give every byte of every file again.</summary>
public static class DiffusersFolder
{
    /// <summary>Setting with the text of the scheduler's file.</summary>
    public const string SchedulerKey = "scheduler";

    // Settings by the files that they were: text as it is, of weights the header.
    private const string TextPrefix = "file:",
        HeaderPrefix = "header:",
        SchedulerPlace = "scheduler-file",
        PipelineKey = "pipeline-folder";

    /// <summary>True for a folder, or for weights with diffusers' names of a UNet.</summary>
    /// <param name="path">Folder or safetensors file.</param>
    /// <exception cref="UserErrorException">The file is missing or damaged.</exception>
    public static bool Claims(string path)
    {
        if (Directory.Exists(path))
            return true;
        using var file = SafeTensorsFile.Open(path);
        return !file.Metadata.ContainsKey(ModelMetadata.Architecture)
            && UNetFamily.Instance.Recognizes(file)
            && !SelectiveAmnesiaNames.Recognizes(file);
    }

    /// <summary>Path of the scheduler's file; null where there is none.</summary>
    /// <param name="path">Folder, or file of weights with a config.json beside it.</param>
    /// <exception cref="UserErrorException">It is no such folder.</exception>
    public static string? SchedulerOf(string path)
    {
        var places = DiffusersPlaces.Find(path);
        return places.Scheduler is { } scheduler ? places.At(scheduler) : null;
    }

    /// <summary>Reads a model, strictly: every tensor of the network, no other, each of its shape.</summary>
    /// <param name="path">Folder, or file of weights with a config.json beside it.</param>
    /// <param name="device">Device to hold the model.</param>
    /// <param name="precision">Element type on the device.</param>
    /// <param name="classNames">Names of the classes; null for those the folder says, or numbers. One name fewer than the table has rows:
    /// the last row stands for no class.</param>
    /// <param name="size">Images where the configuration does not say.</param>
    /// <exception cref="UserErrorException">It is no such folder, its files are damaged or do not fit, or it is a pipeline of other
    /// models.</exception>
    public static Model Load(
        string path,
        ComputeDevice device,
        Precision precision,
        IReadOnlyList<string>? classNames = null,
        (int Height, int Width)? size = null
    )
    {
        var places = DiffusersPlaces.Find(path);
        places.RequirePipeline();
        var (config, json) = (places.At(places.Config), places.ReadText(places.Config));
        var spec = UNetConfig.Read(config, Encoding.UTF8.GetBytes(json), size);
        // No prompt has more rows than its tokenizer gives it.
        if (places.IsTextToImage)
            spec = spec with { ContextLength = ClipTokenizer.Open(places.At(PipelineFolder.Tokenizer)).Length };
        if (classNames is not null)
            spec = Named(spec, classNames, path);
        classNames ??= UNetConfig.ReadClasses(config, Encoding.UTF8.GetBytes(json), spec.Classes);
        var network = ModelFile.Build(spec, config);
        using var files = WeightFiles.Open(places.At(places.Index ?? places.Weights[0]), [.. places.Weights.Select(places.At)]);
        RequireReadable(files);
        TensorComparison.Require(files.Path, files.Tensors, ModelTensors.Expected(files, spec, network), spec.Text);
        var names = classNames ?? [.. Sequences.Range(0, spec.Classes).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        var model = new Model(device, precision, spec, network, names, spec.OwnNormalization)
        {
            Augmentation = spec.Suited(Augmentation.CropAndFlip),
        };
        try
        {
            ModelTensors.Read(files, model);
            Keep(model, places, files);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Writes a model as a folder: that of an imported model with its own files, another's as diffusers writes a DDPMPipeline
    /// now. A part of a text-to-image model is written with the other parts, which are copied from the folder that it came from.</summary>
    /// <param name="model">A UNet.</param>
    /// <param name="folder">The folder; created where it is missing.</param>
    /// <returns>Files with older weights that were not copied.</returns>
    /// <exception cref="UserErrorException">It is no network of diffusers, a file is there already, or cannot be written.</exception>
    public static IReadOnlyList<string> Save(Model model, string folder)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.TaskSettings.GetValueOrDefault(PipelineKey) is { } root)
            return PipelineWriter.Save(PipelineOf(model, root), model, folder);
        if (model.Spec is not UNetSpec { Condition: not ClassCondition.Concatenated } spec)
            throw new UserErrorException(
                $"{model.Architecture} is no network that diffusers builds; export it to a file that ends in .safetensors."
            );
        var files = new SortedDictionary<string, Action<string>>(StringComparer.Ordinal);
        foreach (var (key, value) in model.TaskSettings)
        {
            if (key.StartsWith(TextPrefix, StringComparison.Ordinal))
                files[key[TextPrefix.Length..]] = path => AtomicFile.WriteText(path, value);
            else if (key.StartsWith(HeaderPrefix, StringComparison.Ordinal))
                files[key[HeaderPrefix.Length..]] = path => ModelFile.Export(model, path, value);
        }

        var place = model.TaskSettings.GetValueOrDefault(SchedulerPlace);
        if (files.Count == 0)
        {
            // Without its text encoder it is no pipeline, and under another's name a wrong one.
            if (spec.Condition == ClassCondition.Prompt)
                throw new UserErrorException(
                    $"{model.Architecture} is told prompts, and its text encoder is not at hand; put the folder 'pipeline' back beside the "
                        + "model, or export it to a file that ends in .safetensors."
                );
            files["unet/" + DiffusersPlaces.ConfigName] = path => AtomicFile.WriteText(path, UNetConfig.Write(spec, model.ClassNames));
            files["unet/" + DiffusersPlaces.WeightsName] = path => ModelFile.ExportNew(model, path);
            files[DiffusersPlaces.PipelineName] = path => AtomicFile.WriteText(path, UNetConfig.Pipeline);
            place = "scheduler/" + DiffusersPlaces.SchedulerName;
        }

        if (place is not null && model.TaskSettings.GetValueOrDefault(SchedulerKey) is { } scheduler)
            files[place] = path => AtomicFile.WriteText(path, scheduler);
        Write(folder, files);
        return [];
    }

    /// <summary>The text-to-image model that a UNet was imported with; null for another.</summary>
    /// <param name="model">A UNet.</param>
    /// <exception cref="UserErrorException">Its folder is gone, or has become another.</exception>
    public static PipelineFolder? PipelineOf(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.TaskSettings.GetValueOrDefault(PipelineKey) is { } root ? PipelineOf(model, root) : null;
    }

    /// <summary>Folder of the text-to-image model that a model in a file was imported with, whether it is there or not; null for
    /// another.</summary>
    internal static string? PipelinePlace(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        return ModelMetadata.TaskSetting(file, PipelineKey);
    }

    /// <summary>How the weights of a folder that are not trained can lie in memory, by their types; as usual where there are no
    /// weights.</summary>
    internal static Packing FrozenPackingOf(string folder, ModelSpec spec, Network network)
    {
        try
        {
            var places = DiffusersPlaces.Find(folder);
            using var files = WeightFiles.Open(folder, [.. places.Weights.Select(places.At)]);
            TensorComparison.Require(files.Path, files.Tensors, ModelTensors.Expected(files, spec, network), spec.Text);
            return FrozenPacking.OfTypes(files, spec, network);
        }
        catch (UserErrorException)
        {
            return Packing.None;
        }
    }

    private static PipelineFolder PipelineOf(Model model, string root)
    {
        var index = Path.Combine(root, DiffusersPlaces.PipelineName);
        if (!File.Exists(index))
            throw new UserErrorException(
                $"The folder '{root}' that the model was imported from, with its text encoder, is not there; put it there again."
            );
        return TextFile.Read(index) == model.TaskSettings.GetValueOrDefault(TextPrefix + DiffusersPlaces.PipelineName)
            ? PipelineFolder.Open(root)
            : throw new UserErrorException(
                $"'{index}' has changed since the model was imported from that folder; put the folder there again."
            );
    }

    /// <summary>The header of one of the files that an imported model came from; null where it came from others.</summary>
    internal static string? HeaderOf(Model model, string weights) => model.TaskSettings.GetValueOrDefault(HeaderPrefix + weights);

    /// <summary>The header of an imported model whose weights were one file; null for another.</summary>
    internal static string? OnlyHeader(Model model)
    {
        var headers = model.TaskSettings.Where(s => s.Key.StartsWith(HeaderPrefix, StringComparison.Ordinal)).ToArray();
        return headers.Length == 1 ? headers[0].Value : null;
    }

    private static void Write(string folder, SortedDictionary<string, Action<string>> files)
    {
        // They may come out of a model file's metadata, where nothing has looked at them.
        foreach (var name in files.Keys)
            if (name.Split('/').Any(part => part is "" or "." or "..") || name.Contains('\\', StringComparison.Ordinal))
                throw new UserErrorException(
                    $"The model names a file '{name}' of the folder it came from, which lies outside; import it again."
                );
        if (files.Keys.FirstOrDefault(name => Path.Exists(Path.Combine(folder, name))) is { } there)
            throw new UserErrorException($"'{Path.Combine(folder, there)}' is there already; choose another folder.");
        try
        {
            foreach (var (name, write) in files)
            {
                var path = Path.Combine(folder, name);
                Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
                write(path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The folder '{folder}' cannot be written ({e.Message.TrimEnd('.')}); choose another.", e);
        }
    }

    private static void Keep(Model model, DiffusersPlaces places, WeightFiles files)
    {
        foreach (var text in new[] { places.Config, places.Index, places.Pipeline })
            if (text is not null)
                model.TaskSettings[TextPrefix + text] = places.ReadText(text);
        if (places.IsTextToImage)
            model.TaskSettings[PipelineKey] = Path.GetFullPath(places.Root);
        for (var i = 0; i < places.Weights.Count; i++)
            model.TaskSettings[HeaderPrefix + places.Weights[i]] = files.Files[i].HeaderText;
        if (places.Scheduler is not { } scheduler)
            return;
        model.TaskSettings[SchedulerPlace] = scheduler;
        model.TaskSettings[SchedulerKey] = places.ReadText(scheduler);
    }

    // An eight-bit float has scales beside it that say what it means; a general message about types would not say the remedy.
    private static void RequireReadable(WeightFiles files)
    {
        foreach (var file in files.Files)
            if (file.Tensors.FirstOrDefault(t => t.Type is TensorType.F8E4M3 or TensorType.F8E5M2) is { } tensor)
                throw new UserErrorException(
                    $"'{file.Path}': the tensor '{tensor.Name}' is {tensor.Type.Name()}, an eight-bit float; save the model in float32, "
                        + "float16 or bfloat16."
                );
    }

    private static UNetSpec Named(UNetSpec spec, IReadOnlyList<string> names, string path)
    {
        if (spec.ClassCount == 0 || spec.ClassCount == names.Count)
            return spec;
        return spec is { Condition: ClassCondition.Table, NullRow: false } && spec.ClassCount == names.Count + 1
            ? spec with
            {
                ClassCount = names.Count,
                NullRow = true,
            }
            : throw new UserErrorException(
                $"'{path}' draws {spec.ClassCount} classes, but the data set has {names.Count}; give the data it was trained on."
            );
    }
}

using System.Text;
using System.Text.Json.Nodes;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>Models as safetensors with torch's names and layouts (OIHW filters). Lur's own files say architecture, classes,
/// normalisation and augmentation in their metadata; files of torch have none, and the architecture is read off the tensors.</summary>
public static class ModelFile
{
    /// <summary>Writes a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">File to write, atomically.</param>
    /// <param name="metadata">Further metadata (parent hash, method, seed).</param>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static void Save(Model model, string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var writer = new SafeTensorsWriter();
        writer.Metadata["format"] = "pt";
        ModelMetadata.Write(writer, model);
        foreach (var (key, value) in metadata ?? new Dictionary<string, string>())
            writer.Metadata[key] = value;
        WriteTensors(writer, model, given: true);
        writer.Save(path);
    }

    /// <summary>Writes a model for torch: its tensors and no metadata of Lur's but what it has forgotten, which goes where the model
    /// goes. A model that was imported is written with the header of the file it came from, so import and export without a step in
    /// between give the same bytes.</summary>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static void Export(Model model, string path)
    {
        if (CompVisFile.IsSourceOf(model))
        {
            CompVisFile.Save(model, path);
            return;
        }

        if ((model.ImportedHeader ?? DiffusersFolder.OnlyHeader(model)) is { } header)
        {
            Export(model, path, header);
            return;
        }

        ExportNew(model, path);
    }

    /// <summary>Writes the tensors that a header names, as it has them.</summary>
    internal static void Export(Model model, string path, string header)
    {
        var tensors = ModelTensors
            .Of(model, given: false)
            .SelectMany(t => t.Names.Select(name => (name, t)))
            .ToDictionary(p => p.name, p => p.t);
        SafeTensorsFile.WriteWithHeader(
            path,
            WithHistory(path, header, model.History),
            (info, stream) => tensors[info.Name].Write(info.Type, stream)
        );
    }

    /// <summary>Writes all tensors, as the family names them now.</summary>
    internal static void ExportNew(Model model, string path)
    {
        var writer = new SafeTensorsWriter();
        writer.Metadata["format"] = "pt";
        if (model.History.ForgottenSha256 is not null)
        {
            foreach (var (key, value) in ModelMetadata.Of(model.History))
                writer.Metadata[key] = value;
        }

        WriteTensors(writer, model, given: false);
        writer.Save(path);
    }

    /// <summary>A header with what the model has forgotten; as it is where that is nothing.</summary>
    internal static string WithHistory(string path, string header, ModelHistory history)
    {
        const string Metadata = "__metadata__";
        if (history.ForgottenSha256 is null)
            return header;
        // It may come out of a file's metadata, where nothing has looked at it.
        SafeTensorsHeader.ParseText(path, Encoding.UTF8.GetBytes(header));
        var root = JsonNode.Parse(header)!.AsObject();
        root.TryAdd(Metadata, new JsonObject());
        foreach (var (key, value) in ModelMetadata.Of(history))
            root[Metadata]![key] = value;
        var text = root.ToJsonString();
        return text + new string(' ', -Encoding.UTF8.GetByteCount(text) & 7);
    }

    /// <summary>Reads a model, strictly: every tensor of the architecture, no other, each of its shape
    /// (<c>num_batches_tracked</c> may be missing, as older torch versions leave it out).</summary>
    /// <param name="path">safetensors file.</param>
    /// <param name="device">Device to hold the model.</param>
    /// <param name="precision">Element type on the device.</param>
    /// <param name="defaults">Used where the file has no metadata of Lur's; null if no data set is at hand.</param>
    /// <param name="memory">Memory of a program for the weights; null for memory of the model's own.</param>
    /// <param name="trained">Which weights are trained, by name; null: all. See <see cref="Network.TrainOnly"/>.</param>
    /// <exception cref="UserErrorException">The file is missing, damaged, or does not hold such a model.</exception>
    public static Model Load(
        string path,
        ComputeDevice device,
        Precision precision,
        ModelDefaults? defaults = null,
        WeightMemory? memory = null,
        Func<string, bool>? trained = null
    ) => Load(path, device, precision, defaults, memory, trained, pack: true);

    /// <summary>The same; false to keep weights that are not trained in four bytes, whatever they were.</summary>
    internal static Model Load(
        string path,
        ComputeDevice device,
        Precision precision,
        ModelDefaults? defaults,
        WeightMemory? memory,
        Func<string, bool>? trained,
        bool pack
    )
    {
        using var files = WeightFiles.Open(path, [path]);
        var file = files.Files[0];
        var spec = ModelMetadata.ReadSpec(file, defaults);
        var network = Build(spec, path);
        if (trained is not null)
            network.TrainOnly(trained);
        var named = spec.Classes == spec.Outputs ? $"{spec.Text} with {spec.Outputs} classes" : spec.Text;
        TensorComparison.Require(file, ModelTensors.Expected(files, spec, network), named);
        var model = new Model(
            device,
            precision,
            spec,
            network,
            ModelMetadata.ReadClasses(file, spec, defaults),
            ModelMetadata.ReadNormalization(file, spec, defaults),
            memory,
            packing: pack && precision == Precision.Float32 ? FrozenPacking.Of(files, spec, network) : Packing.None
        )
        {
            Augmentation = ModelMetadata.ReadAugmentation(file, spec, defaults),
            History = ModelMetadata.ReadHistory(file),
        };
        try
        {
            ModelTensors.Read(files, model);
            ModelMetadata.ReadTaskSettings(file, model);
            var imported = !file.Metadata.ContainsKey(ModelMetadata.Architecture);
            model.ImportedHeader = imported ? file.HeaderText : file.Metadata.GetValueOrDefault(ModelMetadata.ImportedHeader);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Replaces a model's weights, running statistics and history by those of a file that holds the same network.</summary>
    /// <exception cref="UserErrorException">The file is missing, damaged, or holds another network.</exception>
    public static void Read(Model model, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var files = WeightFiles.Open(path, [path]);
        var file = files.Files[0];
        TensorComparison.Require(file, ModelTensors.Expected(files, model.Spec, model.Network), model.Spec.Text);
        model.TrackedAtLoad.Clear();
        model.BatchesTracked = 0;
        ModelTensors.Read(files, model);
        ModelMetadata.ReadTaskSettings(file, model);
        model.History = ModelMetadata.ReadHistory(file);
    }

    /// <summary>Size of the images that a model file takes, by its metadata; null where it has none, as an imported one.</summary>
    /// <exception cref="UserErrorException">The file is missing or damaged.</exception>
    public static ImageSize? InputSizeOf(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        return ModelMetadata.ReadInput(file);
    }

    /// <summary>Whether a file holds a diffusion model, by its metadata or, without any, by its tensors.</summary>
    /// <exception cref="UserErrorException">The file is missing or damaged.</exception>
    public static bool DrawsImages(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        return file.Metadata.TryGetValue(ModelMetadata.Architecture, out var text)
            ? UNetFamily.Instance.Claims(text)
            : UNetFamily.Instance.Recognizes(file);
    }

    /// <summary>As <see cref="DrawsImages"/>, and false for a file that cannot be read.</summary>
    public static bool Draws(string path)
    {
        try
        {
            return DrawsImages(path);
        }
        catch (UserErrorException)
        {
            return false;
        }
    }

    internal static Network Build(ModelSpec spec, string path)
    {
        try
        {
            return spec.Build();
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException($"'{path}' says it is {spec.Text}: {e.Message}", e);
        }
    }

    private static void WriteTensors(SafeTensorsWriter writer, Model model, bool given)
    {
        foreach (var tensor in ModelTensors.Of(model, given))
            writer.Add(tensor.Name, tensor.Type, tensor.Shape, stream => tensor.Write(tensor.Type, stream));
    }
}

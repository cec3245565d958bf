using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>What a model file without Lur's metadata does not say, taken from the data set it is used with.</summary>
/// <param name="Height">Image height, pixels.</param>
/// <param name="Width">Image width, pixels.</param>
/// <param name="ClassNames">Names of the classes.</param>
/// <param name="Normalization">Normalisation inside the model.</param>
/// <param name="Augmentation">Random changes of training images that suit the data.</param>
public sealed record ModelDefaults(
    int Height,
    int Width,
    IReadOnlyList<string> ClassNames,
    InputNormalization Normalization,
    Augmentation Augmentation
);

/// <summary>Models as safetensors with torch's names and layouts (OIHW filters). Lur's own files say architecture, classes,
/// normalisation and augmentation in their metadata; files of torch have none, and the architecture is read off the tensors.</summary>
public static partial class ModelFile
{
    /// <summary>Metadata keys.</summary>
    private const string ArchitectureKey = "lur.architecture",
        InputKey = "lur.input",
        ClassesKey = "lur.classes",
        NormalizationKey = "lur.normalization",
        AugmentationKey = "lur.augmentation",
        ImportedHeaderKey = "lur.imported-header";

    /// <summary>Writes a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">File to write, atomically.</param>
    /// <param name="metadata">Further metadata (parent hash, method, seed).</param>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static void Save(Model model, string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var writer = new SafeTensorsWriter();
        writer.Metadata["format"] = "pt";
        writer.Metadata[ArchitectureKey] = model.Architecture;
        writer.Metadata[InputKey] = FormattableString.Invariant($"{model.Network.Channels}x{model.Network.Height}x{model.Network.Width}");
        writer.Metadata[ClassesKey] = JsonSerializer.Serialize([.. model.ClassNames], ModelJson.Default.StringArray);
        writer.Metadata[NormalizationKey] = JsonSerializer.Serialize(
            new NormalizationDocument([.. model.Normalization.Mean], [.. model.Normalization.Std]),
            ModelJson.Default.NormalizationDocument
        );
        // Crop and flip is what a file of Lur's means that does not say; to leave it out keeps such files as they were.
        if (model.Augmentation != Augmentation.CropAndFlip)
            writer.Metadata[AugmentationKey] = model.Augmentation.Name;
        if (model.ImportedHeader is not null)
            writer.Metadata[ImportedHeaderKey] = model.ImportedHeader;
        foreach (var (key, value) in metadata ?? new Dictionary<string, string>())
            writer.Metadata[key] = value;
        foreach (var (name, shape, values) in StateTensors(model))
            writer.Add(name, TypeOf(values), shape, BytesOf(values));
        writer.Save(path);
    }

    /// <summary>Writes a model for torch: its tensors and no metadata of Lur's. A model that was imported is written with the
    /// header of the file it came from, so import and export without a step in between give the same bytes.</summary>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static void Export(Model model, string path)
    {
        var tensors = StateTensors(model).ToDictionary(t => t.Name);
        if (model.ImportedHeader is { } header)
        {
            SafeTensorsFile.WriteWithHeader(path, header, (info, stream) => stream.Write(Encode(info, tensors)));
            return;
        }

        var writer = new SafeTensorsWriter();
        writer.Metadata["format"] = "pt";
        foreach (var (name, shape, values) in StateTensors(model))
            writer.Add(name, TypeOf(values), shape, BytesOf(values));
        writer.Save(path);
    }

    /// <summary>Reads a model, strictly: every tensor of the architecture, no other, each of its shape
    /// (<c>num_batches_tracked</c> may be missing, as older torch versions leave it out).</summary>
    /// <param name="path">safetensors file.</param>
    /// <param name="device">Device to hold the model.</param>
    /// <param name="precision">Element type on the device.</param>
    /// <param name="defaults">Used where the file has no metadata of Lur's; null if no data set is at hand.</param>
    /// <exception cref="UserErrorException">The file is missing, damaged, or does not hold such a model.</exception>
    public static Model Load(string path, ComputeDevice device, Precision precision, ModelDefaults? defaults = null)
    {
        using var file = SafeTensorsFile.Open(path);
        var spec = file.Metadata.TryGetValue(ArchitectureKey, out var architecture)
            ? ReadSpec(file, architecture)
            : InferSpec(file, defaults);
        var network = ResNet.Build(spec);
        TensorComparison.Require(file, Expected(network), $"{spec} with {spec.Classes} classes");
        var model = new Model(
            device,
            precision,
            network,
            spec.ToString(),
            ReadClasses(file, spec, defaults),
            ReadNormalization(file, defaults)
        )
        {
            Augmentation = ReadAugmentation(file, defaults),
        };
        try
        {
            ReadTensors(file, model);
            var imported = !file.Metadata.ContainsKey(ArchitectureKey);
            model.ImportedHeader = imported ? file.HeaderText : file.Metadata.GetValueOrDefault(ImportedHeaderKey);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static byte[] Encode(TensorInfo info, Dictionary<string, (string Name, long[] Shape, Array Values)> tensors) =>
        tensors[info.Name].Values switch
        {
            float[] narrow => FloatCodec.Encode(info.Type, narrow),
            double[] wide => FloatCodec.Encode(info.Type, wide),
            var counts => BytesOf(counts).ToArray(),
        };

    private static ResNetSpec ReadSpec(SafeTensorsFile file, string architecture)
    {
        var input = file.Metadata.GetValueOrDefault(InputKey, "").Split('x');
        var extents = input.Select(t => int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0).ToArray();
        if (extents.Length != 3 || extents.Any(e => e < 1 || e > 4096))
        {
            throw new UserErrorException(
                $"'{file.Path}': the metadata '{InputKey}' is '{string.Join('x', input)}', expected CHANNELSxHEIGHTxWIDTH such as 3x32x32."
            );
        }

        return ResNetSpec.Parse(architecture, ClassCount(file), extents[1], extents[2], extents[0]);
    }

    private static ResNetSpec InferSpec(SafeTensorsFile file, ModelDefaults? defaults)
    {
        if (
            !file.Contains("conv1.weight")
            || !file.Contains("fc.weight")
            || !file.Contains("layer1.0.conv1.weight")
            || file.Contains("layer1.0.conv3.weight")
        )
        {
            throw new UserErrorException(
                $"'{file.Path}' is not a ResNet of basic blocks with torchvision's names: it needs conv1.weight, "
                    + $"layer1.0.conv1.weight and fc.weight and no layer1.0.conv3.weight."
            );
        }

        var stem = file["conv1.weight"].Shape;
        var blocks = new List<int>();
        for (var stage = 1; file.Contains($"layer{stage}.0.conv1.weight"); stage++)
        {
            var count = 0;
            while (file.Contains($"layer{stage}.{count}.conv1.weight"))
                count++;
            blocks.Add(count);
        }

        if (stem.Count != 4)
            throw new UserErrorException($"'{file.Path}': conv1.weight has {stem.Count} extents, expected 4.");
        var large = stem[2] == 7;
        var size = large ? 224 : 32;
        var text = FormattableString.Invariant($"resnet[{string.Join(',', blocks)}]:w{stem[0]}:stem{(large ? 7 : 3)}");
        return ResNetSpec.Parse(text, ClassCount(file), defaults?.Height ?? size, defaults?.Width ?? size, (int)stem[1]);
    }

    private static int ClassCount(SafeTensorsFile file)
    {
        var shape = file.Contains("fc.weight") ? file["fc.weight"].Shape : [];
        return shape.Count == 2 && shape[0] is >= 1 and <= 1_000_000
            ? (int)shape[0]
            : throw new UserErrorException($"'{file.Path}': fc.weight is missing or not a matrix, so the number of classes is unknown.");
    }

    private static IEnumerable<ExpectedTensor> Expected(Network network)
    {
        foreach (var slot in network.StateOrder)
        {
            yield return new ExpectedTensor(slot.Name, FileShape(slot));
            if (slot.Kind == ParameterKind.RunningVariance)
                yield return new ExpectedTensor(TrackedName(slot), [], TensorType.I64, Optional: true);
        }
    }

    private static void ReadTensors(SafeTensorsFile file, Model model)
    {
        foreach (var vector in new[] { model.Parameters, model.Buffers })
        {
            var values = new double[vector.Count];
            foreach (var slot in vector.Layout.Slots)
            {
                var source = new double[slot.Count];
                file.Read(slot.Name, source);
                if (source.Any(v => !double.IsFinite(v)))
                    throw new UserErrorException($"'{file.Path}': tensor '{slot.Name}' holds NaN or infinity; the model is not usable.");
                var target = values.AsSpan(slot.Offset, slot.Count);
                if (slot.Kind == ParameterKind.Filter)
                    MemoryLayout.OihwToKrsc(source, target, slot.Shape[0], slot.Shape[3], slot.Shape[1], slot.Shape[2]);
                else
                    source.CopyTo(target);
                if (slot.Kind == ParameterKind.RunningVariance && file.Contains(TrackedName(slot)))
                {
                    model.TrackedAtLoad[TrackedName(slot)] = MemoryMarshal.Read<long>(file.Bytes(TrackedName(slot)));
                }
            }

            vector.Set(values);
        }
    }

    private static IEnumerable<(string Name, long[] Shape, Array Values)> StateTensors(Model model)
    {
        var wide = model.Precision == Precision.Float64;
        var (parameters, buffers) = (model.Parameters.ToArray(), model.Buffers.ToArray());
        foreach (var slot in model.Network.StateOrder)
        {
            var isState = slot.Kind is ParameterKind.RunningMean or ParameterKind.RunningVariance;
            var values = (isState ? buffers : parameters).AsSpan(slot.Offset, slot.Count).ToArray();
            if (slot.Kind == ParameterKind.Filter)
            {
                var permuted = new double[values.Length];
                MemoryLayout.KrscToOihw<double>(values, permuted, slot.Shape[0], slot.Shape[3], slot.Shape[1], slot.Shape[2]);
                values = permuted;
            }

            yield return (slot.Name, FileShape(slot), wide ? values : Array.ConvertAll(values, v => (float)v));
            if (slot.Kind == ParameterKind.RunningVariance)
            {
                yield return (
                    TrackedName(slot),
                    [],
                    new[] { model.TrackedAtLoad.GetValueOrDefault(TrackedName(slot)) + model.BatchesTracked }
                );
            }
        }
    }

    private static long[] FileShape(ParameterSlot slot) =>
        slot.Kind switch
        {
            ParameterKind.Filter => [slot.Shape[0], slot.Shape[3], slot.Shape[1], slot.Shape[2]],
            ParameterKind.Matrix => [slot.Shape[0], slot.Shape[1]],
            _ => [slot.Shape[0]],
        };

    private static string TrackedName(ParameterSlot runningVariance) =>
        runningVariance.Name.Replace("running_var", "num_batches_tracked", StringComparison.Ordinal);

    private static TensorType TypeOf(Array values) =>
        values switch
        {
            float[] => TensorType.F32,
            double[] => TensorType.F64,
            _ => TensorType.I64,
        };

    private static ReadOnlyMemory<byte> BytesOf(Array values) =>
        values switch
        {
            float[] f => MemoryMarshal.AsBytes(f.AsSpan()).ToArray(),
            double[] d => MemoryMarshal.AsBytes(d.AsSpan()).ToArray(),
            _ => MemoryMarshal.AsBytes(((long[])values).AsSpan()).ToArray(),
        };

    private static string[] ReadClasses(SafeTensorsFile file, ResNetSpec spec, ModelDefaults? defaults)
    {
        if (
            file.Metadata.TryGetValue(ClassesKey, out var json) && Parse(file, ClassesKey, json, ModelJson.Default.StringArray) is { } names
        )
        {
            return names.Length == spec.Classes
                ? names
                : throw new UserErrorException(
                    $"'{file.Path}': the metadata '{ClassesKey}' names {names.Length} classes, but the model has {spec.Classes}."
                );
        }

        if (defaults is not null && defaults.ClassNames.Count == spec.Classes)
            return [.. defaults.ClassNames];
        return [.. Enumerable.Range(0, spec.Classes).Select(i => i.ToString(CultureInfo.InvariantCulture))];
    }

    private static InputNormalization ReadNormalization(SafeTensorsFile file, ModelDefaults? defaults)
    {
        if (file.Metadata.TryGetValue(NormalizationKey, out var json))
        {
            var document = Parse(file, NormalizationKey, json, ModelJson.Default.NormalizationDocument);
            return new InputNormalization(document.Mean, document.Std);
        }

        return defaults?.Normalization
            ?? throw new UserErrorException(
                $"'{file.Path}' does not say how its input is normalised; give the data set it was trained on with --data."
            );
    }

    private static Augmentation ReadAugmentation(SafeTensorsFile file, ModelDefaults? defaults)
    {
        if (!file.Metadata.TryGetValue(AugmentationKey, out var name))
        {
            return file.Metadata.ContainsKey(ArchitectureKey)
                ? Augmentation.CropAndFlip
                : defaults?.Augmentation ?? Augmentation.CropAndFlip;
        }

        return Augmentation.Parse(name) is var known && known != Augmentation.Auto
            ? known
            : throw new UserErrorException($"'{file.Path}': the metadata '{AugmentationKey}' is '{name}', which is no augmentation.");
    }

    private static T Parse<T>(SafeTensorsFile file, string key, string json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new UserErrorException($"'{file.Path}': the metadata '{key}' is not the JSON that Lur writes: '{json}'.");
        }
    }

    private sealed record NormalizationDocument(double[] Mean, double[] Std);

    [JsonSerializable(typeof(string[]))]
    [JsonSerializable(typeof(NormalizationDocument))]
    private sealed partial class ModelJson : JsonSerializerContext;
}

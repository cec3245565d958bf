using System.Text;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>Files of a text encoder of CLIP: a folder with config.json and model.safetensors, as transformers writes it.</summary>
public static class ClipTextFile
{
    /// <summary>How the name of the weights begins.</summary>
    internal const string Stem = "model";

    private const string What = "the text encoder of CLIP";

    /// <summary>Writes weights with transformers' names.</summary>
    /// <param name="path">File to write, atomically.</param>
    /// <param name="weights">Weights of a network that the encoder was appended to.</param>
    /// <param name="prefix">What stands before the names of its tensors there.</param>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static void Write(string path, FlatVector weights, string prefix)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var writer = new SafeTensorsWriter();
        writer.Metadata["format"] = "pt";
        foreach (var slot in weights.Layout.Slots.Where(s => s.Name.StartsWith(prefix + "text_model.", StringComparison.Ordinal)))
        {
            if (weights.Precision == Precision.Float64)
                Add<double>(writer, weights, slot, slot.Name[prefix.Length..]);
            else
                Add<float>(writer, weights, slot, slot.Name[prefix.Length..]);
        }

        writer.Save(path);
    }

    /// <summary>Reads weights, strictly: every tensor, no other but a projection and position_ids, each of its shape.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="weights">Weights of a network that the encoder was appended to; what is not the encoder's is left alone.</param>
    /// <param name="spec">The encoder.</param>
    /// <param name="prefix">What stands before the names of its tensors there.</param>
    /// <exception cref="UserErrorException">A file is missing, damaged or of another network.</exception>
    public static void Read(string folder, FlatVector weights, ClipTextSpec spec, string prefix)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(spec);
        var places = DiffusersPlaces.Part(folder, "", Stem);
        Require(places, spec);
        PartTensors.Read(places, weights, prefix, spec.Build(1).Parameters);
    }

    internal static ClipTextSpec SpecOf(DiffusersPlaces places) =>
        ClipTextSpec.Read(places.At(places.Config), Encoding.UTF8.GetBytes(places.ReadText(places.Config)));

    internal static void Require(DiffusersPlaces places, ClipTextSpec spec) =>
        PartTensors.Require(
            places,
            [spec.Build(1)],
            What,
            name => name is "text_model.embeddings.position_ids" or "text_projection.weight"
        );

    private static void Add<T>(SafeTensorsWriter writer, FlatVector weights, ParameterSlot slot, string name)
        where T : unmanaged
    {
        const int Part = 1 << 16;
        var buffer = new T[Math.Min(Part, slot.Count)];
        writer.Add(
            name,
            TensorTypes.Of<T>(),
            slot.FileShape(),
            stream =>
            {
                for (var first = 0; first < slot.Count; first += Part)
                {
                    var values = buffer.AsSpan(0, Math.Min(Part, slot.Count - first));
                    weights.Read(slot.Offset + first, values);
                    stream.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values));
                }
            }
        );
    }
}

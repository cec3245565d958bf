using System.Numerics;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>Weights of <see cref="InceptionV3"/> in a safetensors file: the state_dict of the network that was ported from TensorFlow for
/// the Fréchet Inception distance, with its names and layouts.</summary>
internal static class InceptionFile
{
    /// <summary>Reads a file, strictly: every tensor, no other, each of its shape (num_batches_tracked may be missing).</summary>
    /// <param name="path">The file.</param>
    /// <param name="network">What <see cref="InceptionV3.Build"/> gave.</param>
    /// <param name="parameters">Receives the weights.</param>
    /// <param name="buffers">Receives the running statistics.</param>
    /// <exception cref="UserErrorException">The file is missing, is none of safetensors, holds other tensors, or a number in it is not
    /// finite or a negative variance.</exception>
    public static void Read(string path, Network network, FlatVector parameters, FlatVector buffers)
    {
        using var file = SafeTensorsFile.Open(path);
        TensorComparison.Require(file, Expected(network), "InceptionV3 of the Fréchet Inception distance");
        foreach (var vector in new[] { parameters, buffers })
        foreach (var slot in vector.Layout.Slots)
        {
            if (vector.Precision == Precision.Float64)
                Read<double>(file, vector, slot);
            else
                Read<float>(file, vector, slot);
        }
    }

    /// <summary>The tensors of a file, those of the classifier among them: with its 1008 outputs the network of FID is told from
    /// torchvision's own, of 1000, whose other tensors have the same names and shapes.</summary>
    public static IEnumerable<ExpectedTensor> Expected(Network network)
    {
        foreach (var slot in network.StateOrder)
        {
            yield return new ExpectedTensor(slot.Name, FileShape(slot));
            if (slot.Kind == ParameterKind.RunningVariance)
            {
                var tracked = slot.Name.Replace("running_var", "num_batches_tracked", StringComparison.Ordinal);
                yield return new ExpectedTensor(tracked, [], TensorType.I64, Optional: true);
            }
        }

        yield return new ExpectedTensor("fc.weight", [InceptionV3.Classes, network.Shapes(1)[^1].Innermost]);
        yield return new ExpectedTensor("fc.bias", [InceptionV3.Classes]);
    }

    private static long[] FileShape(ParameterSlot slot) =>
        slot.Kind == ParameterKind.Filter ? [slot.Shape[0], slot.Shape[3], slot.Shape[1], slot.Shape[2]] : [slot.Shape[0]];

    private static void Read<T>(SafeTensorsFile file, FlatVector vector, ParameterSlot slot)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (values, ordered) = (new T[slot.Count], new T[slot.Count]);
        file.Read(slot.Name, values.AsSpan());
        foreach (var value in values)
            if (!T.IsFinite(value) || (slot.Kind == ParameterKind.RunningVariance && value < T.Zero))
                throw new UserErrorException(
                    $"'{file.Path}': tensor '{slot.Name}' holds {value}, which no trained network does; fetch and convert the file again."
                );
        if (slot.Kind == ParameterKind.Filter)
            MemoryLayout.OihwToKrsc<T>(values, ordered, slot.Shape[0], slot.Shape[3], slot.Shape[1], slot.Shape[2]);
        else
            values.CopyTo(ordered, 0);
        vector.Write<T>(slot.Offset, ordered);
    }
}

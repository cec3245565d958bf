using Lur.Checkpoints;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>Weights that are not trained stay in two bytes where their file has them so: the step widens each where it uses it, and
/// computes the same bits.</summary>
internal static class FrozenPacking
{
    private const int PartElements = 1 << 16;
    private static readonly Packing[] s_all = [Packing.Float16, Packing.BFloat16];

    /// <summary>How the frozen weights of a network can lie in memory without a loss: by their values, since a file of four bytes may have
    /// been written from one of two.</summary>
    /// <param name="files">Files that hold what the network expects.</param>
    /// <param name="spec">Names of tensors.</param>
    /// <param name="network">The network.</param>
    public static Packing Of(WeightFiles files, ModelSpec spec, Network network)
    {
        var left = s_all.ToList();
        foreach (var slot in network.Frozen.Slots)
        {
            var (file, tensor) = Find(files, spec, slot);
            left.RemoveAll(packing => !Fits(file, tensor, packing));
            if (left.Count == 0)
                return Packing.None;
        }

        return network.Frozen.Count == 0 ? Packing.None : left[0];
    }

    /// <summary>The same by the types of the tensors, without reading them.</summary>
    /// <inheritdoc cref="Of"/>
    public static Packing OfTypes(WeightFiles files, ModelSpec spec, Network network) =>
        network.Frozen.Count == 0
            ? Packing.None
            : s_all.FirstOrDefault(packing => network.Frozen.Slots.All(slot => TypeOf(packing) == Find(files, spec, slot).Tensor.Type));

    private static TensorType TypeOf(Packing packing) => packing == Packing.Float16 ? TensorType.F16 : TensorType.BF16;

    private static (SafeTensorsFile File, TensorInfo Tensor) Find(WeightFiles files, ModelSpec spec, ParameterSlot slot)
    {
        var name = spec.FileNames(slot).First(n => files.Holding(n) is not null);
        var file = files.Holding(name)!;
        return (file, file[name]);
    }

    private static bool Fits(SafeTensorsFile file, TensorInfo tensor, Packing packing)
    {
        if (tensor.Type == TypeOf(packing))
            return true;
        var part = new float[Math.Min(PartElements, tensor.Count)];
        for (long first = 0; first < tensor.Count; first += part.Length)
        {
            var read = part.AsSpan(0, (int)Math.Min(part.Length, tensor.Count - first));
            file.Read(tensor, first, read);
            foreach (var value in read)
                if (!Packed.Holds(packing, value))
                    return false;
        }

        return true;
    }
}

using Lur.Device;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>Copies of tensors between models.</summary>
internal static class TensorCopies
{
    /// <summary>Copies what both have of each tensor of the second model. Tensors differ in their first axis at most, so that it is the
    /// front of each.</summary>
    /// <param name="from">A model with all tensors of the other.</param>
    /// <param name="to">Receives them.</param>
    public static void Copy(Model from, Model to)
    {
        var sources = from.Weights.ToDictionary(s => s.Name, StringComparer.Ordinal);
        foreach (var slot in to.Weights)
        {
            var source = sources[slot.Name];
            if (from.Holding(source) is { Packing: not Packing.None } packed)
            {
                var values = new float[Math.Min(slot.Count, source.Count)];
                packed.Read(source.Offset, values.AsSpan());
                to.Holding(slot).Write<float>(slot.Offset, values);
                continue;
            }

            var bytes = (long)Math.Min(slot.Count, source.Count) * to.Precision.Size();
            to.Device.Copy(to.Holding(slot).At(slot).Pointer, from.Holding(source).At(source).Pointer, bytes);
        }
    }
}

using System.Buffers;
using System.Numerics;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>Weights of the parts of a pipeline that are used as they are: read strictly, by torch's names and layouts, from files in any
/// floating type.</summary>
internal static class PartTensors
{
    private const int PartElements = 1 << 16;

    /// <summary>Refuses files that are not those of networks: every tensor, no other, each of its shape.</summary>
    /// <param name="places">Where the files are.</param>
    /// <param name="networks">The networks that they hold together.</param>
    /// <param name="what">What the networks are, for messages.</param>
    /// <param name="ignored">True for a tensor that may be there beside.</param>
    /// <exception cref="UserErrorException">They are not.</exception>
    public static void Require(DiffusersPlaces places, IEnumerable<Network> networks, string what, Func<string, bool>? ignored = null)
    {
        using var files = Open(places);
        var expected = networks.SelectMany(n => n.Parameters.Slots).Select(slot => Expected(files, slot));
        TensorComparison.Require(files.Path, files.Tensors.Where(t => ignored?.Invoke(t.Name) != true), expected, what);
    }

    /// <summary>Reads the tensors of a network.</summary>
    /// <param name="places">Where the files are that hold them.</param>
    /// <param name="weights">Receives them.</param>
    /// <param name="prefix">Stands before their names in the vector, and not in the files.</param>
    /// <param name="of">The tensors to read; null for all of the vector.</param>
    /// <exception cref="UserErrorException">A number is not finite.</exception>
    public static void Read(DiffusersPlaces places, FlatVector weights, string prefix = "", ParameterLayout? of = null)
    {
        using var files = Open(places);
        foreach (var tensor in (of ?? weights.Layout).Slots)
        {
            var slot = weights.Layout[prefix + tensor.Name];
            if (weights.Precision == Precision.Float64)
                Read<double>(files, NameIn(files, tensor), weights, slot);
            else
                Read<float>(files, NameIn(files, tensor), weights, slot);
        }
    }

    private static WeightFiles Open(DiffusersPlaces places) =>
        WeightFiles.Open(places.At(places.Index ?? places.Weights[0]), [.. places.Weights.Select(places.At)]);

    // A matrix may be a filter of one pixel in old files.
    private static ExpectedTensor Expected(WeightFiles files, ParameterSlot slot)
    {
        var name = NameIn(files, slot);
        var shape = slot.FileShape();
        long[] filter = [.. shape, 1, 1];
        var found = files.Holding(name)?[name].Shape;
        return new ExpectedTensor(name, slot.Kind == ParameterKind.Matrix && found?.SequenceEqual(filter) == true ? filter : shape);
    }

    private static string NameIn(WeightFiles files, ParameterSlot slot)
    {
        var names = UNetNames.Of(slot.Name);
        return names.FirstOrDefault(n => files.Holding(n) is not null) ?? names[0];
    }

    private static void Read<T>(WeightFiles files, string name, FlatVector weights, ParameterSlot slot)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var file = files.Holding(name)!;
        // Filters change their order, one after another.
        var row = slot.Count / slot.Shape[0];
        var step = Math.Max(1, PartElements / row) * row;
        var (read, ordered) = (ArrayPool<T>.Shared.Rent(step), ArrayPool<T>.Shared.Rent(step));
        for (var first = 0; first < slot.Count; first += step)
        {
            var count = Math.Min(step, slot.Count - first);
            Span<T> from = read.AsSpan(0, count),
                to = ordered.AsSpan(0, count);
            file.Read(file[name], first, from);
            foreach (var value in from)
                if (!T.IsFinite(value))
                    throw new UserErrorException($"'{file.Path}': tensor '{name}' holds NaN or infinity; the model is not usable.");
            if (slot.Kind == ParameterKind.Filter)
                MemoryLayout.OihwToKrsc<T>(from, to, from.Length / row, slot.Shape[3], slot.Shape[1], slot.Shape[2]);
            else
                from.CopyTo(to);
            weights.Write<T>(slot.Offset + first, to);
        }

        ArrayPool<T>.Shared.Return(read);
        ArrayPool<T>.Shared.Return(ordered);
    }

    /// <summary>Extents of a tensor in a file: torch's, filters as OIHW.</summary>
    public static long[] FileShape(this ParameterSlot slot) =>
        slot.Kind == ParameterKind.Filter
            ? [slot.Shape[0], slot.Shape[3], slot.Shape[1], slot.Shape[2]]
            : [.. Sequences.Range(0, slot.Shape.Rank).Select(axis => (long)slot.Shape[axis])];
}

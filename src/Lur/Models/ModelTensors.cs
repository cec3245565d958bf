using System.Runtime.InteropServices;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>A tensor as it stands in a file.</summary>
/// <param name="Names">Names in files; the first is written.</param>
/// <param name="Shape">Extents in the file.</param>
/// <param name="Values">float, double or long elements in the order of the file.</param>
internal sealed record StateTensor(IReadOnlyList<string> Names, long[] Shape, Array Values)
{
    /// <summary>Name in a new file.</summary>
    public string Name => Names[0];

    /// <summary>Element type in a new file.</summary>
    public TensorType Type =>
        Values switch
        {
            float[] => TensorType.F32,
            double[] => TensorType.F64,
            _ => TensorType.I64,
        };

    /// <summary>The elements as bytes.</summary>
    public ReadOnlyMemory<byte> Bytes =>
        Values switch
        {
            float[] f => MemoryMarshal.AsBytes(f.AsSpan()).ToArray(),
            double[] d => MemoryMarshal.AsBytes(d.AsSpan()).ToArray(),
            _ => MemoryMarshal.AsBytes(((long[])Values).AsSpan()).ToArray(),
        };

    /// <summary>The elements as bytes of the type that a file has for them.</summary>
    public byte[] Encode(TensorInfo info) =>
        Values switch
        {
            float[] narrow => FloatCodec.Encode(info.Type, narrow),
            double[] wide => FloatCodec.Encode(info.Type, wide),
            _ => Bytes.ToArray(),
        };
}

/// <summary>The tensors of a model between its flat vectors and a file; names, extents and order of elements are the
/// family's.</summary>
internal static class ModelTensors
{
    /// <summary>What a file of a network holds.</summary>
    public static IEnumerable<ExpectedTensor> Expected(SafeTensorsFile file, ModelFamily family, Network network)
    {
        foreach (var slot in network.StateOrder)
        {
            yield return new ExpectedTensor(NameIn(file, family, slot), family.FileShape(slot));
            if (slot.Kind == ParameterKind.RunningVariance)
                yield return new ExpectedTensor(TrackedName(slot), [], TensorType.I64, Optional: true);
        }
    }

    /// <summary>Reads all tensors of a file that holds what is expected.</summary>
    /// <exception cref="UserErrorException">A tensor holds NaN or infinity.</exception>
    public static void Read(SafeTensorsFile file, Model model)
    {
        var family = model.Spec.Family;
        foreach (var vector in new[] { model.Parameters, model.Buffers })
        {
            var values = new double[vector.Count];
            foreach (var slot in vector.Layout.Slots)
            {
                var source = new double[slot.Count];
                file.Read(NameIn(file, family, slot), source);
                if (source.Any(v => !double.IsFinite(v)))
                    throw new UserErrorException($"'{file.Path}': tensor '{slot.Name}' holds NaN or infinity; the model is not usable.");
                family.FromFile<double>(slot, source, values.AsSpan(slot.Offset, slot.Count));
                if (slot.Kind == ParameterKind.RunningVariance && file.Contains(TrackedName(slot)))
                    model.TrackedAtLoad[TrackedName(slot)] = MemoryMarshal.Read<long>(file.Bytes(TrackedName(slot)));
            }

            vector.Set(values);
        }
    }

    /// <summary>All tensors of a model, in the order of torch's state_dict.</summary>
    public static IEnumerable<StateTensor> Of(Model model)
    {
        var (family, wide) = (model.Spec.Family, model.Precision == Precision.Float64);
        var (parameters, buffers) = (model.Parameters.ToArray(), model.Buffers.ToArray());
        foreach (var slot in model.Network.StateOrder)
        {
            var isState = slot.Kind is ParameterKind.RunningMean or ParameterKind.RunningVariance;
            var values = new double[slot.Count];
            family.ToFile<double>(slot, (isState ? buffers : parameters).AsSpan(slot.Offset, slot.Count), values);
            yield return new StateTensor(
                family.FileNames(slot),
                family.FileShape(slot),
                wide ? values : Array.ConvertAll(values, v => (float)v)
            );
            if (slot.Kind == ParameterKind.RunningVariance)
            {
                var name = TrackedName(slot);
                yield return new StateTensor([name], [], new[] { model.TrackedAtLoad.GetValueOrDefault(name) + model.BatchesTracked });
            }
        }
    }

    // Of the names a tensor may have, the one the file uses; the one that is written where it has none.
    private static string NameIn(SafeTensorsFile file, ModelFamily family, ParameterSlot slot)
    {
        var names = family.FileNames(slot);
        return names.FirstOrDefault(file.Contains) ?? names[0];
    }

    private static string TrackedName(ParameterSlot runningVariance) =>
        runningVariance.Name.Replace("running_var", "num_batches_tracked", StringComparison.Ordinal);
}

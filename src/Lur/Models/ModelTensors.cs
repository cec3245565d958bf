using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Models;

/// <summary>A tensor of a model as it stands in a file. Its elements leave the device in parts when it is written.</summary>
/// <param name="Names">Names in files; the first is written.</param>
/// <param name="Shape">Extents in the file.</param>
/// <param name="Type">Element type in a new file.</param>
/// <param name="Write">Writes the elements in the order of the file, as the given floating type; a counter is always I64.</param>
internal sealed record StateTensor(IReadOnlyList<string> Names, long[] Shape, TensorType Type, Action<TensorType, Stream> Write)
{
    /// <summary>Name in a new file.</summary>
    public string Name => Names[0];
}

/// <summary>The tensors of a model between its flat vectors and a file; names, extents and order of elements are the
/// family's.</summary>
internal static class ModelTensors
{
    private const int PartElements = 1 << 16;

    /// <summary>What a file of a network holds.</summary>
    public static IEnumerable<ExpectedTensor> Expected(WeightFiles files, ModelSpec spec, Network network)
    {
        var own = files.Files[0].Metadata.ContainsKey(ModelMetadata.Architecture);
        foreach (var slot in network.StateOrder)
        {
            var name = NameIn(files, spec, slot);
            var (found, shapes) = (files.Holding(name)?[name].Shape, spec.FileShapes(slot));
            var shape = shapes.FirstOrDefault(s => found?.SequenceEqual(s) == true) ?? shapes[0];
            // What a network is given stands in Lur's own files and not in those of others.
            yield return new ExpectedTensor(name, shape, Optional: slot.Kind == ParameterKind.Given && !own);
            if (slot.Kind == ParameterKind.RunningVariance)
                yield return new ExpectedTensor(TrackedName(slot), [], TensorType.I64, Optional: true);
        }
    }

    /// <summary>Reads all tensors of files that hold what is expected. Host memory holds a part of one tensor at a time.</summary>
    /// <exception cref="UserErrorException">A tensor holds NaN or infinity, or a running variance is negative.</exception>
    public static void Read(WeightFiles files, Model model)
    {
        foreach (var vector in new[] { model.Parameters, model.Frozen, model.Buffers })
        {
            foreach (var slot in vector.Layout.Slots)
            {
                if (slot.Kind == ParameterKind.Given && files.Holding(slot.Name) is null)
                    continue;
                if (vector.Precision == Precision.Float32)
                    Read<float>(files, model.Spec, vector, slot);
                else
                    Read<double>(files, model.Spec, vector, slot);
                var tracked = TrackedName(slot);
                if (slot.Kind == ParameterKind.RunningVariance && files.Holding(tracked) is { } file)
                    model.TrackedAtLoad[tracked] = MemoryMarshal.Read<long>(file.Bytes(tracked));
            }
        }
    }

    /// <summary>All tensors of a model, in the order of torch's state_dict.</summary>
    /// <param name="model">The model.</param>
    /// <param name="given">Whether what a network is given is among them; it is no part of a state_dict.</param>
    public static IEnumerable<StateTensor> Of(Model model, bool given = false)
    {
        var (spec, family, wide) = (model.Spec, model.Spec.Family, model.Precision == Precision.Float64);
        foreach (var slot in model.Network.StateOrder.Where(s => given || s.Kind != ParameterKind.Given))
        {
            var vector = model.Holding(slot);
            yield return wide
                ? new StateTensor(
                    spec.FileNames(slot),
                    spec.FileShapes(slot)[0],
                    TensorType.F64,
                    (t, s) => Write<double>(t, s, family, vector, slot)
                )
                : new StateTensor(
                    spec.FileNames(slot),
                    spec.FileShapes(slot)[0],
                    TensorType.F32,
                    (t, s) => Write<float>(t, s, family, vector, slot)
                );
            if (slot.Kind == ParameterKind.RunningVariance)
            {
                var name = TrackedName(slot);
                var tracked = model.TrackedAtLoad.GetValueOrDefault(name) + model.BatchesTracked;
                yield return new StateTensor([name], [], TensorType.I64, (_, stream) => stream.Write(BitConverter.GetBytes(tracked)));
            }
        }
    }

    private static void Read<T>(WeightFiles files, ModelSpec spec, FlatVector vector, ParameterSlot slot)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (name, family) = (NameIn(files, spec, slot), spec.Family);
        var file = files.Holding(name)!;
        var tensor = file[name];
        ForEachPart<T>(
            slot,
            (part, source, target) =>
            {
                file.Read(tensor, part.Offset - slot.Offset, source);
                foreach (var value in source)
                    if (!T.IsFinite(value))
                        throw new UserErrorException(
                            $"'{file.Path}': tensor '{slot.Name}' holds NaN or infinity; the model is not usable."
                        );
                    // Its root divides: the outputs would be NaN, or hidden by the term that is added.
                    else if (slot.Kind == ParameterKind.RunningVariance && value < T.Zero)
                        throw new UserErrorException(
                            $"'{file.Path}': tensor '{slot.Name}' holds the negative variance {value}; the file is damaged, or was written "
                                + "by a training that went wrong."
                        );
                family.FromFile<T>(part, source, target);
                vector.Write<T>(part.Offset, target);
            }
        );
    }

    private static void Write<T>(TensorType type, Stream stream, ModelFamily family, FlatVector vector, ParameterSlot slot)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        ForEachPart<T>(
            slot,
            (part, source, target) =>
            {
                vector.Read(part.Offset, source);
                family.ToFile<T>(part, source, target);
                if (type == TensorTypes.Of<T>())
                    stream.Write(MemoryMarshal.AsBytes(target));
                else
                    stream.Write(FloatCodec.Encode<T>(type, target));
            }
        );

    private delegate void UsePart<T>(ParameterSlot part, Span<T> first, Span<T> second);

    // Parts of a tensor along its first extent, each a tensor by itself, with two buffers of its size.
    private static void ForEachPart<T>(ParameterSlot slot, UsePart<T> use)
    {
        var row = slot.Count / slot.Shape[0];
        var rows = Math.Clamp(PartElements / row, 1, slot.Shape[0]);
        var (first, second) = (ArrayPool<T>.Shared.Rent(rows * row), ArrayPool<T>.Shared.Rent(rows * row));
        for (var begin = 0; begin < slot.Shape[0]; begin += rows)
        {
            var count = Math.Min(rows, slot.Shape[0] - begin);
            var part = slot with { Shape = WithFirst(slot.Shape, count), Offset = slot.Offset + (begin * row) };
            use(part, first.AsSpan(0, part.Count), second.AsSpan(0, part.Count));
        }

        ArrayPool<T>.Shared.Return(first);
        ArrayPool<T>.Shared.Return(second);
    }

    private static Shape WithFirst(Shape shape, int first)
    {
        Span<int> extents = stackalloc int[shape.Rank];
        for (var axis = 0; axis < extents.Length; axis++)
            extents[axis] = axis == 0 ? first : shape[axis];
        return new Shape(extents);
    }

    // Of the names a tensor may have, the one the file uses; the one that is written where it has none.
    private static string NameIn(WeightFiles files, ModelSpec spec, ParameterSlot slot)
    {
        var names = spec.FileNames(slot);
        return names.FirstOrDefault(n => files.Holding(n) is not null) ?? names[0];
    }

    private static string TrackedName(ParameterSlot runningVariance) =>
        runningVariance.Name.Replace("running_var", "num_batches_tracked", StringComparison.Ordinal);
}

using System.Runtime.InteropServices;
using Lur.Device;

namespace Lur.Tensors;

/// <summary>One contiguous device vector with the layout of a model's parameters (or of its running statistics).</summary>
/// <remarks>Either it owns memory, taken when its address is first asked for and freed by <see cref="Dispose"/>, or it is a
/// buffer of a program (<see cref="FlatVector(Program, ParameterLayout, string, bool)"/>) and lives where the plan puts it.</remarks>
public sealed class FlatVector : IDeviceBuffer, IDisposable
{
    // Elements that are converted at a time: host memory beside the caller's array stays small.
    private const int Part = 1 << 16;
    private readonly IDeviceBuffer _buffer;

    /// <summary>A vector of zeros with memory of its own, taken when it is first used.</summary>
    /// <param name="device">Device that holds it.</param>
    /// <param name="precision">Element type.</param>
    /// <param name="layout">Names and offsets.</param>
    /// <param name="name">Name for plans.</param>
    /// <param name="packing">How its elements lie in memory; kernels read one that is packed through <see cref="Narrow"/>.</param>
    public FlatVector(ComputeDevice device, Precision precision, ParameterLayout layout, string name, Packing packing = Packing.None)
    {
        if (packing != Packing.None && precision != Precision.Float32)
            throw new ArgumentException($"A vector of {precision} is not packed.", nameof(packing));
        (Device, Precision, Layout, Name, Packing) = (device, precision, layout, name, packing);
        _buffer = new OwnedBuffer(device, name, Bytes) { Taken = () => Initial?.Invoke(this) };
    }

    /// <summary>Declares a vector in a program. It shares the arena: outside its use in a step its content is undefined, unless it
    /// is kept.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="layout">Names and offsets.</param>
    /// <param name="name">Name for plans.</param>
    /// <param name="keep">True to keep its memory to itself, so that the host can read it after a step.</param>
    public FlatVector(Program program, ParameterLayout layout, string name, bool keep = false)
    {
        (Device, Precision, Layout, Name) = (program.Device, program.Precision, layout, name);
        var planned = program.Real(name, ValueRole.Vector, new Shape(Math.Max(1, layout.Count)));
        _buffer = keep ? Program.Keep(planned) : planned;
    }

    /// <summary>A vector over memory of somebody else, who keeps it as long as the vector is used; nothing is freed.</summary>
    /// <param name="device">Device that the memory belongs to.</param>
    /// <param name="precision">Element type.</param>
    /// <param name="layout">Names and offsets.</param>
    /// <param name="name">Name for messages.</param>
    /// <param name="memory">First element of <see cref="Bytes"/> bytes, at a multiple of the element's size.</param>
    /// <exception cref="ArgumentException">The address is null or not aligned.</exception>
    public FlatVector(ComputeDevice device, Precision precision, ParameterLayout layout, string name, DevicePointer<Real> memory)
    {
        (Device, Precision, Layout, Name) = (device, precision, layout, name);
        _buffer = new BorrowedBuffer(name, memory.Address, Bytes, precision.Size());
    }

    /// <summary>Device that holds it.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Element type.</summary>
    public Precision Precision { get; }

    /// <summary>How its elements lie in memory.</summary>
    public Packing Packing { get; }

    /// <summary>Names and offsets.</summary>
    public ParameterLayout Layout { get; }

    /// <summary>What it holds, for plans and messages ("parameters", "momentum").</summary>
    public string Name { get; }

    /// <summary>Gives the vector its first values when its memory is taken, in place of zeros; null for zeros.</summary>
    public Action<FlatVector>? Initial { get; init; }

    /// <summary>Number of elements.</summary>
    public int Count => Layout.Count;

    /// <summary>Size in bytes.</summary>
    public long Bytes => (long)Count * ElementSize;

    private int ElementSize => Packing == Packing.None ? Precision.Size() : sizeof(short);

    /// <inheritdoc/>
    public ulong Address => _buffer.Address;

    /// <summary>First element.</summary>
    public DevicePointer<Real> Pointer => new(Address);

    /// <summary>First element of one tensor.</summary>
    public Operand<Real> At(ParameterSlot slot) => At(slot.Offset).Taking(slot.Count, Precision.Size());

    /// <summary>An element, by its number.</summary>
    public Operand<Real> At(long element) => ((Operand<Real>)this).At(element, Precision.Size());

    /// <summary>Elements of a packed vector, two bytes each.</summary>
    /// <param name="element">The first, by its number.</param>
    /// <param name="count">How many.</param>
    public Operand<short> Narrow(long element, int count) =>
        Operand.Of<short>(_buffer).At(element, sizeof(short)).Taking(count, sizeof(short));

    /// <summary>The elements of a Float64 vector as <c>double</c>.</summary>
    public Operand<double> Wide =>
        Precision == Precision.Float64
            ? ((Operand<Real>)this).As<double>()
            : throw new InvalidOperationException($"'{Name}' is a vector of {Precision}.");

    /// <summary>The vector as an argument of a launch; null for one that is left out.</summary>
    public static implicit operator Operand<Real>(FlatVector? vector) =>
        vector is null ? default
        : vector.Packing == Packing.None ? Operand.Of<Real>(vector._buffer)
        : throw new InvalidOperationException($"'{vector.Name}' is packed; its elements are widened where they are used.");

    /// <summary>Enqueues a copy of another vector of the same layout.</summary>
    public void CopyFrom(FlatVector source)
    {
        if (source.Count != Count || source.Precision != Precision || source.Packing != Packing)
        {
            throw new ArgumentException(
                $"'{source.Name}' ({source.Count} x {source.Precision}, {source.Packing}) does not fit '{Name}' ({Count} x {Precision}, "
                    + $"{Packing}).",
                nameof(source)
            );
        }

        if (Count > 0)
            Device.Copy(Pointer, source.Pointer, Bytes);
    }

    /// <summary>Copies the elements to the host, as double whatever the precision.</summary>
    public double[] ToArray()
    {
        if (Count == 0)
            return [];
        if (Precision == Precision.Float64)
        {
            var wide = new double[Count];
            Device.Download(wide.AsSpan(), Pointer);
            return wide;
        }

        var values = new double[Count];
        var part = new float[Math.Min(Part, Count)];
        for (var first = 0; first < Count; first += part.Length)
        {
            var read = part.AsSpan(0, Math.Min(part.Length, Count - first));
            Read(first, read);
            for (var i = 0; i < read.Length; i++)
                values[first + i] = read[i];
        }

        return values;
    }

    /// <summary>Copies elements to the host as they are.</summary>
    /// <typeparam name="T">float or double: the vector's element type.</typeparam>
    /// <param name="first">Position of the first, counted from 0; that of a tensor is <see cref="ParameterSlot.Offset"/>.</param>
    /// <param name="destination">Receives as many elements as it holds.</param>
    /// <exception cref="ArgumentException">The vector holds another type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The elements are not all within the vector.</exception>
    public void Read<T>(int first, Span<T> destination)
        where T : unmanaged
    {
        var place = Elements<T>(first, destination.Length);
        if (Packing == Packing.None)
        {
            Device.Download(destination, place);
            return;
        }

        var narrow = new short[destination.Length];
        Device.Download(narrow.AsSpan(), place);
        Packed.Widen(Packing, narrow, MemoryMarshal.Cast<T, float>(destination));
    }

    /// <summary>Replaces elements by values of the same type.</summary>
    /// <typeparam name="T">float or double: the vector's element type.</typeparam>
    /// <param name="first">Position of the first, counted from 0.</param>
    /// <param name="values">The values.</param>
    /// <exception cref="ArgumentException">The vector holds another type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The elements are not all within the vector.</exception>
    public void Write<T>(int first, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var place = Elements<T>(first, values.Length);
        if (Packing == Packing.None)
            Device.Upload(place, values);
        else
            Device.Upload(place, (ReadOnlySpan<short>)Packed.Narrow(Packing, MemoryMarshal.Cast<T, float>(values)));
    }

    /// <summary>Copies the elements to the host as float; a Float64 vector is rounded.</summary>
    public float[] ToFloatArray()
    {
        if (Count == 0)
            return [];
        if (Precision == Precision.Float64)
            return Array.ConvertAll(ToArray(), x => (float)x);
        var narrow = new float[Count];
        Read(0, narrow.AsSpan());
        return narrow;
    }

    /// <summary>Replaces all elements; values are rounded to the vector's precision.</summary>
    /// <exception cref="ArgumentException">The length differs.</exception>
    public void Set(ReadOnlySpan<double> values)
    {
        if (values.Length != Count)
            throw new ArgumentException($"'{Name}' has {Count} elements; {values.Length} were given.", nameof(values));
        if (Count == 0)
            return;
        if (Precision == Precision.Float64)
        {
            Device.Upload(Pointer, values);
            return;
        }

        var part = new float[Math.Min(Part, Count)];
        for (var first = 0; first < Count; first += part.Length)
        {
            var narrow = part.AsSpan(0, Math.Min(part.Length, Count - first));
            for (var i = 0; i < narrow.Length; i++)
                narrow[i] = (float)values[first + i];
            Write<float>(first, narrow);
        }
    }

    /// <summary>Replaces all elements.</summary>
    /// <exception cref="ArgumentException">The length differs.</exception>
    public void Set(ReadOnlySpan<float> values)
    {
        if (values.Length != Count)
            throw new ArgumentException($"'{Name}' has {Count} elements; {values.Length} were given.", nameof(values));
        if (Count == 0)
            return;
        if (Precision == Precision.Float32)
        {
            Write(0, values);
            return;
        }

        var wide = new double[Count];
        for (var i = 0; i < wide.Length; i++)
            wide[i] = values[i];
        Device.Upload(Pointer, new ReadOnlySpan<double>(wide));
    }

    /// <summary>Replaces the elements of one tensor.</summary>
    /// <exception cref="ArgumentException">The length differs.</exception>
    public void Set(ParameterSlot slot, ReadOnlySpan<float> values)
    {
        if (values.Length != slot.Count)
            throw new ArgumentException($"'{slot.Name}' has {slot.Count} elements; {values.Length} were given.", nameof(values));
        if (Precision == Precision.Float32)
        {
            Write(slot.Offset, values);
            return;
        }

        var wide = new double[values.Length];
        for (var i = 0; i < wide.Length; i++)
            wide[i] = values[i];
        Device.Upload(At(slot).Pointer, new ReadOnlySpan<double>(wide));
    }

    /// <summary>Frees the memory, where it is the vector's own.</summary>
    public void Dispose() => (_buffer as OwnedBuffer)?.Dispose();

    private DevicePointer<Real> Elements<T>(int first, int count)
    {
        if (typeof(T) != (Precision == Precision.Float32 ? typeof(float) : typeof(double)))
            throw new ArgumentException($"'{Name}' holds {Precision} and not {typeof(T).Name}.");
        if (first < 0 || count > Count - first)
            throw new ArgumentOutOfRangeException(
                nameof(first),
                first,
                $"{count} elements from {first} on are not within the {Count} of '{Name}'."
            );
        return Pointer.At(first, ElementSize);
    }
}

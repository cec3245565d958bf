using Lur.Device;

namespace Lur.Tensors;

/// <summary>One contiguous device vector with the layout of a model's parameters (or of its running statistics).</summary>
/// <remarks>Lives outside the step arena because it outlives a step; freed by <see cref="Dispose"/>.</remarks>
public sealed class FlatVector : IDisposable
{
    // Elements that are converted at a time: host memory beside the caller's array stays small.
    private const int Part = 1 << 16;
    private readonly DeviceMemory _memory;

    /// <summary>Allocates a vector filled with zeros.</summary>
    public FlatVector(ComputeDevice device, Precision precision, ParameterLayout layout, string name)
    {
        Device = device;
        Precision = precision;
        Layout = layout;
        Name = name;
        // A layout may be empty (a model without running statistics); the device refuses empty allocations.
        _memory = device.Allocate(Math.Max(1, (long)layout.Count) * precision.Size());
        Clear();
    }

    /// <summary>Device that holds it.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Element type.</summary>
    public Precision Precision { get; }

    /// <summary>Names and offsets.</summary>
    public ParameterLayout Layout { get; }

    /// <summary>What it holds, for plans and messages ("parameters", "momentum").</summary>
    public string Name { get; }

    /// <summary>Number of elements.</summary>
    public int Count => Layout.Count;

    /// <summary>Size in bytes.</summary>
    public long Bytes => (long)Count * Precision.Size();

    /// <summary>First element.</summary>
    public DevicePointer<Real> Pointer => new(_memory.Address);

    /// <summary>First element of one tensor.</summary>
    public DevicePointer<Real> At(ParameterSlot slot) => Pointer.At(slot.Offset, Precision.Size());

    /// <summary>Enqueues zeros.</summary>
    public void Clear() => Device.Fill(Pointer, 0, Math.Max(1, (long)Count) * Precision.Size());

    /// <summary>Enqueues a copy of another vector of the same layout.</summary>
    public void CopyFrom(FlatVector source)
    {
        if (source.Count != Count || source.Precision != Precision)
        {
            throw new ArgumentException(
                $"'{source.Name}' ({source.Count} x {source.Precision}) does not fit '{Name}' ({Count} x {Precision}).",
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
        where T : unmanaged => Device.Download(destination, Elements<T>(first, destination.Length));

    /// <summary>Replaces elements by values of the same type.</summary>
    /// <typeparam name="T">float or double: the vector's element type.</typeparam>
    /// <param name="first">Position of the first, counted from 0.</param>
    /// <param name="values">The values.</param>
    /// <exception cref="ArgumentException">The vector holds another type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The elements are not all within the vector.</exception>
    public void Write<T>(int first, ReadOnlySpan<T> values)
        where T : unmanaged => Device.Upload(Elements<T>(first, values.Length), values);

    /// <summary>Copies the elements to the host as float; a Float64 vector is rounded.</summary>
    public float[] ToFloatArray()
    {
        if (Count == 0)
            return [];
        if (Precision == Precision.Float64)
            return Array.ConvertAll(ToArray(), x => (float)x);
        var narrow = new float[Count];
        Device.Download(narrow.AsSpan(), Pointer);
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
            Device.Upload(Pointer, values);
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
            Device.Upload(At(slot), values);
            return;
        }

        var wide = new double[values.Length];
        for (var i = 0; i < wide.Length; i++)
            wide[i] = values[i];
        Device.Upload(At(slot), new ReadOnlySpan<double>(wide));
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

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
        return Pointer.At(first, Precision.Size());
    }
}

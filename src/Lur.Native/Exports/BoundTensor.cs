using Lur.Checkpoints;
using Lur.Device;

namespace Lur.Native.Exports;

/// <summary>A tensor in memory of the caller, element by element in the order in which a model declares it.</summary>
internal sealed unsafe class BoundTensor
{
    // Elements of the memory for one of the tensor, above which it is not copied as a whole.
    private const int MostBetween = 4;

    private readonly ulong _data;
    private readonly bool _onDevice;
    private readonly TensorType _type;
    private readonly long[] _strides;

    /// <summary>Takes down what the front has checked.</summary>
    public BoundTensor(in Tensor t)
    {
        (Name, _data, _onDevice, _type) = (Utf8.Read(t.Name)!, t.Data, t.Place == 1, TypeOf(t.Dtype));
        var (shape, strides) = (new long[t.Rank], new long[t.Rank]);
        var dense = true;
        for (var axis = 0; axis < t.Rank; axis++)
        {
            (shape[axis], strides[axis]) = (t.Shape[axis], t.Stride[axis]);
            dense &= strides[axis] == 0;
        }

        if (dense)
            for (long axis = t.Rank - 1, next = 1; axis >= 0; next *= shape[axis--])
                strides[axis] = next;
        // Filters with their channels last are the declared ones with other strides.
        var moves = t.Layout == 1 && t.Rank == 4;
        (Shape, _strides) = (moves ? Declared(shape) : shape, moves ? Declared(strides) : strides);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Extents as declared.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Elements.</summary>
    public int Count => (int)Math.Min(Shape.Aggregate(1L, (n, extent) => Math.Min(n * extent, int.MaxValue)), int.MaxValue);

    /// <summary>Address of a vector without gaps of 32 bit floats on the device; null for anything else.</summary>
    public ulong? Flat => _onDevice && _type == TensorType.F32 && Shape.Count == 1 && _strides[0] == 1 ? _data : null;

    /// <summary>Copies all elements to an array.</summary>
    public float[] Read(ComputeDevice device)
    {
        var dense = new byte[checked(Count * _type.Size())];
        Over(device, write: false, (memory, at) => memory.CopyTo(dense.AsSpan(at, memory.Length)));
        var values = new float[Count];
        FloatCodec.Decode(_type, dense, values.AsSpan());
        return values;
    }

    /// <summary>Copies an array to all elements; what lies between them stays.</summary>
    public void Write(ComputeDevice device, float[] values)
    {
        var dense = FloatCodec.Encode<float>(_type, values);
        Over(device, write: true, (memory, at) => dense.AsSpan(at, memory.Length).CopyTo(memory));
    }

    private static TensorType TypeOf(int dtype) =>
        dtype switch
        {
            1 => TensorType.F32,
            2 => TensorType.F64,
            3 => TensorType.F16,
            _ => TensorType.BF16,
        };

    private static long[] Declared(long[] channelsLast) => [channelsLast[0], channelsLast[3], channelsLast[1], channelsLast[2]];

    // An element of the memory, and where it begins in an array without gaps.
    private delegate void UseElement(Span<byte> element, int at);

    // Over a copy of the memory from the first element to the last; with much between them, over one element at a time.
    private void Over(ComputeDevice device, bool write, UseElement use)
    {
        var last = Shape.Zip(_strides, (extent, stride) => checked((extent - 1) * stride)).Sum();
        if (!_onDevice && last / MostBetween > Count)
        {
            ForEach(null, (_, at, element) => OneByOne(write, use, at, element));
            return;
        }

        var copy = new byte[checked((last + 1) * _type.Size())];
        var pointer = new DevicePointer<byte>(_data);
        if (_onDevice)
            device.Download(copy.AsSpan(), pointer);
        else if (!CallerAddress.TryRead(_data, copy.AsSpan()))
            throw NoMemory("read", copy.Length);
        fixed (byte* memory = copy)
            ForEach(memory, (element, at, _) => use(element, at));
        if (!write)
            return;
        if (_onDevice)
            device.Upload(pointer, new ReadOnlySpan<byte>(copy));
        else if (!CallerAddress.TryWrite<byte>(_data, copy))
            throw NoMemory("written", copy.Length);
    }

    private void OneByOne(bool write, UseElement use, int at, long element)
    {
        var own = new byte[_type.Size()];
        var address = _data + ((ulong)element * (ulong)own.Length);
        if (!write && !CallerAddress.TryRead(address, own.AsSpan()))
            throw NoMemory("read", own.Length, element);
        use(own, at);
        if (write && !CallerAddress.TryWrite<byte>(address, own))
            throw NoMemory("written", own.Length, element);
    }

    private CodedException NoMemory(string what, int bytes, long element = 0) =>
        new(
            Code.Argument,
            $"Tensor '{Name}' cannot be {what}: at its address 0x{_data:x}, element {element}, there is no memory of this program for "
                + $"{bytes} bytes."
        );

    private delegate void UsePlace(Span<byte> element, int at, long place);

    private void ForEach(byte* memory, UsePlace use)
    {
        var (size, place) = (_type.Size(), new long[_strides.Length]);
        long element = 0;
        for (int i = 0, count = Count; i < count; i++)
        {
            use(memory is null ? default : new Span<byte>(memory + (element * size), size), i * size, element);
            for (var axis = place.Length - 1; axis >= 0; axis--)
            {
                element += _strides[axis];
                if (++place[axis] < Shape[axis])
                    break;
                element -= place[axis] * _strides[axis];
                place[axis] = 0;
            }
        }
    }
}

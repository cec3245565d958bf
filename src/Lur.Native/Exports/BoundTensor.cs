using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lur.Checkpoints;
using Lur.Device;

namespace Lur.Native.Exports;

/// <summary>A tensor in memory of the caller, element by element in the order in which a model declares it.</summary>
internal sealed unsafe class BoundTensor
{
    private readonly ulong _data;
    private readonly bool _onDevice;
    private readonly int _dtype;
    private readonly long[] _strides;

    /// <summary>Takes down what the front has checked.</summary>
    public BoundTensor(in Tensor t)
    {
        (Name, _data, _onDevice, _dtype) = (Utf8.Read(t.Name)!, t.Data, t.Place == 1, t.Dtype);
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
    public ulong? Flat => _onDevice && _dtype == F32 && Shape.Count == 1 && _strides[0] == 1 ? _data : null;

    /// <summary>Copies all elements to an array.</summary>
    public float[] Read(ComputeDevice device)
    {
        var values = new float[Count];
        Over(
            device,
            write: false,
            memory =>
            {
                var i = 0;
                ForEach(element => values[i++] = Element((byte*)memory + (element * Size)));
            }
        );
        return values;
    }

    /// <summary>Copies an array to all elements; what lies between them stays.</summary>
    public void Write(ComputeDevice device, float[] values) =>
        Over(
            device,
            write: true,
            memory =>
            {
                var i = 0;
                ForEach(element => Set((byte*)memory + (element * Size), values[i++]));
            }
        );

    private const int F32 = 1,
        F64 = 2,
        F16 = 3;

    private int Size =>
        _dtype == F64 ? 8
        : _dtype == F32 ? 4
        : 2;

    private static long[] Declared(long[] channelsLast) => [channelsLast[0], channelsLast[3], channelsLast[1], channelsLast[2]];

    // Calls with the number of each element, counted from the first of the memory.
    private void ForEach(Action<long> use)
    {
        var at = new long[_strides.Length];
        for (long i = 0, count = Count, element = 0; i < count; i++)
        {
            use(element);
            for (var axis = at.Length - 1; axis >= 0; axis--)
            {
                element += _strides[axis];
                if (++at[axis] < Shape[axis])
                    break;
                element -= at[axis] * _strides[axis];
                at[axis] = 0;
            }
        }
    }

    // The memory itself, or a copy of it on the host.
    private void Over(ComputeDevice device, bool write, Action<nint> use)
    {
        if (!_onDevice)
        {
            use((nint)_data);
            return;
        }

        var last = Shape.Zip(_strides, (extent, stride) => (extent - 1) * stride).Sum();
        var copy = new byte[checked((last + 1) * Size)];
        var pointer = new DevicePointer<byte>(_data);
        device.Download(copy.AsSpan(), pointer);
        fixed (byte* memory = copy)
            use((nint)memory);
        if (write)
            device.Upload(pointer, new ReadOnlySpan<byte>(copy));
    }

    private float Element(byte* p) =>
        _dtype switch
        {
            F32 => Unsafe.ReadUnaligned<float>(p),
            F64 => (float)Unsafe.ReadUnaligned<double>(p),
            F16 => (float)Unsafe.ReadUnaligned<Half>(p),
            _ => BitConverter.UInt32BitsToSingle((uint)Unsafe.ReadUnaligned<ushort>(p) << 16),
        };

    private void Set(byte* p, float value)
    {
        switch (_dtype)
        {
            case F32:
                Unsafe.WriteUnaligned(p, value);
                break;
            case F64:
                Unsafe.WriteUnaligned(p, (double)value);
                break;
            case F16:
                Unsafe.WriteUnaligned(p, (Half)value);
                break;
            default:
                Unsafe.WriteUnaligned(p, MemoryMarshal.Read<ushort>(FloatCodec.Encode<float>(TensorType.BF16, [value])));
                break;
        }
    }
}

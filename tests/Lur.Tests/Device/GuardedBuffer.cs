using System.Runtime.InteropServices;
using Lur.Device;

namespace Lur.Tests.Device;

/// <summary>
/// A device array between guards. New memory is NaN (for integers 0x7B bytes), so that an element nobody wrote shows;
/// reading back verifies the guards, so that a write outside shows, too.
/// </summary>
/// <typeparam name="T">Element type in host memory.</typeparam>
public class GuardedArray<T> : IDisposable
    where T : unmanaged
{
    // A tool that watches every access of a kernel (compute-sanitizer) sees what leaves an allocation, and what reads memory that
    // nobody wrote: it wants arrays without guards, and new ones as they come.
    private static readonly bool s_bare = Environment.GetEnvironmentVariable("LUR_TEST_GUARDS") == "none";
    private static readonly int s_guardBytes = s_bare ? 0 : 256;

    // A NaN as float and 4e306 as double, so that an element read behind the end shows in every result it enters. 0xA5
    // in every byte did not: it is -3e-16 as float, and a sum that took in a whole guard of it passed.
    private static readonly byte[] s_sentinel = [0xA5, 0xA5, 0xA5, 0x7F];
    private readonly DeviceMemory _memory;
    private readonly ComputeDevice _device;
    private readonly int _tail;
    private readonly int _size;

    public GuardedArray(TestDevice test, long count)
    {
        ArgumentNullException.ThrowIfNull(test);
        (_device, Count, _size) = (test.Device, checked((int)count), Marshal.SizeOf<T>());
        // Where allocations end at a protected page, the array does so as well: a read behind it is caught there.
        _tail = test.ChecksMemory ? 0 : s_guardBytes;
        _memory = _device.Allocate(Math.Max(1, s_guardBytes + ((long)Count * _size) + _tail));
        if (s_bare)
            return;
        var bytes = new byte[_memory.Bytes];
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = s_sentinel[i % 4];
        Fresh(MemoryMarshal.Cast<byte, T>(bytes.AsSpan(s_guardBytes, Count * _size)));
        _device.Upload(_memory.Pointer<byte>(), (ReadOnlySpan<byte>)bytes);
    }

    /// <summary>Number of elements.</summary>
    public int Count { get; }

    /// <summary>Address of the first element.</summary>
    public ulong Address => _memory.Address + (ulong)s_guardBytes;

    /// <summary>Writes all elements.</summary>
    public void Upload(ReadOnlySpan<T> values)
    {
        Assert.That(values.Length, Is.EqualTo(Count), "length of the values to upload");
        _device.Upload(new DevicePointer<T>(Address), values);
    }

    /// <summary>Waits, reads all elements and verifies the guards.</summary>
    public T[] Download()
    {
        var bytes = new byte[_memory.Bytes];
        _device.Download(bytes.AsSpan(), _memory.Pointer<byte>());
        VerifyGuard(bytes, 0, s_guardBytes);
        VerifyGuard(bytes, s_guardBytes + (Count * _size), s_bare ? 0 : bytes.Length);
        return MemoryMarshal.Cast<byte, T>(bytes.AsSpan(s_guardBytes, Count * _size)).ToArray();
    }

    public void Dispose()
    {
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    private static void Fresh(Span<T> elements)
    {
        if (typeof(T) == typeof(float))
            MemoryMarshal.Cast<T, float>(elements).Fill(float.NaN);
        else if (typeof(T) == typeof(double))
            MemoryMarshal.Cast<T, double>(elements).Fill(double.NaN);
        else
            MemoryMarshal.AsBytes(elements).Fill(0x7B);
    }

    private void VerifyGuard(ReadOnlySpan<byte> bytes, int begin, int end)
    {
        for (var i = begin; i < end; i++)
        {
            if (bytes[i] != s_sentinel[i % 4])
                Assert.Fail(
                    $"A kernel wrote outside a buffer of {Count} elements of {_size} bytes: byte {i - s_guardBytes} of the buffer "
                        + $"was changed."
                );
        }
    }
}

/// <summary>A guarded device array of <c>real</c>, read and written as double whatever the precision.</summary>
public sealed class GuardedBuffer : IDisposable
{
    private readonly GuardedArray<float>? _single;
    private readonly GuardedArray<double>? _double;

    /// <summary>An array of <paramref name="count"/> NaN.</summary>
    public GuardedBuffer(TestDevice test, Precision precision, long count)
    {
        if (precision == Precision.Float32)
            _single = new GuardedArray<float>(test, count);
        else
            _double = new GuardedArray<double>(test, count);
    }

    /// <summary>An array with values.</summary>
    public GuardedBuffer(TestDevice test, Precision precision, double[] values)
        : this(test, precision, values.LongLength) => Set(values);

    /// <summary>The array as a kernel argument.</summary>
    public DevicePointer<Real> Pointer => new(_single?.Address ?? _double!.Address);

    /// <summary>Writes all elements, rounded to the precision.</summary>
    public void Set(double[] values)
    {
        if (_single is not null)
            _single.Upload(Array.ConvertAll(values, v => (float)v));
        else
            _double!.Upload(values);
    }

    /// <summary>Waits, reads all elements and verifies the guards.</summary>
    public double[] Get() => _single is not null ? Array.ConvertAll(_single.Download(), v => (double)v) : _double!.Download();

    public void Dispose()
    {
        _single?.Dispose();
        _double?.Dispose();
    }
}

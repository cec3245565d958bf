using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <summary>The buffers of one kernel test on one device in one precision; disposes of them together.</summary>
internal sealed class KernelScope(TestDevice test, Precision precision) : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    public static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    public ComputeDevice Device => test.Device;

    public Precision Precision => precision;

    public KernelSet Kernels => test.Device.Kernels(precision);

    /// <summary>For messages: device, block and precision.</summary>
    public string Name => $"{test.Name} {test.Device.PreferredBlock}/{test.Device.WorkGrain} {precision}";

    /// <summary>
    /// Grids that must all give the same bits: one block, two, a number that divides nothing, and many. The checked
    /// device runs every launch several times with every thread a fiber, so it gets two of them.
    /// </summary>
    public uint[] Grids => test.ChecksMemory ? [1, 3] : [1, 2, 7, 64];

    /// <summary>A guarded vector of <c>real</c> full of NaN.</summary>
    public GuardedBuffer Vector(int n) => Own(new GuardedBuffer(test, precision, n));

    /// <summary>A guarded vector of <c>real</c> with values, rounded to the precision.</summary>
    public GuardedBuffer Vector(double[] values) => Own(new GuardedBuffer(test, precision, values));

    /// <summary>A guarded array with values.</summary>
    public GuardedArray<T> Array<T>(params T[] values)
        where T : unmanaged
    {
        var array = Own(new GuardedArray<T>(test, values.Length));
        array.Upload(values);
        return array;
    }

    /// <summary>A guarded array of elements that nobody has written.</summary>
    public GuardedArray<T> Unwritten<T>(int n)
        where T : unmanaged => Own(new GuardedArray<T>(test, n));

    /// <summary>A launch with a grid of the test's choice and the block size under test.</summary>
    public LaunchShape Grid(uint blocks) => new(blocks, test.Device.Blocks(1).BlockX);

    /// <summary>One value from <paramref name="values"/> reductions that a stage-1 kernel left in partials.</summary>
    public double[] FinishSum(GuardedArray<double> partials, int count, int values)
    {
        var result = Unwritten<double>(values);
        Kernels.Vector.VectorFinishSum(Device.Blocks(values), result.Pointer(), partials.Pointer(), count, values);
        return result.Download();
    }

    public void Dispose()
    {
        foreach (var item in _owned)
            item.Dispose();
    }

    private T Own<T>(T item)
        where T : IDisposable
    {
        _owned.Add(item);
        return item;
    }
}

internal static class KernelTestExtensions
{
    /// <summary>The array as a kernel argument.</summary>
    public static DevicePointer<T> Pointer<T>(this GuardedArray<T> array)
        where T : unmanaged => new(array.Address);

    /// <summary>Unit roundoff: half the distance of 1 to the next number.</summary>
    public static double Unit(this Precision precision) => precision == Precision.Float32 ? Math.Pow(2, -24) : Math.Pow(2, -53);

    /// <summary>The values as a vector of this precision holds them.</summary>
    public static double[] Round(this Precision precision, double[] values) =>
        precision == Precision.Float32 ? Array.ConvertAll(values, v => (double)(float)v) : values;

    public static double Round(this Precision precision, double value) => precision == Precision.Float32 ? (float)value : value;

    /// <summary>a b + c with one rounding, to this precision. Arguments are numbers of this precision.</summary>
    public static double Fma(this Precision precision, double a, double b, double c) =>
        precision == Precision.Float32 ? MathF.FusedMultiplyAdd((float)a, (float)b, (float)c) : Math.FusedMultiplyAdd(a, b, c);
}

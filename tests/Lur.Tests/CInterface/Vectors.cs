using Lur.Device;
using Lur.Steps;
using Lur.Tests.Device;

namespace Lur.Tests.CInterface;

/// <summary>The vectors of a step in buffers of a test, one for each segment.</summary>
internal sealed class Vectors : IDisposable
{
    private static readonly string[] s_names = ["theta", "momentum", "g", "v", "h", "ahead", "minus"];
    private readonly Dictionary<string, DeviceMemory[]> _buffers = [];
    private readonly ComputeDevice _device;
    private readonly Precision _precision;
    private readonly DeviceMemory[] _mask;

    /// <summary>Vectors of random numbers near 1.</summary>
    public Vectors(ComputeDevice device, Precision precision, long[] counts, TestRandom random)
        : this(device, precision, counts)
    {
        foreach (var name in s_names)
            Set(name, random.UniformArray(counts.Sum(), -1, 1));
    }

    /// <summary>Vectors with the numbers of others, in segments of their own.</summary>
    public Vectors(ComputeDevice device, Precision precision, long[] counts, Vectors like)
        : this(device, precision, counts)
    {
        foreach (var name in s_names)
            Set(name, like[name]);
    }

    private Vectors(ComputeDevice device, Precision precision, long[] counts)
    {
        (_device, _precision, Counts) = (device, precision, counts);
        foreach (var name in s_names)
            _buffers.Add(name, [.. counts.Select(n => device.Allocate(n * precision.Size()))]);
        _mask = [.. counts.Select(n => device.Allocate(n))];
        var element = 0;
        foreach (var (memory, n) in _mask.Zip(counts))
            device.Upload(memory.Pointer<byte>(), Enumerable.Range(0, (int)n).Select(_ => (byte)(element++ % 3)).ToArray().AsSpan());
    }

    /// <summary>Elements of each segment.</summary>
    public long[] Counts { get; }

    /// <summary>The numbers of a vector.</summary>
    public double[] this[string name] => [.. _buffers[name].Zip(Counts).SelectMany(p => Read(p.First, (int)p.Second))];

    /// <summary>The addresses of a vector.</summary>
    public ulong[] At(string name) => [.. _buffers[name].Select(b => b.Address)];

    /// <summary>Replaces the numbers of a vector.</summary>
    public void Set(string name, IEnumerable<double> values)
    {
        var rest = values.ToArray().AsSpan();
        foreach (var (memory, n) in _buffers[name].Zip(Counts))
        {
            var part = rest[..(int)n].ToArray();
            rest = rest[(int)n..];
            if (_precision == Precision.Float64)
                _device.Upload(memory.Pointer<double>(), new ReadOnlySpan<double>(part));
            else
                _device.Upload(memory.Pointer<float>(), new ReadOnlySpan<float>(Array.ConvertAll(part, x => (float)x)));
        }
    }

    /// <summary>Makes one step whose retain loss is quadratic, with <paramref name="diagonal"/> for its Hessian; g and v stay.</summary>
    public void Step(VectorStep step, double[] diagonal, bool masked = false, bool withProduct = true)
    {
        step.LookAhead(At("theta"), At("g"), At("ahead"));
        ulong[] product = [];
        if (step.Product == VectorProduct.Given && withProduct)
        {
            Set("h", this["v"].Select((x, i) => diagonal[i] * x));
            product = At("h");
        }
        else if (step.Product == VectorProduct.FiniteDifference)
        {
            foreach (var (sign, target) in new[] { (1, "h"), (-1, "minus") })
            {
                step.Perturb(sign, At("theta"), At("v"), At("ahead"));
                Set(target, this["ahead"].Select((x, i) => diagonal[i] * x));
            }

            step.Difference(At("h"), At("minus"), At("h"));
            product = At("h");
        }

        step.Update(At("theta"), At("momentum"), At("g"), At("v"), product, masked ? [.. _mask.Select(m => m.Address)] : []);
    }

    public void Dispose()
    {
        foreach (var memory in _buffers.Values.SelectMany(b => b).Concat(_mask))
            memory.Dispose();
    }

    private double[] Read(DeviceMemory memory, int n)
    {
        if (_precision == Precision.Float64)
        {
            var wide = new double[n];
            _device.Download(wide.AsSpan(), memory.Pointer<double>());
            return wide;
        }

        var narrow = new float[n];
        _device.Download(narrow.AsSpan(), memory.Pointer<float>());
        return Array.ConvertAll(narrow, x => (double)x);
    }
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Lur.Tensors;

namespace Lur.Tests.Golden;

/// <summary>
/// A golden file, read by the 40 lines below and not by the product's reader, which is itself under test.
/// README.md in this folder documents every tensor.
/// </summary>
public sealed class Fixture
{
    private readonly byte[] _data;
    private readonly int _start;
    private readonly Dictionary<string, (string Type, int[] Shape, int Begin, int End)> _tensors = [];

    private Fixture(string path)
    {
        _data = File.ReadAllBytes(path);
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(_data);
        _start = 8 + length;
        using var header = JsonDocument.Parse(_data.AsMemory(8, length));
        foreach (var entry in header.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
            {
                Metadata = entry.Value.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!);
                continue;
            }
            var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32()).ToArray();
            var range = entry.Value.GetProperty("data_offsets");
            _tensors[entry.Name] = (entry.Value.GetProperty("dtype").GetString()!, shape, range[0].GetInt32(), range[1].GetInt32());
        }
    }

    /// <summary>Opens <c>Golden/NAME.safetensors</c> beside the test assembly.</summary>
    public static Fixture Open(string name) => new(Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", name + ".safetensors"));

    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    public IEnumerable<string> Names => _tensors.Keys;

    public int[] Shape(string name) => _tensors[name].Shape;

    /// <summary>An F64 tensor, row-major.</summary>
    public double[] Doubles(string name) => Read<double>(name, "F64");

    /// <summary>An F64 or F32 tensor, row-major.</summary>
    public double[] Numbers(string name) =>
        _tensors[name].Type == "F32" ? Array.ConvertAll(Read<float>(name, "F32"), x => (double)x) : Doubles(name);

    /// <summary>A U8 tensor, row-major.</summary>
    public byte[] Bytes(string name) => Read<byte>(name, "U8");

    /// <summary>An I64 tensor, row-major.</summary>
    public long[] Longs(string name) => Read<long>(name, "I64");

    /// <summary>Tensors PREFIX/NAME as a flat vector of a layout: filters, O, I, H, W in the file, as K, R, S, C.</summary>
    public double[] Vector(string prefix, ParameterLayout layout)
    {
        var vector = new double[layout.Count];
        foreach (var slot in layout.Slots)
        {
            var source = Doubles($"{prefix}/{slot.Name}");
            Assert.That(source, Has.Length.EqualTo(slot.Count), $"elements of {prefix}/{slot.Name}");
            if (slot.Kind != ParameterKind.Filter)
            {
                source.CopyTo(vector, slot.Offset);
                continue;
            }

            var (r, s, c) = (slot.Shape[1], slot.Shape[2], slot.Shape[3]);
            for (var i = 0; i < slot.Count; i++)
                vector[slot.Offset + i] = source[(((i / (r * s * c) * c) + (i % c)) * r * s) + (i / c % (r * s))];
        }

        return vector;
    }

    private T[] Read<T>(string name, string type)
        where T : unmanaged
    {
        if (!_tensors.TryGetValue(name, out var t))
            throw new KeyNotFoundException($"The fixture has no tensor {name}.");
        Assert.That(t.Type, Is.EqualTo(type), $"element type of {name}");
        return MemoryMarshal.Cast<byte, T>(_data.AsSpan(_start + t.Begin, t.End - t.Begin)).ToArray();
    }
}

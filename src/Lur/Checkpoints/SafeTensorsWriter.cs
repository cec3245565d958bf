using System.Runtime.InteropServices;

namespace Lur.Checkpoints;

/// <summary>
/// Collects tensors and writes them as one safetensors file, atomically. Tensors with larger elements come first (the
/// order of the format's own writer, so that every tensor is aligned to its element), otherwise in the order of adding.
/// </summary>
public sealed class SafeTensorsWriter
{
    private readonly List<(string Name, TensorType Type, long[] Shape, long Bytes, Action<Stream> Write)> _tensors = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Entries of <c>__metadata__</c>, written in the order of adding; left out of the file when empty.</summary>
    public IDictionary<string, string> Metadata => _metadata;

    // An OrderedDictionary and not a Dictionary: the bytes of a file must not depend on a hash seed.
    private readonly OrderedDictionary<string, string> _metadata = new(StringComparer.Ordinal);

    /// <summary>Adds a tensor from its bytes, which must stay unchanged until <see cref="Save"/> has returned.</summary>
    /// <param name="name">A name not used yet; not <c>__metadata__</c>.</param>
    /// <param name="type">Element type.</param>
    /// <param name="shape">Extents, slowest first; empty for a scalar.</param>
    /// <param name="bytes">Elements in row-major order, little-endian.</param>
    /// <exception cref="ArgumentException">The name is taken, or the bytes do not fit the shape.</exception>
    public void Add(string name, TensorType type, ReadOnlySpan<long> shape, ReadOnlyMemory<byte> bytes)
    {
        var expected = SizeOf(type, shape);
        if (bytes.Length != expected)
            throw new ArgumentException(
                $"Tensor '{name}' has {bytes.Length} bytes, expected {expected} for {type.Name()} {TensorInfo.TextOf(shape.ToArray())}."
            );
        Add(name, type, shape, stream => stream.Write(bytes.Span));
    }

    /// <summary>Adds a tensor of any size that is written when the file is, in as many parts as suit it.</summary>
    /// <param name="name">A name not used yet; not <c>__metadata__</c>.</param>
    /// <param name="type">Element type.</param>
    /// <param name="shape">Extents, slowest first; empty for a scalar.</param>
    /// <param name="write">Writes the elements in row-major order, little-endian; called by <see cref="Save"/>.</param>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public void Add(string name, TensorType type, ReadOnlySpan<long> shape, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name == "__metadata__" || !_names.Add(name))
            throw new ArgumentException($"The tensor name '{name}' is taken.");
        _tensors.Add((name, type, shape.ToArray(), SizeOf(type, shape), write));
    }

    /// <summary>Adds a tensor with a copy of an array's values.</summary>
    /// <inheritdoc cref="Add(string, TensorType, ReadOnlySpan{long}, ReadOnlyMemory{byte})"/>
    public void Add<T>(string name, ReadOnlySpan<long> shape, ReadOnlySpan<T> values)
        where T : unmanaged => Add(name, TensorTypes.Of<T>(), shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>Writes the file.</summary>
    /// <param name="path">Its path; the previous file stays until the new one is complete.</param>
    /// <exception cref="UserErrorException">It cannot be written.</exception>
    /// <exception cref="InvalidOperationException">A tensor was written with another number of bytes than its shape has.</exception>
    public void Save(string path)
    {
        var ordered = _tensors.OrderByDescending(t => t.Type.Size()).ToList();
        var infos = new List<TensorInfo>(ordered.Count);
        long offset = 0;
        foreach (var (name, type, shape, bytes, _) in ordered)
        {
            infos.Add(new TensorInfo(name, type, shape, offset, offset + bytes));
            offset += bytes;
        }
        var header = SafeTensorsHeader.Build(infos, _metadata);
        AtomicFile.Write(
            path,
            stream =>
            {
                stream.Write(header);
                foreach (var t in ordered)
                {
                    var counted = new CountingStream(stream);
                    t.Write(counted);
                    if (counted.Written != t.Bytes)
                        throw new InvalidOperationException(
                            $"Tensor '{t.Name}' was written with {counted.Written} bytes, expected {t.Bytes}."
                        );
                }
            }
        );
    }

    private static long SizeOf(TensorType type, ReadOnlySpan<long> shape)
    {
        long bytes = type.Size();
        foreach (var extent in shape)
            bytes = checked(bytes * extent);
        return bytes;
    }
}

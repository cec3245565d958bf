using System.Numerics;
using System.Runtime.InteropServices;

namespace Lur.Checkpoints;

/// <summary>
/// A safetensors file, memory-mapped and validated. Source of the format: github.com/huggingface/safetensors, "Format".
/// Reads are thread-safe; nothing of a tensor is resident before it is read.
/// </summary>
public sealed class SafeTensorsFile : IDisposable
{
    private readonly MappedFile _file;
    private readonly SafeTensorsHeader _header;
    private readonly Dictionary<string, TensorInfo> _byName;

    private SafeTensorsFile(MappedFile file, Func<string, string?>? rename)
    {
        _file = file;
        _header = SafeTensorsHeader.Parse(file);
        Tensors = rename is null
            ? _header.Tensors
            :
            [
                .. _header
                    .Tensors.Select(t => (t, Name: rename(t.Name)))
                    .Where(p => p.Name is not null)
                    .Select(p => p.t with { Name = p.Name! }),
            ];
        if (Tensors.CountBy(t => t.Name, StringComparer.Ordinal).FirstOrDefault(n => n.Value > 1).Key is { } twice)
            throw new UserErrorException($"'{Path}' has two tensors for '{twice}'; it is damaged, or two models in one file.");
        _byName = Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
    }

    /// <summary>The path it was opened with.</summary>
    public string Path => _file.Path;

    /// <summary>Tensors in the order of the header.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Entries of <c>__metadata__</c>; empty when the file has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>The header's JSON as it lies in the file, with its padding.</summary>
    public string HeaderText =>
        System.Text.Encoding.UTF8.GetString(
            _file.Slice(SafeTensorsHeader.LengthBytes, (int)_header.DataOffset - SafeTensorsHeader.LengthBytes)
        );

    /// <summary>Writes a file with a given header: the names, types, offsets and padding of another file, with new values.</summary>
    /// <param name="path">The new file.</param>
    /// <param name="headerText">What <see cref="HeaderText"/> gave.</param>
    /// <param name="write">Writes the bytes of each tensor.</param>
    /// <exception cref="UserErrorException">The file cannot be written, or a tensor has another size.</exception>
    public static void WriteWithHeader(string path, string headerText, Action<TensorInfo, Stream> write)
    {
        var json = System.Text.Encoding.UTF8.GetBytes(headerText);
        var length = new byte[SafeTensorsHeader.LengthBytes];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        var tensors = SafeTensorsHeader.ParseText(path, json);
        AtomicFile.Write(
            path,
            stream =>
            {
                stream.Write(length);
                stream.Write(json);
                foreach (var t in tensors.OrderBy(t => t.Begin).ThenBy(t => t.End))
                {
                    var counted = new CountingStream(stream);
                    write(t, counted);
                    if (counted.Written != t.End - t.Begin)
                        throw new UserErrorException(
                            $"'{path}': tensor '{t.Name}' has {counted.Written} bytes, but the header gives it {t.End - t.Begin}."
                        );
                }
            }
        );
    }

    /// <summary>Opens and validates a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="UserErrorException">It is missing, or breaks the format; the sentence names the offset.</exception>
    public static SafeTensorsFile Open(string path) => Open(path, null);

    /// <summary>Opens a file whose tensors have other names elsewhere.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rename">The name of a tensor; null for one that is left out. Such a file is read and not rewritten.</param>
    internal static SafeTensorsFile Open(string path, Func<string, string?>? rename)
    {
        var file = MappedFile.Open(path, "checkpoint");
        try
        {
            return new SafeTensorsFile(file, rename);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>True if the file has a tensor of this name.</summary>
    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>What the header says of a tensor.</summary>
    /// <exception cref="UserErrorException">There is no such tensor.</exception>
    public TensorInfo this[string name] =>
        _byName.TryGetValue(name, out var info)
            ? info
            : throw new UserErrorException(
                $"'{Path}' has no tensor '{name}'; it holds {Tensors.Count} tensors"
                    + (Tensors.Count > 0 ? $", the first is '{Tensors[0].Name}'." : ".")
            );

    /// <summary>The bytes of a tensor as they lie in the file, without a copy; valid until the file is disposed.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="UserErrorException">There is no such tensor, or it is larger than a span can show (2 GiB).</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var t = this[name];
        return t.End - t.Begin <= int.MaxValue
            ? Bytes(t, 0, (int)(t.End - t.Begin))
            : throw new UserErrorException(
                $"'{Path}': tensor '{name}' has {t.End - t.Begin} bytes, more than one span can show; read it in parts."
            );
    }

    /// <summary>A part of the bytes of a tensor.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="offset">First byte, counted from the start of the tensor.</param>
    /// <param name="count">How many bytes.</param>
    public ReadOnlySpan<byte> Bytes(TensorInfo tensor, long offset, int count)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + count, tensor.End - tensor.Begin);
        return _file.Slice(_header.DataOffset + tensor.Begin + offset, count);
    }

    /// <summary>Reads a tensor of any floating type (F64, F32, F16, BF16).</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="name">Its name.</param>
    /// <param name="destination">As many elements as the tensor has, in the file's (NCHW, OIHW) order.</param>
    /// <exception cref="UserErrorException">No such tensor, or not of a floating type.</exception>
    public void Read<T>(string name, Span<T> destination)
        where T : unmanaged, IFloatingPointIeee754<T> => Read(Require(name, destination.Length), 0, destination);

    /// <summary>Reads some elements of a tensor of any floating type (F64, F32, F16, BF16).</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="first">Position of the first element, counted from 0.</param>
    /// <param name="destination">Receives as many elements as it holds.</param>
    /// <exception cref="UserErrorException">The tensor is not of a floating type.</exception>
    public void Read<T>(TensorInfo tensor, long first, Span<T> destination)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!tensor.Type.IsFloating())
            throw new UserErrorException(
                $"'{Path}': tensor '{tensor.Name}' is {tensor.Type.Name()}, expected a floating type (F64, F32, F16 or BF16)."
            );
        var size = tensor.Type.Size();
        for (var done = 0; done < destination.Length; )
        {
            var part = destination[done..Math.Min(destination.Length, done + (CopyBytes / size))];
            FloatCodec.Decode(tensor.Type, Bytes(tensor, (first + done) * size, part.Length * size), part);
            done += part.Length;
        }
    }

    /// <summary>Reads a tensor whose element type is exactly that of <typeparamref name="T"/>; no conversion.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="UserErrorException">No such tensor, or another element type.</exception>
    public T[] ReadArray<T>(string name)
        where T : unmanaged
    {
        var t = this[name];
        if (t.Type != TensorTypes.Of<T>())
            throw new UserErrorException($"'{Path}': tensor '{name}' is {t.Type.Name()}, expected {TensorTypes.Of<T>().Name()}.");
        var values = new T[t.Count];
        var step = CopyBytes / t.Type.Size();
        for (var first = 0; first < values.Length; first += step)
        {
            var part = MemoryMarshal.AsBytes(values.AsSpan(first, Math.Min(step, values.Length - first)));
            Bytes(t, (long)first * t.Type.Size(), part.Length).CopyTo(part);
        }
        return values;
    }

    /// <summary>
    /// Writes a file with the same header bytes, tensors that <paramref name="replacements"/> names replaced and all
    /// others copied: with no replacement, or equal ones, the new file is byte-identical to this one.
    /// </summary>
    /// <param name="path">The new file; may be the path of this one.</param>
    /// <param name="replacements">Bytes by tensor name, each as long as the tensor it replaces.</param>
    /// <exception cref="UserErrorException">A replacement names no tensor of this file, or the file cannot be written.</exception>
    /// <exception cref="ArgumentException">A replacement has another length than its tensor.</exception>
    public void Rewrite(string path, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> replacements)
    {
        ArgumentNullException.ThrowIfNull(replacements);
        foreach ((var name, var bytes) in replacements)
            if (this[name].End - this[name].Begin != bytes.Length)
                throw new ArgumentException(
                    $"The replacement of '{name}' has {bytes.Length} bytes, its tensor {this[name].End - this[name].Begin}."
                );
        AtomicFile.Write(
            path,
            stream =>
            {
                stream.Write(_file.Slice(0, (int)_header.DataOffset));
                foreach (var t in Tensors.OrderBy(t => t.Begin).ThenBy(t => t.End))
                {
                    if (replacements.TryGetValue(t.Name, out var bytes))
                        stream.Write(bytes.Span);
                    else
                        CopyTo(stream, t);
                }
            }
        );
    }

    /// <summary>SHA-256 of the whole file, in lower-case hexadecimal: the "parent hash" of what is derived from it.</summary>
    public string Sha256()
    {
        using var hash = new ContentHash();
        for (long offset = 0; offset < _file.Length; offset += CopyBytes)
            hash.Append(_file.Slice(offset, (int)Math.Min(CopyBytes, _file.Length - offset)));
        return hash.Text();
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private const int CopyBytes = 1 << 20;

    /// <summary>Copies the bytes of a tensor.</summary>
    internal void CopyTo(Stream stream, string name) => CopyTo(stream, this[name]);

    private void CopyTo(Stream stream, TensorInfo t)
    {
        for (long offset = 0, size = t.End - t.Begin; offset < size; offset += CopyBytes)
            stream.Write(Bytes(t, offset, (int)Math.Min(CopyBytes, size - offset)));
    }

    private TensorInfo Require(string name, int count)
    {
        var t = this[name];
        return t.Count == count
            ? t
            : throw new UserErrorException($"'{Path}': tensor '{name}' has shape {t.ShapeText}, {t.Count} elements, expected {count}.");
    }
}

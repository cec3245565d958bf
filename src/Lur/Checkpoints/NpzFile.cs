using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Lur.Checkpoints;

/// <summary>An array of a .npz file.</summary>
/// <param name="Name">Its name, such as <c>mu</c>.</param>
/// <param name="Shape">Extents; none for a single number.</param>
/// <param name="Values">Elements, row-major, whatever order and width the file has.</param>
public sealed record NpzArray(string Name, long[] Shape, double[] Values);

/// <summary>
/// A .npz file: a zip of NumPy arrays, as numpy.savez and numpy.savez_compressed write it; reference statistics of images are
/// published as arrays mu and sigma. Arrays are read when they are asked for; those of other types may be there and stay unread.
/// </summary>
public sealed class NpzFile : IDisposable
{
    private const string Kind = "file of statistics",
        Suffix = ".npy";

    /// <summary>The best that deflate does (RFC 1951: 258 bytes in two bits): more is claimed only by damage.</summary>
    private const long MaxRatio = 1032;

    private const int PartBytes = 1 << 16;

    // In every file that is written: the first moment that zip knows, so that the same arrays make the same bytes.
    private static readonly DateTimeOffset s_time = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly FileStream _stream;
    private readonly ZipArchive _archive;
    private readonly Dictionary<string, ZipArchiveEntry> _entries = new(StringComparer.Ordinal);

    private NpzFile(string path, FileStream stream)
    {
        (Path, _stream) = (path, stream);
        _archive = new ZipArchive(stream, ZipArchiveMode.Read);
        foreach (var entry in _archive.Entries.Where(e => e.FullName.EndsWith(Suffix, StringComparison.Ordinal)))
        {
            var name = entry.FullName[..^Suffix.Length];
            // What names it would break the sentence in two.
            if (name.Any(char.IsControl))
                throw new InvalidDataException("A name holds characters that are none.");
            if (!_entries.TryAdd(name, entry))
                throw new UserErrorException($"'{path}' has the array '{name}' twice; save it again.");
        }
    }

    /// <summary>The path it was opened with.</summary>
    public string Path { get; }

    /// <summary>Names of the arrays.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>Opens a file and reads its directory.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="UserErrorException">It is missing, may not be read, is no zip, or is cut.</exception>
    public static NpzFile Open(string path)
    {
        var stream = MappedFile.OpenRead(path, Kind, zip: true);
        try
        {
            return new NpzFile(path, stream);
        }
        catch (Exception e)
        {
            stream.Dispose();
            if (IsDefect(e))
                throw new UserErrorException(
                    $"The {Kind} '{path}' is no whole .npz file (a zip of NumPy arrays): it is cut or damaged; fetch or write it again.",
                    e
                );
            throw;
        }
    }

    /// <summary>Reads an array of float64 or float32.</summary>
    /// <param name="name">Its name, without .npy.</param>
    /// <exception cref="UserErrorException">It is absent, of another type, big-endian, of Python objects, larger than 2 GiB, cut, or
    /// damaged.</exception>
    public NpzArray Read(string name)
    {
        if (!_entries.TryGetValue(name, out var entry))
            throw new UserErrorException(
                $"'{Path}' has no array '{name}'; it holds {(Names.Count == 0 ? "none" : string.Join(", ", Names.Take(8)))}."
            );
        try
        {
            return Read(entry, name);
        }
        catch (Exception e) when (IsDefect(e))
        {
            throw new UserErrorException($"'{Path}': the array '{name}' is cut or damaged; fetch or write the file again.", e);
        }
    }

    /// <summary>Writes arrays as numpy.savez does, float64; atomically.</summary>
    /// <param name="path">The file.</param>
    /// <param name="arrays">Arrays with different names.</param>
    /// <param name="compress">True to deflate them, as numpy.savez_compressed does.</param>
    /// <exception cref="ArgumentException">Values do not fill a shape, or a name occurs twice.</exception>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<NpzArray> arrays, bool compress = false)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        foreach (var array in arrays)
            if (array.Shape.Aggregate((UInt128)1, (n, extent) => n * checked((ulong)extent)) != (UInt128)array.Values.Length)
                throw new ArgumentException(
                    $"'{array.Name}' has {array.Values.Length} values and the shape {TensorInfo.TextOf(array.Shape)}.",
                    nameof(arrays)
                );
        if (arrays.DistinctBy(a => a.Name).Count() != arrays.Count)
            throw new ArgumentException("A name occurs twice.", nameof(arrays));
        // Through memory: on a stream that cannot seek, sizes would stand behind the data, where some readers do not look.
        using var buffer = new MemoryStream();
        using (var archive = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var array in arrays)
            {
                var entry = archive.CreateEntry(array.Name + Suffix, compress ? CompressionLevel.Optimal : CompressionLevel.NoCompression);
                entry.LastWriteTime = s_time;
                using var stream = entry.Open();
                stream.Write(NpyHeader.Write(TensorType.F64, array.Shape));
                stream.Write(MemoryMarshal.AsBytes(array.Values.AsSpan()));
            }
        }

        AtomicFile.Write(path, stream => buffer.WriteTo(stream));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _archive.Dispose();
        _stream.Dispose();
    }

    private NpzArray Read(ZipArchiveEntry entry, string name)
    {
        var where = $"'{Path}': the array '{name}'";
        if (entry.CompressedLength > _stream.Length || entry.Length > (entry.CompressedLength + 1) * MaxRatio)
            throw new InvalidDataException("Sizes of the entry do not fit the file.");
        using var stream = new CheckedStream(entry.Open());
        var header = NpyHeader.Read(stream, where);
        var bytes = (long)header.Count * header.Type.Size();
        if (entry.Length - stream.Count != bytes)
            throw new UserErrorException(
                $"{where} has {entry.Length - stream.Count} bytes of elements, expected {bytes} for {header.Type.Name()} "
                    + $"{TensorInfo.TextOf(header.Shape)}; the file is damaged: fetch or write it again."
            );
        var values = new double[header.Count];
        if (header.Type == TensorType.F64)
            stream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        else
            ReadSingles(stream, values);
        if (stream.ReadByte() >= 0 || stream.Crc != entry.Crc32)
            throw new InvalidDataException("The checksum differs.");
        return new NpzArray(name, header.Shape, header.ColumnMajor ? RowMajor(values, header.Shape) : values);
    }

    private static void ReadSingles(Stream stream, double[] values)
    {
        var part = new float[PartBytes / sizeof(float)];
        for (var start = 0; start < values.Length; start += part.Length)
        {
            var some = part.AsSpan(0, Math.Min(part.Length, values.Length - start));
            stream.ReadExactly(MemoryMarshal.AsBytes(some));
            for (var i = 0; i < some.Length; i++)
                values[start + i] = some[i];
        }
    }

    // From the first index fastest to the last index fastest.
    private static double[] RowMajor(double[] values, long[] shape)
    {
        var result = new double[values.Length];
        var index = new long[shape.Length];
        for (var i = 0; i < values.Length; i++)
        {
            long at = 0;
            for (var axis = 0; axis < shape.Length; axis++)
                at = (at * shape[axis]) + index[axis];
            result[at] = values[i];
            for (var axis = 0; axis < shape.Length && ++index[axis] == shape[axis]; axis++)
                index[axis] = 0;
        }

        return result;
    }

    // What System.IO.Compression says of damage: encrypted entries and unknown methods among it.
    private static bool IsDefect(Exception e) =>
        e is InvalidDataException or IOException or NotSupportedException or ArgumentException or OverflowException;

    /// <summary>Counts and sums what is read: ZipArchive does not compare the checksum of an entry.</summary>
    private sealed class CheckedStream(Stream source) : Stream
    {
        private uint _crc = ~0u;

        public long Count { get; private set; }

        public uint Crc => ~_crc;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => Count;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var n = source.Read(buffer);
            _crc = Crc32.Update(_crc, buffer[..n]);
            Count += n;
            return n;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            source.Dispose();
            base.Dispose(disposing);
        }
    }
}

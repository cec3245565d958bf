namespace Lur.Data;

/// <summary>
/// Fixed-size records in an unnamed temporary file, written once each. Reads and writes are positioned calls and not a
/// map: on a full disk a call fails, and the cache switches itself off, where a map would end the process.
/// </summary>
internal sealed class SampleCache : IDisposable
{
    private readonly FileStream? _file;
    private readonly byte[] _known;
    private readonly int _recordBytes;
    private volatile bool _off;

    public SampleCache(int count, int recordBytes, long maxBytes)
    {
        _known = new byte[count];
        _recordBytes = recordBytes;
        _off = (long)count * recordBytes > maxBytes;
        if (_off)
            return;
        try
        {
            _file = TemporaryFile.Create(1);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _off = true;
        }
    }

    public bool TryRead(int index, Span<byte> record) =>
        Volatile.Read(ref _known[index]) != 0
        && RandomAccess.Read(_file!.SafeFileHandle, record, (long)index * _recordBytes) == _recordBytes;

    // Two threads that miss the same record write the same bytes: no lock needed.
    public void Write(int index, ReadOnlySpan<byte> record)
    {
        if (_off)
            return;
        try
        {
            RandomAccess.Write(_file!.SafeFileHandle, record, (long)index * _recordBytes);
            Volatile.Write(ref _known[index], 1);
        }
        catch (IOException)
        {
            _off = true;
        }
    }

    public void Dispose() => _file?.Dispose();
}

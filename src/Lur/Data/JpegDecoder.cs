using System.Buffers.Binary;

namespace Lur.Data;

/// <summary>
/// Decodes baseline, extended and progressive JPEG images with Huffman coding (ITU T.81) to the end marker: bits that run out, codes
/// that are none, missing restart markers and missing scans are errors and never a grey rest of a picture. Thumbnails lie in segments
/// that are skipped, and what follows the end marker is not looked at.
/// </summary>
internal sealed class JpegDecoder
{
    // Real files have about ten; each goes over the whole image.
    private const int MaxScans = 200;

    // 16 bits each: 256 MiB.
    private const long MaxCoefficients = 1L << 27;

    private readonly string _path;
    private readonly byte[] _data;
    private readonly JpegHeader _header;
    private readonly JpegPlane[] _planes;
    private readonly ushort[]?[] _tables = new ushort[4][];
    private readonly JpegHuffman?[] _dc = new JpegHuffman[4],
        _ac = new JpegHuffman[4];
    private int _restartEvery,
        _scans;

    /// <summary>Prepares a file.</summary>
    /// <param name="path">The file, for sentences.</param>
    /// <param name="data">Its bytes.</param>
    /// <param name="header">Its frame header.</param>
    /// <param name="reduction">Pixels a side that become one, as their mean: 1, 2, 4 or 8.</param>
    public JpegDecoder(string path, byte[] data, JpegHeader header, int reduction)
    {
        (_path, _data, _header) = (path, data, header);
        if (header.Progressive && header.Blocks * 64 > MaxCoefficients)
            throw new UserErrorException(
                $"'{path}': the progressive JPEG image is {header.Width} x {header.Height}, expected at most {MaxCoefficients} "
                    + "coefficients; save it as baseline JPEG or smaller."
            );
        _planes = [.. header.Components.Select(c => new JpegPlane(header, c, reduction))];
    }

    /// <summary>Decodes all scans.</summary>
    /// <exception cref="UserErrorException">The file is cut or damaged.</exception>
    public IReadOnlyList<JpegPlane> Decode()
    {
        var offset = 2;
        while (true)
        {
            offset = NextMarker(offset);
            var marker = _data[offset + 1];
            if (marker == 0xD9)
                break;
            var length = offset + 4 <= _data.Length ? BinaryPrimitives.ReadUInt16BigEndian(_data.AsSpan(offset + 2)) : 0;
            if (length < 2 || offset + 2 + length > _data.Length)
                throw Bad(offset, "a segment goes past the end of the file; it is cut or damaged");
            var body = _data.AsSpan(offset + 4, length - 2);
            var next = offset + 2 + length;
            switch (marker)
            {
                case 0xDB:
                    ReadTables(body, offset);
                    break;
                case 0xC4:
                    ReadHuffman(body, offset);
                    break;
                case 0xDD when body.Length >= 2:
                    _restartEvery = BinaryPrimitives.ReadUInt16BigEndian(body);
                    break;
                case 0xDA:
                    next = ReadScan(body, offset, next);
                    break;
            }
            offset = next;
        }
        Finish(offset);
        return _planes;
    }

    // Behind a scan bytes that belong to nothing are passed over, as other readers do.
    private int NextMarker(int offset)
    {
        while (offset + 1 < _data.Length && (_data[offset] != 0xFF || _data[offset + 1] is 0 or 0xFF or (>= 0xD0 and <= 0xD7)))
        {
            if (_scans == 0 && _data[offset] != 0xFF)
                throw Bad(offset, "expected a marker; the file is damaged");
            offset++;
        }
        return offset + 1 < _data.Length ? offset : throw Bad(_data.Length, "expected the end marker of a JPEG image; the file is cut");
    }

    private void ReadTables(ReadOnlySpan<byte> body, int offset)
    {
        while (body.Length > 0)
        {
            int wide = body[0] >> 4,
                number = body[0] & 15,
                bytes = 64 * (wide + 1);
            if (wide > 1 || number > 3 || body.Length < 1 + bytes)
                throw Bad(offset, "the quantisation table is damaged");
            var table = new ushort[64];
            for (var i = 0; i < 64; i++)
                table[JpegScan.ZigZag[i]] = wide == 1 ? BinaryPrimitives.ReadUInt16BigEndian(body[(1 + 2 * i)..]) : body[1 + i];
            _tables[number] = table;
            body = body[(1 + bytes)..];
        }
    }

    private void ReadHuffman(ReadOnlySpan<byte> body, int offset)
    {
        while (body.Length > 0)
        {
            int kind = body[0] >> 4,
                number = body[0] & 15,
                count = 0;
            for (var i = 1; i <= 16 && i < body.Length; i++)
                count += body[i];
            if (kind > 1 || number > 3 || count > 256 || body.Length < 17 + count)
                throw Bad(offset, "the Huffman table is damaged");
            (kind == 0 ? _dc : _ac)[number] =
                JpegHuffman.Of(body.Slice(1, 16), body.Slice(17, count)) ?? throw Bad(offset, "the Huffman table is damaged");
            body = body[(17 + count)..];
        }
    }

    private int ReadScan(ReadOnlySpan<byte> body, int offset, int start)
    {
        if (++_scans > MaxScans)
            throw Bad(offset, $"more than {MaxScans} scans; the file is damaged");
        if (body.Length < 4 || body[0] is < 1 or > 4 || body.Length != 4 + 2 * body[0])
            throw Bad(offset, "the header of a scan is damaged");
        var planes = new List<JpegPlane>();
        for (var i = 0; i < body[0]; i++)
        {
            int id = body[1 + 2 * i],
                tables = body[2 + 2 * i];
            var plane = Array.Find(_planes, p => p.Component.Id == id && !planes.Contains(p));
            if (plane is null || (tables & 15) > 3 || tables >> 4 > 3)
                throw Bad(offset, $"the scan names component {id}, which the image does not have; the file is damaged");
            (plane.Dc, plane.Ac, plane.Previous) = (_dc[tables >> 4], _ac[tables & 15], 0);
            plane.Table ??= _tables[plane.Component.Table] ?? throw Bad(offset, "a quantisation table is missing; the file is damaged");
            planes.Add(plane);
        }
        var numbers = body[(1 + 2 * body[0])..];
        var scan = new JpegScan(_path, new JpegBits(_data), planes, _header.Progressive)
        {
            First = _header.Progressive ? numbers[0] : 0,
            Last = _header.Progressive ? numbers[1] : 63,
            Refines = numbers[2] >> 4 != 0,
            Shift = numbers[2] & 15,
            RestartEvery = _restartEvery,
        };
        if (_header.Progressive)
            CheckProgression(scan, planes, offset);
        else
            planes.ForEach(p => p.IsComplete = true);
        return scan.Run(
            start,
            _data,
            (_header.Width + 8 * _header.MostAcross - 1) / (8 * _header.MostAcross),
            (_header.Height + 8 * _header.MostDown - 1) / (8 * _header.MostDown)
        );
    }

    private void CheckProgression(JpegScan scan, List<JpegPlane> planes, int offset)
    {
        var means = scan.First == 0;
        if (scan.First > scan.Last || scan.Last > 63 || scan.Shift > 13 || (means && scan.Last > 0) || (!means && planes.Count > 1))
            throw Bad(offset, "the header of a scan is damaged");
        if (means && scan.Shift == 0)
            planes.ForEach(p => p.IsComplete = true);
    }

    private void Finish(int offset)
    {
        if (Array.Exists(_planes, p => !p.IsComplete))
            throw Bad(offset, "the image ends before all of its scans; the file is cut or damaged");
        if (!_header.Progressive)
            return;
        var work = new int[64];
        foreach (var plane in _planes)
            for (var y = 0; y < plane.BlocksDown; y++)
            for (var x = 0; x < plane.BlocksAcross; x++)
                plane.Put(x, y, plane.Block(x, y), work);
    }

    private UserErrorException Bad(int offset, string what) => new($"'{_path}', offset {offset}: {what}.");
}

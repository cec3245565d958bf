namespace Lur.Data;

/// <summary>A Huffman table of a JPEG image (ITU T.81, annex C), looked up by nine bits and searched beyond.</summary>
internal sealed class JpegHuffman
{
    private const int FastBits = 9;

    private readonly byte[] _values;
    private readonly short[] _fast = new short[1 << FastBits];
    private readonly int[] _limit = new int[18],
        _offset = new int[17];

    /// <summary>Makes the table.</summary>
    /// <param name="counts">Codes of each length from 1 to 16.</param>
    /// <param name="values">Their values.</param>
    /// <returns>Null where the codes do not fit their lengths.</returns>
    public static JpegHuffman? Of(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> values)
    {
        var table = new JpegHuffman(values);
        return table.Fill(counts) ? table : null;
    }

    private JpegHuffman(ReadOnlySpan<byte> values) => _values = values.ToArray();

    private bool Fill(ReadOnlySpan<byte> counts)
    {
        int code = 0,
            next = 0;
        Array.Fill(_fast, (short)-1);
        for (var length = 1; length <= 16; length++)
        {
            _offset[length] = next - code;
            for (var i = 0; i < counts[length - 1]; i++, code++, next++)
            {
                if (code >= 1 << length)
                    return false;
                if (length > FastBits)
                    continue;
                // Value and length in one: every pattern that begins with the code.
                var first = code << (FastBits - length);
                _fast.AsSpan(first, 1 << (FastBits - length)).Fill((short)((length << 8) | _values[next]));
            }
            _limit[length] = code << (16 - length);
            code <<= 1;
        }
        _limit[17] = int.MaxValue;
        return true;
    }

    /// <summary>Decodes the value at the front of the bits; -1 where they are no code.</summary>
    public int Decode(JpegBits bits)
    {
        var ahead = bits.Peek16();
        int fast = _fast[ahead >> (16 - FastBits)];
        if (fast >= 0)
        {
            bits.Skip(fast >> 8);
            return fast & 255;
        }
        var length = FastBits + 1;
        while (ahead >= _limit[length])
            length++;
        if (length > 16)
            return -1;
        bits.Skip(length);
        var index = (ahead >> (16 - length)) + _offset[length];
        return index < _values.Length ? _values[index] : -1;
    }
}

/// <summary>The entropy-coded bits of a scan. Behind its end come zeros, and <see cref="IsOverrun"/> tells that one was used.</summary>
internal sealed class JpegBits(byte[] data)
{
    private ulong _bits;
    private int _count,
        _padding;

    /// <summary>Offset of the next byte that is not among the bits.</summary>
    public int Offset { get; private set; }

    /// <summary>True once more bits were used than there were.</summary>
    public bool IsOverrun => _count < _padding;

    /// <summary>Starts at an offset.</summary>
    public void Start(int offset) => (Offset, _bits, _count, _padding) = (offset, 0, 0, 0);

    /// <summary>The next sixteen bits, which stay.</summary>
    public int Peek16()
    {
        if (_count < 16)
            Refill();
        return (int)(_bits >> (_count - 16)) & 0xFFFF;
    }

    /// <summary>Leaves out bits that were seen.</summary>
    public void Skip(int count) => _count -= count;

    /// <summary>The next bits as a number.</summary>
    /// <param name="count">0 to 16.</param>
    public int Take(int count)
    {
        if (count == 0)
            return 0;
        var value = Peek16() >> (16 - count);
        _count -= count;
        return value;
    }

    /// <summary>A signed number of some bits (ITU T.81, F.2.2.1, EXTEND).</summary>
    public int TakeSigned(int count)
    {
        var value = Take(count);
        return count == 0 || value >= 1 << (count - 1) ? value : value - (1 << count) + 1;
    }

    private void Refill()
    {
        while (_count <= 48)
        {
            var next = 0;
            if (Offset < data.Length && (data[Offset] != 0xFF || (Offset + 1 < data.Length && data[Offset + 1] == 0)))
            {
                next = data[Offset];
                Offset += next == 0xFF ? 2 : 1;
            }
            else
                _padding += 8; // A marker or the end of the file.
            _bits = (_bits << 8) | (uint)next;
            _count += 8;
        }
    }
}

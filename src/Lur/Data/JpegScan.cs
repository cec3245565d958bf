namespace Lur.Data;

/// <summary>One scan of a JPEG image (ITU T.81, annexes F and G): its header's numbers, and the decoding of its blocks.</summary>
internal sealed class JpegScan(string path, JpegBits bits, IReadOnlyList<JpegPlane> planes, bool progressive)
{
    private static readonly byte[] s_zigZag =
    [
        0,
        1,
        8,
        16,
        9,
        2,
        3,
        10,
        17,
        24,
        32,
        25,
        18,
        11,
        4,
        5,
        12,
        19,
        26,
        33,
        40,
        48,
        41,
        34,
        27,
        20,
        13,
        6,
        7,
        14,
        21,
        28,
        35,
        42,
        49,
        56,
        57,
        50,
        43,
        36,
        29,
        22,
        15,
        23,
        30,
        37,
        44,
        51,
        58,
        59,
        52,
        45,
        38,
        31,
        39,
        46,
        53,
        60,
        61,
        54,
        47,
        55,
        62,
        63,
    ];

    private readonly short[] _block = new short[64];
    private readonly int[] _work = new int[64];
    private int _zeroBlocks;

    /// <summary>Place by rows of each coefficient in the order of files.</summary>
    public static ReadOnlySpan<byte> ZigZag => s_zigZag;

    /// <summary>First coefficient.</summary>
    public int First { get; init; }

    /// <summary>Last coefficient.</summary>
    public int Last { get; init; } = 63;

    /// <summary>True where bits are added to coefficients that were sent before.</summary>
    public bool Refines { get; init; }

    /// <summary>Lowest bit that is sent.</summary>
    public int Shift { get; init; }

    /// <summary>Units between restart markers; 0 for none.</summary>
    public int RestartEvery { get; init; }

    /// <summary>Decodes all units.</summary>
    /// <param name="offset">Where the bits begin.</param>
    /// <param name="data">The file.</param>
    /// <param name="unitsAcross">Units across where several components are interleaved.</param>
    /// <param name="unitsDown">Units down where several components are interleaved.</param>
    /// <returns>Offset behind the bits.</returns>
    public int Run(int offset, byte[] data, int unitsAcross, int unitsDown)
    {
        bits.Start(offset);
        var alone = planes.Count == 1;
        int across = alone ? planes[0].ScanAcross : unitsAcross,
            down = alone ? planes[0].ScanDown : unitsDown;
        var restart = 0;
        for (var y = 0; y < down; y++)
        for (var x = 0; x < across; x++)
        {
            var unit = (long)y * across + x;
            if (RestartEvery > 0 && unit > 0 && unit % RestartEvery == 0)
                Restart(data, restart++);
            if (alone)
                Decode(planes[0], x, y);
            else
                DecodeUnit(x, y);
            if (bits.IsOverrun)
                throw new UserErrorException(
                    $"'{path}', offset {bits.Offset}: the scan ends in row {y} of {down} rows of blocks; the file is cut or "
                        + $"damaged; {ImageFile.Remedy}."
                );
        }
        return bits.Offset;
    }

    private void DecodeUnit(int x, int y)
    {
        foreach (var plane in planes)
            for (var v = 0; v < plane.Component.Down; v++)
            for (var h = 0; h < plane.Component.Across; h++)
                Decode(plane, x * plane.Component.Across + h, y * plane.Component.Down + v);
    }

    private void Restart(byte[] data, int number)
    {
        var at = bits.Offset;
        // Fill bytes may stand before a marker.
        while (at + 1 < data.Length && data[at] == 0xFF && data[at + 1] == 0xFF)
            at++;
        if (at + 1 >= data.Length || data[at] != 0xFF || data[at + 1] != 0xD0 + (number & 7))
            throw new UserErrorException(
                $"'{path}', offset {at}: expected restart marker {number & 7}; the file is cut or damaged; {ImageFile.Remedy}."
            );
        bits.Start(at + 2);
        _zeroBlocks = 0;
        foreach (var plane in planes)
            plane.Previous = 0;
    }

    private void Decode(JpegPlane plane, int column, int row)
    {
        if (!progressive)
        {
            Array.Clear(_block);
            Whole(plane);
            plane.Put(column, row, _block, _work);
            return;
        }
        var block = plane.Block(column, row);
        if (First == 0)
            Mean(plane, block);
        else if (Refines)
            Refine(plane, block);
        else
            Band(plane, block);
    }

    private void Whole(JpegPlane plane)
    {
        plane.Previous += bits.TakeSigned(Code(plane.Dc, 11));
        _block[0] = (short)plane.Previous;
        for (var k = 1; k < 64; k++)
        {
            var code = Code(plane.Ac, 255);
            int run = code >> 4,
                size = code & 15;
            if (size == 0 && run < 15)
                return;
            k += run;
            if (k > 63)
                throw Damaged();
            _block[s_zigZag[k]] = (short)bits.TakeSigned(size);
        }
    }

    private void Mean(JpegPlane plane, Span<short> block)
    {
        if (Refines)
        {
            block[0] |= (short)(bits.Take(1) << Shift);
            return;
        }
        plane.Previous += bits.TakeSigned(Code(plane.Dc, 11));
        block[0] = (short)(plane.Previous << Shift);
    }

    private void Band(JpegPlane plane, Span<short> block)
    {
        if (_zeroBlocks > 0)
        {
            _zeroBlocks--;
            return;
        }
        for (var k = First; k <= Last; k++)
        {
            var code = Code(plane.Ac, 255);
            int run = code >> 4,
                size = code & 15;
            if (size == 0 && run < 15)
            {
                _zeroBlocks = (1 << run) + bits.Take(run) - 1;
                return;
            }
            k += run;
            if (k > Last)
                throw Damaged();
            block[s_zigZag[k]] = (short)(bits.TakeSigned(size) << Shift);
        }
    }

    // G.1.2.3: new coefficients stand between bits for those that are not zero any more.
    private void Refine(JpegPlane plane, Span<short> block)
    {
        var k = First;
        while (k <= Last && _zeroBlocks == 0)
        {
            var code = Code(plane.Ac, 255);
            int run = code >> 4,
                size = code & 15;
            if (size > 1)
                throw Damaged();
            if (size == 0 && run < 15)
            {
                _zeroBlocks = (1 << run) + bits.Take(run);
                break;
            }
            var value =
                size == 0 ? 0
                : bits.Take(1) == 1 ? 1 << Shift
                : -1 << Shift;
            for (; k <= Last; k++)
            {
                ref var old = ref block[s_zigZag[k]];
                if (old != 0)
                    Correct(ref old);
                else if (run-- == 0)
                {
                    old = (short)value;
                    break;
                }
            }
            if (k > Last && size == 1)
                throw Damaged();
            k++;
        }
        if (_zeroBlocks == 0)
            return;
        for (; k <= Last; k++)
            if (block[s_zigZag[k]] != 0)
                Correct(ref block[s_zigZag[k]]);
        _zeroBlocks--;
    }

    private void Correct(ref short value)
    {
        if (bits.Take(1) == 1 && (value & (1 << Shift)) == 0)
            value += (short)(value > 0 ? 1 << Shift : -1 << Shift);
    }

    private int Code(JpegHuffman? table, int most)
    {
        var code = (
            table
            ?? throw new UserErrorException(
                $"'{path}', offset {bits.Offset}: a Huffman table is missing; the file is damaged; {ImageFile.Remedy}."
            )
        ).Decode(bits);
        return code >= 0 && code <= most ? code : throw Damaged();
    }

    private UserErrorException Damaged() =>
        new(
            bits.IsOverrun
                ? $"'{path}', offset {bits.Offset}: the scan ends before the last block; the file is cut or damaged; {ImageFile.Remedy}."
                : $"'{path}', offset {bits.Offset}: the bits are no Huffman code of a JPEG image; the file is damaged; {ImageFile.Remedy}."
        );
}

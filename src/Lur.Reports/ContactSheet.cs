using System.Buffers.Binary;
using System.IO.Compression;
using Lur.Data;

namespace Lur.Reports;

/// <summary>The first samples of every class as one PNG: a wrong label or a wrong channel order is seen at a glance.</summary>
public static class ContactSheet
{
    private const int Columns = 12,
        Gap = 2,
        MinCell = 32,
        MaxCell = 96;
    private const byte Background = 32;

    /// <summary>Writes an RGB image, a row for each class.</summary>
    public static void Write(Stream stream, IImageDataset data)
    {
        var cell = Math.Clamp(Math.Max(data.Height, data.Width), MinCell, MaxCell);
        int width = Columns * (cell + Gap) + Gap,
            height = data.ClassNames.Count * (cell + Gap) + Gap;
        var pixels = new byte[3 * width * height];
        pixels.AsSpan().Fill(Background);
        var used = new int[data.ClassNames.Count];
        var open = used.Length;
        var sample = new byte[data.SampleBytes];
        for (var i = 0; i < data.Count && open > 0; i++)
        {
            var label = data.Label(i);
            if (used[label] == Columns)
                continue;
            data.CopyImage(i, sample);
            Draw(pixels, width, Gap + used[label] * (cell + Gap), Gap + label * (cell + Gap), cell, data, sample);
            if (++used[label] == Columns)
                open--;
        }
        WritePng(stream, width, height, pixels);
    }

    /// <summary>Nearest sample point; the sides keep their ratio.</summary>
    private static void Draw(byte[] pixels, int stride, int left, int top, int cell, IImageDataset data, byte[] chw)
    {
        int longer = Math.Max(data.Height, data.Width),
            plane = data.Height * data.Width;
        int rows = Math.Max(1, cell * data.Height / longer),
            columns = Math.Max(1, cell * data.Width / longer);
        for (var y = 0; y < rows; y++)
        {
            for (var x = 0; x < columns; x++)
            {
                var from = y * data.Height / rows * data.Width + x * data.Width / columns;
                for (var c = 0; c < 3; c++)
                    pixels[3 * ((top + y) * stride + left + x) + c] = chw[Math.Min(c, data.Channels - 1) * plane + from];
            }
        }
    }

    /// <summary>PNG (ISO/IEC 15948): signature, IHDR, one IDAT with unfiltered rows, IEND.</summary>
    internal static void WritePng(Stream stream, int width, int height, ReadOnlySpan<byte> rgb)
    {
        stream.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2); // bits a sample, RGB
        WriteChunk(stream, "IHDR"u8, header);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            for (var y = 0; y < height; y++)
            {
                zlib.WriteByte(0);
                zlib.Write(rgb.Slice(3 * width * y, 3 * width));
            }
        }
        WriteChunk(stream, "IDAT"u8, packed.GetBuffer().AsSpan(0, (int)packed.Length));
        WriteChunk(stream, "IEND"u8, []);
    }

    private static void WriteChunk(Stream stream, ReadOnlySpan<byte> type, ReadOnlySpan<byte> content)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
        stream.Write(number);
        stream.Write(type);
        stream.Write(content);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(uint.MaxValue, type), content));
        stream.Write(number);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }
        return crc;
    }
}

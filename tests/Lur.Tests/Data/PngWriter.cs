using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Lur.Data;

namespace Lur.Tests.Data;

/// <summary>Writes 8-bit PNG files without filters: fixtures and contact sheets.</summary>
public static class PngWriter
{
    // Channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; pixels: rows of columns of channels.
    public static byte[] Encode(int width, int height, int channels, ReadOnlySpan<byte> pixels)
    {
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        var head = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(head, width);
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(4), height);
        head[8] = 8;
        head[9] = (byte)(
            channels switch
            {
                1 => 0,
                2 => 4,
                3 => 2,
                _ => 6,
            }
        );
        WriteChunk(file, "IHDR", head);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            for (var y = 0; y < height; y++)
            {
                zlib.WriteByte(0);
                zlib.Write(pixels.Slice(y * width * channels, width * channels));
            }
        WriteChunk(file, "IDAT", packed.ToArray());
        WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    /// <summary>Any colour type and depth: packed rows as they are, without filters; chunks that stand before the pixels.</summary>
    public static byte[] Raw(
        int width,
        int height,
        int depth,
        int type,
        byte[] rows,
        bool interlaced = false,
        params (string, byte[])[] chunks
    )
    {
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        var head = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(head, width);
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(4), height);
        (head[8], head[9], head[12]) = ((byte)depth, (byte)type, (byte)(interlaced ? 1 : 0));
        WriteChunk(file, "IHDR", head);
        foreach (var (name, body) in chunks)
            WriteChunk(file, name, body);
        WriteChunk(file, "IDAT", rows);
        WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    /// <summary>Compresses rows of a PNG, each with its filter byte.</summary>
    public static byte[] Pack(ReadOnlySpan<byte> rows)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            zlib.Write(rows);
        return packed.ToArray();
    }

    /// <summary>A grid of samples, a row for each class, as one image.</summary>
    public static byte[] ContactSheet(IImageDataset data, int columns, int zoom)
    {
        int rows = data.ClassNames.Count,
            w = columns * (data.Width + 1) * zoom,
            h = rows * (data.Height + 1) * zoom;
        byte[] sheet = new byte[w * h * 3],
            sample = new byte[data.SampleBytes];
        var used = new int[rows];
        for (var i = 0; i < data.Count; i++)
        {
            int row = data.Label(i),
                column = used[row]++;
            if (column >= columns)
                continue;
            data.CopyImage(i, sample);
            for (var y = 0; y < data.Height * zoom; y++)
            for (var x = 0; x < data.Width * zoom; x++)
            for (var c = 0; c < 3; c++)
                sheet[((row * (data.Height + 1) * zoom + y) * w + column * (data.Width + 1) * zoom + x) * 3 + c] = sample[
                    (c % data.Channels * data.Height + y / zoom) * data.Width + x / zoom
                ];
        }
        return Encode(w, h, 3, sheet);
    }

    private static void WriteChunk(MemoryStream file, string name, ReadOnlySpan<byte> body)
    {
        byte[] chunk = [.. Encoding.ASCII.GetBytes(name), .. body];
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, body.Length);
        file.Write(number);
        file.Write(chunk);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.Of(chunk));
        file.Write(number);
    }
}

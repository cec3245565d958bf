using System.Buffers.Binary;
using Lur.Data;
using StbImageSharp;

namespace Lur.Tests.Data;

/// <summary>Pixels of PNG and JPEG files of every kind, against values worked out by hand or by another decoder.</summary>
public class PictureDecodingTests
{
    // 16 x 16, written by Pillow at quality 92. Inks left of column 8: C 40, Y 220; right: C 200, Y 30; M is 10 y + 20; K is 0 above
    // row 8 and 60 below. Stored inverted, as Adobe does; in the second the first three components are YCbCr (transform 2).
    private const string Inks =
        "FFD8FFEE000E41646F626500640000000000FFDB004300030202020202030202020303030304060404040404080606050609080A0A090809090A0C0F0C0A"
        + "0B0E0B09090D110D0E0F101011100A0C12131210130F101010FFC000140800100010044311004D11005911004B1100FFC4001F0000010501010101010100"
        + "000000000000000102030405060708090A0BFFC400B5100002010303020403050504040000017D01020300041105122131410613516107227114328191A1"
        + "082342B1C11552D1F02433627282090A161718191A25262728292A3435363738393A434445464748494A535455565758595A636465666768696A73747576"
        + "7778797A838485868788898A92939495969798999AA2A3A4A5A6A7A8A9AAB2B3B4B5B6B7B8B9BAC2C3C4C5C6C7C8C9CAD2D3D4D5D6D7D8D9DAE1E2E3E4E5"
        + "E6E7E8E9EAF1F2F3F4F5F6F7F8F9FAFFDA000E0443004D0059004B00003F00FBA2BEC0FF0085B7FF004F5FAD7C0F5FAA75F8A947FC2DBFFA7AFD6BF7EE8A"
        + "FDABAF8ABFE16DFF00D3D7EB5F8095F2FD7E2A51FF000B6FFE9EBF5AFDFBA2BFFFD9";
    private const string InksAsYcck =
        "FFD8FFEE000E41646F626500640000000002FFDB004300030202020202030202020303030304060404040404080606050609080A0A090809090A0C0F0C0A"
        + "0B0E0B09090D110D0E0F101011100A0C12131210130F101010FFC000140800100010044311004D11005911004B1100FFC4001F0000010501010101010100"
        + "000000000000000102030405060708090A0BFFC400B5100002010303020403050504040000017D01020300041105122131410613516107227114328191A1"
        + "082342B1C11552D1F02433627282090A161718191A25262728292A3435363738393A434445464748494A535455565758595A636465666768696A73747576"
        + "7778797A838485868788898A92939495969798999AA2A3A4A5A6A7A8A9AAB2B3B4B5B6B7B8B9BAC2C3C4C5C6C7C8C9CAD2D3D4D5D6D7D8D9DAE1E2E3E4E5"
        + "E6E7E8E9EAF1F2F3F4F5F6F7F8F9FAFFDA000E0443004D0059004B00003F00F987FE10A1FF003CBF4AFB8BFB7BFDBAE1BFE1261FF3D3F5AFD53AF46FF842"
        + "3FE98FE95F973FDBDFEDD7DFFF00F0937FD35FD68AEDFF00E10A1FF3CBF4AFBFFF00B7FF00DBFD6BF29FFE126FFA6BFAD7CBF5E8DFF0847FD31FD2BF2E7F"
        + "B7FF00DBFD6BEFEFF849BFDBFD68AFFFD9";

    [Test]
    public void InksBecomeTheColoursThatOtherProgramsShow([Values] bool marked)
    {
        using var folder = new TempFolder();
        var bytes = Convert.FromHexString(Inks);
        if (!marked)
            bytes = [.. bytes[..2], .. bytes[18..]];
        var path = folder.Write("a/x.jpg", bytes);
        // Light = (255 - ink) (255 - K) / 255, for example 215 * 195 / 255 = 164.
        AssertColours(path, (2, 2, 215, 215, 35), (12, 2, 55, 215, 225), (2, 12, 164, 88, 27), (12, 12, 42, 88, 172));
        using var set = ImageFolderDataset.Open(folder.Path);
        Assert.That(set.Warnings, marked ? Is.Empty : Has.One.Contains("without Adobe's marker: a/x.jpg"));
    }

    [Test]
    public void InksAsYcckBecomeTheSameColours()
    {
        using var folder = new TempFolder();
        var path = folder.Write("x.jpg", Convert.FromHexString(InksAsYcck));
        AssertColours(path, (2, 2, 215, 215, 35), (12, 2, 55, 215, 225), (2, 12, 164, 88, 27), (12, 12, 42, 88, 172));
    }

    [Test]
    public void AlphaIsBlendedOverWhite([Values(8, 16)] int depth)
    {
        using var folder = new TempFolder();
        // Grey and alpha: opaque, half, clear, and a value that alpha leaves.
        (int Value, int Alpha, int Expected)[] pixels = [(100, 255, 100), (100, 128, 177), (9, 0, 255), (255, 17, 255)];
        var row = pixels
            .SelectMany(p => depth == 8 ? new[] { p.Value, p.Alpha } : [p.Value, p.Value, p.Alpha, p.Alpha])
            .Select(v => (byte)v);
        var path = folder.Write("x.png", PngWriter.Raw(4, 1, depth, 4, PngWriter.Pack([0, .. row])));
        Assert.That(Decode(path, 1, 4, 1), Is.EqualTo(pixels.Select(p => (byte)p.Expected)));
    }

    [Test]
    public void SixteenBitsAreRoundedAtTheEnd()
    {
        using var folder = new TempFolder();
        ushort[] values = [0, 128, 129, 385, 386, 32767, 65406, 65535];
        var row = new byte[17];
        for (var i = 0; i < 8; i++)
            BinaryPrimitives.WriteUInt16BigEndian(row.AsSpan(1 + 2 * i), values[i]);
        var path = folder.Write("a/x.png", PngWriter.Raw(8, 1, 16, 0, PngWriter.Pack(row)));
        // The nearest of v / 257; the high byte alone would give 0 0 0 1 1 127 255 255.
        Assert.That(Decode(path, 1, 8, 1), Is.EqualTo(new byte[] { 0, 0, 1, 1, 2, 127, 254, 255 }));
        using var set = ImageFolderDataset.Open(folder.Path);
        Assert.That(set.Warnings, Is.Empty);
    }

    [Test]
    public void TwelveBitsInSixteenAreWarnedAbout()
    {
        using var folder = new TempFolder();
        folder.Write("a/x.png", PngWriter.Raw(2, 1, 16, 0, PngWriter.Pack([0, 0x0F, 0xFF, 0x01, 0x00])));
        using var set = ImageFolderDataset.Open(folder.Path);
        Assert.That(set.Warnings, Has.One.Contains("no sample is above 4095 of 65535 (12 bits)"));
    }

    [TestCase(1, new byte[] { 0b10110000 }, new byte[] { 255, 0, 255, 255 })]
    [TestCase(2, new byte[] { 0b00011011 }, new byte[] { 0, 85, 170, 255 })]
    [TestCase(4, new byte[] { 0x0F, 0x71 }, new byte[] { 0, 255, 119, 17 })]
    public void SmallDepthsFillTheRange(int depth, byte[] row, byte[] expected)
    {
        using var folder = new TempFolder();
        var path = folder.Write("x.png", PngWriter.Raw(4, 1, depth, 0, PngWriter.Pack([0, .. row])));
        Assert.That(Decode(path, 1, 4, 1), Is.EqualTo(expected));
    }

    [Test]
    public void AClearEntryOfAPaletteIsWhite()
    {
        using var folder = new TempFolder();
        byte[] palette = [10, 20, 30, 200, 100, 0, 1, 2, 3],
            alpha = [255, 0];
        var file = PngWriter.Raw(4, 1, 2, 3, PngWriter.Pack([0, 0b00011000]), false, ("PLTE", palette), ("tRNS", alpha));
        var path = folder.Write("x.png", file);
        Assert.That(Decode(path, 3, 4, 1), Is.EqualTo(new byte[] { 10, 255, 1, 10, 20, 255, 2, 20, 30, 255, 3, 30 }));
        folder.Write("x.png", PngWriter.Raw(4, 1, 2, 3, PngWriter.Pack([0, 0b11000000]), false, ("PLTE", palette)));
        Assert.That(Fails(path), Does.Contain("names entry 3 of a palette of 3"));
        // One clear colour of an RGB image.
        folder.Write("x.png", PngWriter.Raw(2, 1, 8, 2, PngWriter.Pack([0, 1, 2, 3, 1, 2, 4]), false, ("tRNS", [0, 1, 0, 2, 0, 3])));
        Assert.That(Decode(path, 3, 2, 1), Is.EqualTo(new byte[] { 255, 1, 255, 2, 255, 4 }));
    }

    [Test]
    public void InterlacedRowsComeBackInOrder()
    {
        // 9 x 5 grey, pixel 20 y + x: the seven passes of Adam7, written out from the specification's table.
        const int width = 9,
            height = 5;
        (int X, int Y, int StepX, int StepY)[] passes =
        [
            (0, 0, 8, 8),
            (4, 0, 8, 8),
            (0, 4, 4, 8),
            (2, 0, 4, 4),
            (0, 2, 2, 4),
            (1, 0, 2, 2),
            (0, 1, 1, 2),
        ];
        var rows = new List<byte>();
        foreach (var (x0, y0, stepX, stepY) in passes)
            for (var y = y0; y < height; y += stepY)
            {
                rows.Add(0);
                for (var x = x0; x < width; x += stepX)
                    rows.Add((byte)(20 * y + x));
            }
        using var folder = new TempFolder();
        var path = folder.Write("x.png", PngWriter.Raw(width, height, 8, 0, PngWriter.Pack([.. rows]), true));
        Assert.That(Decode(path, 1, width, height), Is.EqualTo(Enumerable.Range(0, 45).Select(i => (byte)(20 * (i / 9) + i % 9))));
    }

    [Test]
    public void EveryFilterIsUndone()
    {
        // Rows 5 6 7 | 8 9 10 | ... filtered by 0 to 4 by hand with one byte a pixel.
        byte[] filtered = [0, 10, 20, 30, 1, 5, 5, 5, 2, 1, 1, 1, 3, 2, 2, 2, 4, 1, 1, 1];
        byte[] expected = [10, 20, 30, 5, 10, 15, 6, 11, 16, 5, 10, 15, 6, 11, 16];
        using var folder = new TempFolder();
        var path = folder.Write("x.png", PngWriter.Raw(3, 5, 8, 0, PngWriter.Pack(filtered)));
        Assert.That(Decode(path, 1, 3, 5), Is.EqualTo(expected));
    }

    [TestCase(0.97)]
    [TestCase(0.5)]
    public void ACutPngIsRefusedThoughItsChunksAreWhole(double kept)
    {
        using var folder = new TempFolder();
        var noise = Enumerable.Range(0, 40 * 61).Select(i => (byte)(i % 61 == 0 ? 0 : i * i * 31 / 7)).ToArray();
        var packed = PngWriter.Pack(noise);
        var path = folder.Write("x.png", PngWriter.Raw(60, 40, 8, 0, packed[..(int)(packed.Length * kept)]));
        Assert.That(Fails(path), Does.Contain(path).And.Contain("the pixels end in row"));
    }

    [Test]
    public void ACutJpegIsRefusedWhateverFollows([Values] bool progressive, [Values(0.55, 0.8, 0.97)] double kept, [Values] bool ended)
    {
        using var folder = new TempFolder();
        var whole = progressive ? JpegFixtures.Progressive : JpegFixtures.Baseline;
        var scan = whole.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]);
        var cut = whole[..(scan + (int)((whole.Length - scan) * kept))];
        // An end marker that is not the picture's own: that of a thumbnail, or of a program that repaired the file.
        var path = folder.Write("x.jpg", ended ? [.. cut, 0xFF, 0xD9] : cut);
        Assert.That(Fails(path), Does.Contain(path));
    }

    [Test]
    public void WhatFollowsTheEndOfAPictureIsNotLookedAt()
    {
        using var folder = new TempFolder();
        string plain = folder.Write("x.jpg", JpegFixtures.Baseline),
            longer = folder.Write("y.jpg", [.. JpegFixtures.Baseline, .. new byte[70000], 0xFF, 0xD8, 0xFF, 0xDA]);
        Assert.That(Decode(longer, 3, 20, 12), Is.EqualTo(Decode(plain, 3, 20, 12)));
    }

    [TestCase("baseline")]
    [TestCase("progressive")]
    [TestCase("grey")]
    public void AnotherDecoderSeesTheSameJpeg(string name)
    {
        var bytes = name switch
        {
            "baseline" => JpegFixtures.Baseline,
            "progressive" => JpegFixtures.Progressive,
            _ => JpegFixtures.Grey,
        };
        using var folder = new TempFolder();
        var ours = Decode(folder.Write("x.jpg", bytes), 3, 20, 12);
        var theirs = ImageResult.FromMemory(bytes, ColorComponents.RedGreenBlue).Data;
        for (var i = 0; i < ours.Length; i++)
            // Two roundings of the transform and one of the colours.
            Assert.That(ours[i], Is.EqualTo(theirs[i % 240 * 3 + i / 240]).Within(3), $"byte {i}");
    }

    [Test]
    public void ASizeThatTheBytesCannotHoldIsRefused()
    {
        using var folder = new TempFolder();
        var path = folder.Write("x.png", PngWriter.Raw(20000, 6000, 8, 2, PngWriter.Pack(new byte[100])));
        Assert.That(Fails(path), Does.Contain("promises 20000 x 6000 pixels, more than its"));
        var jpeg = JpegFixtures.Baseline;
        var frame = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 5), 9000);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 7), 9000);
        path = folder.Write("x.jpg", jpeg);
        Assert.That(Fails(path), Does.Contain("promises 9000 x 9000 pixels"));
    }

    [Test]
    public void MemoryFollowsTheTargetAndNotThePicture()
    {
        using var folder = new TempFolder();
        var path = folder.Write("x.png", PngWriter.Raw(4000, 3000, 8, 2, PngWriter.Pack(new byte[3000 * 12001])));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(Decode(path, 3, 8, 8), Is.All.Zero);
        // 36 million samples; a few rows of 12000.
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(2_000_000));
    }

    private static byte[] Decode(string path, int channels, int width, int height)
    {
        var pixels = new byte[channels * width * height];
        ImageFile.Read(path, channels, width, height, pixels);
        return pixels;
    }

    private static void AssertColours(string path, params (int X, int Y, int Red, int Green, int Blue)[] expected)
    {
        var pixels = Decode(path, 3, 16, 16);
        foreach (var (x, y, red, green, blue) in expected)
            Assert.That(
                new[] { 0, 256, 512 }.Select(plane => (int)pixels[plane + 16 * y + x]),
                Is.EqualTo(new[] { red, green, blue }).Using<int>((a, b) => Math.Abs(a - b) <= 3),
                $"({x}, {y})"
            );
    }

    private static string Fails(string path) => Assert.Throws<UserErrorException>(() => Decode(path, 3, 4, 4))!.Message;
}

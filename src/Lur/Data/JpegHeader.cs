using System.Buffers.Binary;

namespace Lur.Data;

/// <summary>A colour component as the frame header has it.</summary>
/// <param name="Id">Name in scans.</param>
/// <param name="Across">Blocks across in a minimum coded unit, 1 to 4.</param>
/// <param name="Down">Blocks down in a minimum coded unit, 1 to 4.</param>
/// <param name="Table">Number of its quantisation table.</param>
internal readonly record struct JpegComponent(int Id, int Across, int Down, int Table);

/// <summary>The frame header of a JPEG image (ITU T.81, B.2.2) and what stands before it.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="Progressive">True where the coefficients come in several scans.</param>
/// <param name="Components">Colour components.</param>
/// <param name="AdobeTransform">Transform of Adobe's marker (0 none, 1 YCbCr, 2 YCCK); null without the marker.</param>
/// <param name="HasJfif">True with the marker of JFIF, which means grey or YCbCr.</param>
internal sealed record JpegHeader(
    int Width,
    int Height,
    bool Progressive,
    IReadOnlyList<JpegComponent> Components,
    int? AdobeTransform,
    bool HasJfif
)
{
    /// <summary>Blocks across in a minimum coded unit.</summary>
    public int MostAcross => Components.Max(c => c.Across);

    /// <summary>Blocks down in a minimum coded unit.</summary>
    public int MostDown => Components.Max(c => c.Down);

    /// <summary>Blocks of 8 x 8 coefficients in all.</summary>
    public long Blocks =>
        Components.Sum(c => (long)c.Across * c.Down)
        * ((Width + 8L * MostAcross - 1) / (8 * MostAcross))
        * ((Height + 8L * MostDown - 1) / (8 * MostDown));

    /// <summary>True for four components that do not say what they are.</summary>
    public bool IsUnmarkedCmyk => Components.Count == 4 && AdobeTransform is null;

    /// <summary>How the components become colours. Adobe's marker decides; without it JFIF does, or the names of the components, as in
    /// libjpeg; four of which the second and third are reduced cannot be inks.</summary>
    public JpegColour Colour =>
        (Components.Count, AdobeTransform) switch
        {
            (1, _) => JpegColour.Grey,
            (3, 0) => JpegColour.Rgb,
            (3, null) when !HasJfif && Components[0].Id == 'R' && Components[1].Id == 'G' && Components[2].Id == 'B' => JpegColour.Rgb,
            (3, _) => JpegColour.YCbCr,
            (_, 2) => JpegColour.Ycck,
            (_, null) when Components[1].Across < Components[0].Across || Components[1].Down < Components[0].Down => JpegColour.Ycck,
            _ => JpegColour.Cmyk,
        };

    /// <summary>Walks the marker segments to the frame header.</summary>
    /// <param name="path">The file, for sentences.</param>
    /// <param name="file">Its bytes.</param>
    /// <exception cref="UserErrorException">There is none, or it is of a kind that is not read.</exception>
    public static JpegHeader Read(string path, MappedFile file)
    {
        long offset = 2;
        int? adobe = null;
        var jfif = false;
        while (offset + 4 <= file.Length && file[offset] == 0xFF)
        {
            var marker = file[offset + 1];
            if (marker == 0xFF)
            {
                offset++;
                continue;
            }
            int length = BinaryPrimitives.ReadUInt16BigEndian(file.Slice(offset + 2, 2));
            if (length < 2 || offset + 2 + length > file.Length)
                break;
            var body = file.Slice(offset + 4, length - 2);
            if (marker == 0xE0 && body.StartsWith("JFIF\0"u8))
                jfif = true;
            if (marker == 0xEE && body.Length >= 12 && body.StartsWith("Adobe"u8))
                adobe = body[11];
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC))
                return OfFrame(path, offset, marker, body, adobe, jfif, file.Length);
            offset += 2 + length;
        }
        throw new UserErrorException(
            $"'{path}', offset {offset}: expected a frame header of a JPEG image; the file is cut or damaged; {ImageFile.Remedy}."
        );
    }

    private static JpegHeader OfFrame(string path, long offset, int marker, ReadOnlySpan<byte> body, int? adobe, bool jfif, long length)
    {
        if (marker > 0xC2)
            throw new UserErrorException(
                $"'{path}', offset {offset}: a "
                    + $"{(marker is >= 0xC9 ? "JPEG image with arithmetic coding" : "lossless or hierarchical JPEG image")} "
                    + "is not read; save it as baseline or progressive JPEG, or as PNG."
            );
        if (body.Length < 6 || body.Length != 6 + 3 * body[5])
            throw new UserErrorException($"'{path}', offset {offset}: the frame header of the JPEG image is damaged; {ImageFile.Remedy}.");
        if (body[0] != 8)
            throw new UserErrorException(
                $"'{path}', offset {offset}: a JPEG image of {body[0]} bits is not read; save it as PNG of 16 bits."
            );
        if (body[5] is not (1 or 3 or 4))
            throw new UserErrorException($"'{path}', offset {offset}: a JPEG image of {body[5]} components, expected 1, 3 or 4.");
        var components = new JpegComponent[body[5]];
        for (var c = 0; c < components.Length; c++)
        {
            var entry = body.Slice(6 + 3 * c, 3);
            components[c] = new JpegComponent(entry[0], entry[1] >> 4, entry[1] & 15, entry[2]);
            if (components[c].Across is < 1 or > 4 || components[c].Down is < 1 or > 4 || entry[2] > 3)
                throw new UserErrorException(
                    $"'{path}', offset {offset}: component {c} of the JPEG image has impossible factors; the file is "
                        + $"damaged; {ImageFile.Remedy}."
                );
        }
        // The sampling of a single component means nothing (A.2.2).
        if (components.Length == 1)
            components[0] = components[0] with { Across = 1, Down = 1 };
        var header = new JpegHeader(
            BinaryPrimitives.ReadUInt16BigEndian(body[3..]),
            BinaryPrimitives.ReadUInt16BigEndian(body[1..]),
            marker == 0xC2,
            components,
            adobe,
            jfif
        );
        // Every block takes at least one bit.
        if (header.Blocks > 8 * length)
            throw new UserErrorException(
                $"'{path}': its header promises {header.Width} x {header.Height} pixels, more than its {length} bytes can hold; the file "
                    + $"is cut or damaged; {ImageFile.Remedy}."
            );
        return header;
    }
}

/// <summary>What the components of a JPEG image are.</summary>
internal enum JpegColour
{
    /// <summary>Luminance alone.</summary>
    Grey,

    /// <summary>Luminance and two colour differences.</summary>
    YCbCr,

    /// <summary>Red, green, blue.</summary>
    Rgb,

    /// <summary>Four inks, inverted as Adobe's programs write them.</summary>
    Cmyk,

    /// <summary>Four inverted inks, the first three as YCbCr.</summary>
    Ycck,
}

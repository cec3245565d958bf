using System.Globalization;
using System.Text;

namespace Lur.Data;

/// <summary>Some samples in memory: of pictures of another set, whose names and labels they have, or such as a model drew.</summary>
/// <param name="Of">The pictures; null for samples that were drawn.</param>
/// <param name="Labels">Labels, in the whole set.</param>
/// <param name="Contents">Bytes of each, [C, H, W]; null where nobody will read them.</param>
public sealed record HeldPart(IImageDataset? Of, int[] Labels, byte[][]? Contents)
{
    /// <summary>Number of the first one that was drawn (<see cref="SampleId.Number"/>).</summary>
    public int FirstNumber { get; init; }

    /// <summary>What those that were drawn are called.</summary>
    public string Name { get; init; } = "drawn";
}

/// <summary>Samples in memory under captions, latents or pictures.</summary>
public sealed class HeldSamples : IImageDataset
{
    private readonly IReadOnlyList<HeldPart> _parts;
    private readonly int[] _part,
        _place;
    private readonly string _made;

    /// <summary>Puts parts together.</summary>
    /// <param name="name">Name, for messages.</param>
    /// <param name="classNames">Captions.</param>
    /// <param name="size">Channels, rows and columns of a sample.</param>
    /// <param name="isReal">See <see cref="IImageDataset.IsReal"/>.</param>
    /// <param name="made">What the samples were made from beside the pictures; with these it tells them from others.</param>
    /// <param name="parts">The samples.</param>
    public HeldSamples(
        string name,
        IReadOnlyList<string> classNames,
        (int Channels, int Height, int Width) size,
        bool isReal,
        string made,
        IReadOnlyList<HeldPart> parts
    )
    {
        ArgumentNullException.ThrowIfNull(parts);
        (Name, ClassNames, IsReal, _made, _parts) = (name, classNames, isReal, made, parts);
        (Channels, Height, Width) = size;
        _part = [.. parts.SelectMany((p, i) => Sequences.Repeat(i, p.Labels.Length))];
        _place = [.. parts.SelectMany(p => Sequences.Range(0, p.Labels.Length))];
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count => _part.Length;

    /// <inheritdoc/>
    public int Channels { get; }

    /// <inheritdoc/>
    public int Height { get; }

    /// <inheritdoc/>
    public int Width { get; }

    /// <inheritdoc/>
    public bool IsReal { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public int Label(int index) => _parts[_part[index]].Labels[_place[index]];

    /// <inheritdoc/>
    public void CopyImage(int index, Span<byte> chw)
    {
        ImageDatasets.CheckSample(this, index, chw.Length);
        var contents = _parts[_part[index]].Contents ?? throw new InvalidOperationException($"{Name} was opened to plan, not to be read.");
        contents[_place[index]].CopyTo(chw);
    }

    /// <inheritdoc/>
    public string? RelativePath(int index) => _parts[_part[index]].Of?.RelativePath(_place[index]);

    /// <inheritdoc/>
    public SampleId Identify(int index)
    {
        var part = _parts[_part[index]];
        if (part.Of is { } pictures)
            return pictures.Identify(_place[index]);
        var number = part.FirstNumber + _place[index];
        return new SampleId(number, string.Create(CultureInfo.InvariantCulture, $"{part.Name}#{_place[index]}"));
    }

    /// <inheritdoc/>
    public string ContentSha256(int index)
    {
        var part = _parts[_part[index]];
        return part.Of?.ContentSha256(_place[index]) ?? ContentHash.Text(Encoding.UTF8.GetBytes($"{_made}\n{part.Name}#{_place[index]}"));
    }

    /// <inheritdoc/>
    /// <remarks>What a device computed may have other last bits on another; what it was computed from has not.</remarks>
    public void AppendContent(ContentHash hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        hash.Append(Encoding.UTF8.GetBytes(_made + "\n"));
        foreach (var part in _parts)
        {
            part.Of?.AppendContent(hash);
            hash.Append(System.Runtime.InteropServices.MemoryMarshal.AsBytes(part.Labels.AsSpan()));
        }
    }

    /// <inheritdoc/>
    public void Dispose() { }
}

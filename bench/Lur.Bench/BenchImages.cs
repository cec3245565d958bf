using Lur.Data;
using Lur.Tensors;

namespace Lur.Bench;

/// <summary>Square images in memory, so that no step waits for one to be made: noise around a colour of the class, drawn from a
/// pool, so that a set of 10,000 costs no more memory than the pool.</summary>
/// <param name="count">Samples.</param>
/// <param name="side">Height and width in pixels.</param>
internal sealed class BenchImages(int count, int side = 32) : IImageDataset
{
    private const int Pool = 500;
    private readonly int _bytes = 3 * side * side;
    private readonly byte[] _pixels = Draw(side * side);

    public string Name => "bench";

    public int Count => count;

    public int Channels => 3;

    public int Height => side;

    public int Width => side;

    public IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, 10).Select(i => $"class {i}")];

    public int Label(int index) => index % ClassNames.Count;

    public void CopyImage(int index, Span<byte> chw) => _pixels.AsSpan(index % Pool * _bytes, _bytes).CopyTo(chw);

    public void Dispose() { }

    private static byte[] Draw(int area)
    {
        var random = new RandomStream(1, "bench/images");
        var pixels = new byte[Pool * 3 * area];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (label, channel) = (i / (3 * area) % 10, i % (3 * area) / area);
            pixels[i] = (byte)((25 * ((label + (3 * channel)) % 10)) + random.Below(30));
        }

        return pixels;
    }
}

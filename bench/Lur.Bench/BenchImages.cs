using Lur.Data;
using Lur.Tensors;

namespace Lur.Bench;

/// <summary>Images of 32x32 in memory, so that no step waits for one to be made: noise around a colour of the class, drawn from a
/// pool, so that a set of 10,000 costs no more memory than the pool.</summary>
/// <param name="count">Samples.</param>
internal sealed class BenchImages(int count) : IImageDataset
{
    private const int Pool = 500,
        Bytes = 3 * 32 * 32;
    private readonly byte[] _pixels = Draw();

    public string Name => "bench";

    public int Count => count;

    public int Channels => 3;

    public int Height => 32;

    public int Width => 32;

    public IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, 10).Select(i => $"class {i}")];

    public int Label(int index) => index % ClassNames.Count;

    public void CopyImage(int index, Span<byte> chw) => _pixels.AsSpan(index % Pool * Bytes, Bytes).CopyTo(chw);

    public void Dispose() { }

    private static byte[] Draw()
    {
        var random = new RandomStream(1, "bench/images");
        var pixels = new byte[Pool * Bytes];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (label, channel) = (i / Bytes % 10, i % Bytes / 1024);
            pixels[i] = (byte)((25 * ((label + (3 * channel)) % 10)) + random.Below(30));
        }

        return pixels;
    }
}

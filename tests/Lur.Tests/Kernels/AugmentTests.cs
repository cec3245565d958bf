using Lur.Device;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

public class AugmentTests
{
    private const ulong Seed = 0x0123456789ABCDEF,
        Stream = 7;

    [TestCaseSource(typeof(KernelScope), nameof(KernelScope.Precisions))]
    public void MatchesTheReference(Precision precision)
    {
        var random = TestRandom.ForCurrentTest();
        foreach (var test in TestDevices.AllBlockSizes())
        foreach (
            var (n, channels, height, width, pad) in new[]
            {
                (1, 1, 1, 1, 0),
                (5, 3, 8, 8, 2),
                (3, 1, 7, 33, 4),
                (9, 4, 5, 3, 1),
                (9, 1, 6, 6, 0),
            }
        )
        {
            using var bench = new KernelScope(test, precision);
            var images = random.UniformArray(n * channels * height * width, 0, 256).Select(v => (byte)v).ToArray();
            var (mean, std) = (
                bench.Precision.Round(random.UniformArray(channels, 0.3, 0.6)),
                bench.Precision.Round(random.UniformArray(channels, 0.2, 0.3))
            );
            // Sample numbers beyond 2^32, so that the upper half of the counter matters.
            const ulong first = 0x1_FFFF_FFFE;
            foreach (var (crop, flip) in new[] { (false, false), (true, false), (false, true), (true, true) })
            {
                // Without a flip the shifts are those with it, and the other way about.
                var used = crop ? pad : 0;
                (int Top, int Left, bool Flip)[] draws =
                [
                    .. AugmentReference.Draws(n, Seed, Stream, first, used).Select(d => d with { Flip = flip && d.Flip }),
                ];
                var expected = AugmentReference.Augment(images, channels, height, width, mean, std, draws, used);
                // Four roundings, of the scale, the offset, the product and the difference, in terms of up to 5 = 1 / min std.
                Vectors.AssertClose(
                    Run(bench, images, n, channels, height, width, used, mean, std, first, flip),
                    expected,
                    4 * bench.Precision.Unit(),
                    5,
                    $"{bench.Name} [{n}, {channels}, {height}, {width}] pad {used}{(flip ? " flip" : "")}"
                );
            }
        }
    }

    /// <summary>Known answers of Random123 1.09 (kat_vectors, philox4x32 10), so that reference and kernel share no mistake.</summary>
    [Test]
    public void TheReferenceDrawsPhilox() =>
        Assert.Multiple(() =>
        {
            Assert.That(AugmentReference.Philox(0, 0, 0), Is.EqualTo(new[] { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u }));
            Assert.That(
                AugmentReference.Philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88),
                Is.EqualTo(new[] { 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u })
            );
        });

    [Test]
    public void EveryShiftAndBothMirrorsOccur()
    {
        var draws = AugmentReference.Draws(4000, Seed, Stream, 0, 4);
        // 4000 draws over 81 x 2 outcomes, 24.7 expected each: missing one has probability 162 exp(-24.7) < 1e-8.
        Assert.That(draws.Distinct().Count(), Is.EqualTo(162));
    }

    private static double[] Run(
        KernelScope bench,
        byte[] images,
        int n,
        int channels,
        int height,
        int width,
        int pad,
        double[] mean,
        double[] std,
        ulong first,
        bool flip
    )
    {
        var y = bench.Vector(images.Length);
        // The batch lies behind another one, as where two take turns.
        byte[] slots = [.. images.Select(b => (byte)(b ^ 0xFF)), .. images];
        bench.Kernels.Augment.AugmentForward(
            bench.Device.Rows(n * height, width),
            y.Pointer,
            new(bench.Array(slots).Address),
            bench.Vector(mean).Pointer,
            bench.Vector(std).Pointer,
            new(bench.Array(Seed, first, (ulong)images.Length).Address),
            Stream,
            n,
            channels,
            height,
            width,
            pad,
            flip ? 1 : 0
        );
        return y.Get();
    }
}

using System.Globalization;
using Lur.Tensors;

namespace Lur.Tests.Tensors;

/// <summary>
/// The generator against the known answers of its authors' distribution (Random123, kat_vectors), and the
/// distributions against their moments. Seeds are constants: the tests are the same computation on every machine.
/// </summary>
public class RandomStreamTests
{
    // Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, result.
    [TestCase("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8")]
    [TestCase("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd")]
    [TestCase("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1")]
    public void PhiloxGivesTheKnownAnswers(string counter, string key, string expected)
    {
        var c = Words(counter);
        var k = Words(key);
        var (x, y, z, w) = Philox.Block(Pair(k[0], k[1]), Pair(c[2], c[3]), Pair(c[0], c[1]));
        Assert.That(new[] { x, y, z, w }, Is.EqualTo(Words(expected)));
    }

    // Computed by hand from the definition (FNV-1a 64, then SplitMix64's mixer) with arbitrary-precision integers.
    [TestCase("", 0xf52a15e9a9b5e89bul)]
    [TestCase("data/shuffle", 0x948d4664e2a1e95dul)]
    [TestCase("é", 0x233403617480019eul)]
    public void StreamsOfNamesNeverChange(string name, ulong expected) =>
        Assert.That(RandomStream.StreamOf(name), Is.EqualTo(expected), $"0x{RandomStream.StreamOf(name):x}");

    [Test]
    public void StreamsOfNamesAndNumbersDiffer()
    {
        var seen = new HashSet<ulong>();
        foreach (var name in new[] { "init", "init/a", "data", "data/shuffle", "noise" })
        {
            Assert.That(seen.Add(RandomStream.StreamOf(name)), name);
            for (var epoch = 0; epoch < 1000; epoch++)
                Assert.That(seen.Add(RandomStream.StreamOf(name, epoch)), $"{name} {epoch}");
        }
    }

    [Test]
    public void AStreamResumesAtAnyPosition()
    {
        var whole = new RandomStream(17, "resume");
        var words = Enumerable.Range(0, 103).Select(_ => whole.NextUInt()).ToArray();
        foreach (var position in new ulong[] { 0, 1, 2, 3, 4, 7, 64, 101 })
        {
            var resumed = new RandomStream(17, whole.Stream) { Position = position };
            Assert.That(resumed.NextUInt(), Is.EqualTo(words[position]), $"position {position}");
            Assert.That(whole.WordAt(position), Is.EqualTo(words[position]), $"word {position}");
        }
        Assert.That(whole.Position, Is.EqualTo(103));
    }

    [Test]
    public void SeedsAndStreamsAreIndependentSequences()
    {
        static uint[] First(ulong seed, ulong stream)
        {
            var r = new RandomStream(seed, stream);
            return [.. Enumerable.Range(0, 8).Select(_ => r.NextUInt())];
        }
        var reference = First(1, 2);
        Assert.That(First(1, 2), Is.EqualTo(reference));
        foreach (var other in new[] { First(2, 2), First(1, 3), First(1, 2 + (1ul << 32)), First(1 + (1ul << 32), 2) })
            Assert.That(other.Intersect(reference), Is.Empty);
    }

    [Test]
    public void NextULongTakesTheLowWordFirst()
    {
        var a = new RandomStream(3, 4);
        var b = new RandomStream(3, 4);
        Assert.That(a.NextULong(), Is.EqualTo(b.NextUInt() | ((ulong)b.NextUInt() << 32)));
    }

    // n = 1e6 draws. The mean of n uniforms has deviation 1/sqrt(12 n) = 2.9e-4; the sum over 256 cells of
    // (count - n/256)^2 / (n/256) is chi-square with 255 degrees of freedom, deviation sqrt(510) = 22.6. Five
    // deviations each way: a sound generator fails once in two million seeds, and this seed is fixed.
    [Test]
    public void UniformsFillTheirIntervalEvenly()
    {
        const int n = 1_000_000;
        var r = new RandomStream(5, "uniform");
        var cells = new int[256];
        double sum = 0;
        for (var i = 0; i < n; i++)
        {
            var u = r.Uniform();
            Assert.That(u is >= 0 and < 1);
            cells[(int)(u * 256)]++;
            sum += u;
        }
        var chi = cells.Sum(c => Math.Pow(c - (n / 256.0), 2) / (n / 256.0));
        Assert.That(sum / n, Is.EqualTo(0.5).Within(5 * 2.9e-4));
        Assert.That(chi, Is.EqualTo(255).Within(5 * 22.6));
        for (var i = 0; i < 1000; i++)
            Assert.That(r.UniformDouble() is >= 0 and < 1);
    }

    // Moments of n = 1e6 standard normals: deviations of mean, variance, third and fourth moment are 1, sqrt 2,
    // sqrt 15 and sqrt 96 over sqrt n; five deviations. The lag-1 products (pairs share a radius and an angle) have
    // deviation 1. 1e6 normals exceed 4.0 in size 63 times (5 deviations: 40) and 6.66 never.
    [Test]
    public void NormalsHaveTheMomentsOfANormal()
    {
        const int n = 1_000_000;
        var r = new RandomStream(7, "normal");
        double m1 = 0,
            m2 = 0,
            m3 = 0,
            m4 = 0,
            lag = 0,
            before = 0;
        var tail = 0;
        for (var i = 0; i < n; i++)
        {
            double z = r.Normal();
            Assert.That(Math.Abs(z), Is.LessThan(6.67));
            m1 += z;
            m2 += z * z;
            m3 += z * z * z;
            m4 += z * z * z * z;
            lag += z * before;
            before = z;
            if (Math.Abs(z) > 4)
                tail++;
        }
        var five = 5 / Math.Sqrt(n);
        Assert.Multiple(() =>
        {
            Assert.That(m1 / n, Is.EqualTo(0).Within(five));
            Assert.That(m2 / n, Is.EqualTo(1).Within(five * Math.Sqrt(2)));
            Assert.That(m3 / n, Is.EqualTo(0).Within(five * Math.Sqrt(15)));
            Assert.That(m4 / n, Is.EqualTo(3).Within(five * Math.Sqrt(96)));
            Assert.That(lag / n, Is.EqualTo(0).Within(five));
            Assert.That(tail, Is.EqualTo(63).Within(40));
        });
    }

    // 2^32 words on 3 * 2^29 outcomes: by multiply-shift alone outcome j has 3, 3 or 2 words as j mod 3 is 0, 1 or 2.
    // Counts by j mod 3 of 300,000 draws have deviation sqrt(300000 * 2/9) = 258 when even; uneven ones are off by 12,500.
    [Test]
    public void BelowIsUniformEvenForHugeBounds()
    {
        var r = new RandomStream(11, "below");
        var cells = new int[3];
        for (var i = 0; i < 300_000; i++)
            cells[r.Below(3 << 29) % 3]++;
        Assert.That(cells, Is.All.EqualTo(100_000).Within(5 * 258));
        Assert.That(r.Below(1), Is.Zero);
        Assert.That(() => r.Below(0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => r.Below(-1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    // All 24 orders of four items, 24,000 shuffles: chi-square with 23 degrees of freedom, deviation 6.8.
    [Test]
    public void EveryPermutationIsEquallyLikely()
    {
        var r = new RandomStream(13, "shuffle");
        var seen = new Dictionary<string, int>();
        for (var i = 0; i < 24_000; i++)
        {
            var key = string.Join(",", r.Permutation(4));
            seen[key] = seen.GetValueOrDefault(key) + 1;
        }
        Assert.That(seen, Has.Count.EqualTo(24));
        Assert.That(seen.Values.Sum(c => Math.Pow(c - 1000, 2) / 1000), Is.EqualTo(23).Within(5 * 6.8));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(1009)]
    public void APermutationHoldsEveryNumberOnce(int n)
    {
        var p = new RandomStream(19, "permutation").Permutation(n);
        Assert.That(p.Order(), Is.EqualTo(Enumerable.Range(0, n)));
        if (n > 100)
            Assert.That(p, Is.Not.EqualTo(Enumerable.Range(0, n)));
    }

    private static uint[] Words(string hex) =>
        [.. hex.Split(' ').Select(w => uint.Parse(w, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];

    private static ulong Pair(uint low, uint high) => low | ((ulong)high << 32);
}

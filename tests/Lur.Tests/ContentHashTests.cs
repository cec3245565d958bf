using System.Security.Cryptography;
using Lur.Tests.Device;

namespace Lur.Tests;

/// <summary>The hash that is computed here is the system's.</summary>
public class ContentHashTests
{
    // Around the end of a block, and around the place from which its length no longer fits into the block.
    [Test]
    public void BothAreThatOfTheSystem([Values(0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1009, 100_003)] int count)
    {
        var bytes = Bytes(count);
        var expected = SHA256.HashData(bytes);
        Assert.That(Own(bytes, count), Is.EqualTo(expected));
        Assert.That(ContentHash.Of(bytes), Is.EqualTo(expected));
        Assert.That(ContentHash.Text(bytes), Is.EqualTo(Convert.ToHexStringLower(expected)));
        using var stream = new MemoryStream(bytes);
        Assert.That(ContentHash.Text(stream), Is.EqualTo(Convert.ToHexStringLower(expected)));
    }

    [Test]
    public void PartsDoNotMatter([Values(1, 7, 63, 64, 65, 200)] int part)
    {
        var bytes = Bytes(1009);
        Assert.That(Own(bytes, part), Is.EqualTo(SHA256.HashData(bytes)));
    }

    // FIPS 180-4 has the values of "abc" and of the empty text among its examples.
    [TestCase("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [TestCase("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public void OfThePublishedExamples(string text, string hash)
    {
        var bytes = System.Text.Encoding.ASCII.GetBytes(text);
        Assert.That(Convert.ToHexStringLower(Own(bytes, 1)), Is.EqualTo(hash));
    }

    [Test]
    public void ItBeginsAnewAfterItsEnd([Values] bool system)
    {
        using var hash = new ContentHash(system);
        hash.Append("left over"u8);
        hash.Finish();
        hash.Append("abc"u8);
        Assert.That(hash.Finish(), Is.EqualTo(SHA256.HashData("abc"u8)));
    }

    private static byte[] Bytes(int count)
    {
        var random = TestRandom.ForCurrentTest();
        return [.. Enumerable.Range(0, count).Select(_ => (byte)random.Below(256))];
    }

    private static byte[] Own(byte[] bytes, int part)
    {
        using var hash = new ContentHash(false);
        for (var i = 0; i < bytes.Length; i += part)
            hash.Append(bytes.AsSpan(i, Math.Min(part, bytes.Length - i)));
        return hash.Finish();
    }
}

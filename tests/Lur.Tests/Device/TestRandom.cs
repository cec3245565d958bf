using System.Security.Cryptography;
using System.Text;

namespace Lur.Tests.Device;

/// <summary>Random numbers whose seed is the test's full name, printed: a failure repeats by itself.</summary>
public sealed class TestRandom
{
    private ulong _state;

    private TestRandom(ulong seed) => _state = seed;

    /// <summary>A generator for the test that is running.</summary>
    public static TestRandom ForCurrentTest()
    {
        var name = TestContext.CurrentContext.Test.FullName;
        var seed = BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
        TestContext.Out.WriteLine($"seed 0x{seed:X16} from '{name}'");
        return new TestRandom(seed);
    }

    /// <summary>The next 64 random bits (SplitMix64; Steele, Lea, Flood, OOPSLA 2014).</summary>
    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>An integer in [0, n).</summary>
    public int Below(int n) => (int)((Next() >> 33) % (ulong)n);

    /// <summary>A number in [low, high).</summary>
    public double Uniform(double low = 0, double high = 1) => low + ((high - low) * ((Next() >> 11) * (1.0 / (1UL << 53))));

    /// <summary>A number from the normal distribution (Box-Muller).</summary>
    public double Normal(double mean = 0, double deviation = 1) =>
        mean + (deviation * Math.Sqrt(-2 * Math.Log(1 - Uniform())) * Math.Cos(2 * Math.PI * Uniform()));

    /// <summary>Numbers in [low, high).</summary>
    public double[] UniformArray(long count, double low = 0, double high = 1) => Fill(count, () => Uniform(low, high));

    /// <summary>Normally distributed numbers.</summary>
    public double[] NormalArray(long count, double mean = 0, double deviation = 1) => Fill(count, () => Normal(mean, deviation));

    private static double[] Fill(long count, Func<double> next)
    {
        var values = new double[count];
        for (var i = 0L; i < count; i++)
            values[i] = next();
        return values;
    }
}

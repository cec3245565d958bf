using System.Runtime.CompilerServices;

namespace Lur.Data;

/// <summary>
/// A sequence of draws from Philox4x32-10 (Salmon et al., SC 2011) at (seed, stream, 0), (seed, stream, 1), ...; the
/// same function as in the kernels, so any sample of any epoch can be drawn without drawing those before it.
/// </summary>
internal struct CounterRandom(ulong seed, ulong stream)
{
    private ulong _block;
    private uint _x, _y, _z, _w;
    private int _left;

    /// <summary>The four words at one counter value.</summary>
    public static (uint X, uint Y, uint Z, uint W) Block(ulong seed, ulong stream, ulong index)
    {
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        uint x = (uint)index, y = (uint)(index >> 32), z = (uint)stream, w = (uint)(stream >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = 0xD2511F53ul * x, p1 = 0xCD9E8D57ul * z;
            (x, y, z, w) = ((uint)(p1 >> 32) ^ y ^ k0, (uint)p1, (uint)(p0 >> 32) ^ w ^ k1, (uint)p0);
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        return (x, y, z, w);
    }

    public uint Next()
    {
        if (_left == 0)
        {
            (_x, _y, _z, _w) = Block(seed, stream, _block++);
            _left = 4;
        }
        return _left-- switch { 4 => _x, 3 => _y, 2 => _z, _ => _w };
    }

    /// <summary>Uniform in [0, 1), 24 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Uniform() => (Next() >> 8) * 5.9604644775390625e-8f;

    /// <summary>Uniform in [low, high).</summary>
    public float Uniform(float low, float high) => low + (high - low) * Uniform();

    /// <summary>Uniform in 0 to n - 1, by multiply-shift; bias below n / 2^32.</summary>
    public int Below(int n) => (int)(((ulong)Next() * (uint)n) >> 32);

    /// <summary>Puts a span into random order: Fisher-Yates, from the end.</summary>
    public void Shuffle(Span<int> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int j = Below(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }
}

using System.Runtime.CompilerServices;

namespace Lur.Tensors;

/// <summary>Philox4x32-10, the counter-based generator of <c>kernels/include/philox.cuh</c>: the same bits.</summary>
/// <remarks>
/// Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A draw is a pure
/// function of (seed, stream, index): the seed is the key, the counter is (index, stream), low words first.
/// </remarks>
public static class Philox
{
    private const uint Multiplier0 = 0xD2511F53,
        Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9,
        Weyl1 = 0xBB67AE85;
    private const int Rounds = 10;

    /// <summary>The four words of block <paramref name="index"/> of a stream.</summary>
    public static (uint X, uint Y, uint Z, uint W) Block(ulong seed, ulong stream, ulong index)
    {
        uint k0 = (uint)seed,
            k1 = (uint)(seed >> 32);
        uint x = (uint)index,
            y = (uint)(index >> 32),
            z = (uint)stream,
            w = (uint)(stream >> 32);
        for (var round = 0; round < Rounds; round++)
        {
            var a = (ulong)Multiplier0 * x;
            var b = (ulong)Multiplier1 * z;
            (x, y, z, w) = ((uint)(b >> 32) ^ y ^ k0, (uint)b, (uint)(a >> 32) ^ w ^ k1, (uint)a);
            unchecked
            {
                k0 += Weyl0;
                k1 += Weyl1;
            }
        }
        return (x, y, z, w);
    }

    /// <summary>Uniform in [0, 1): the top 24 bits, exact in float.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Uniform(uint bits) => (bits >> 8) * 5.9604644775390625e-8f;

    /// <summary>Uniform integer in [0, <paramref name="n"/>), as <c>philox_below</c> gives it; bias below n / 2^32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Below(uint bits, int n) => (int)(((ulong)bits * (uint)n) >> 32);

    /// <summary>Radius of Box and Muller (1958) from all 32 bits, centred so that the logarithm never sees 0.</summary>
    public static float NormalRadius(uint bits) =>
        MathF.Sqrt(-2 * MathF.Log(MathF.FusedMultiplyAdd(bits, 2.3283064365386963e-10f, 1.1641532182693481e-10f)));

    /// <summary>Angle of Box and Muller (1958), in [0, 2 pi).</summary>
    public static float NormalAngle(uint bits) => 6.2831853f * Uniform(bits);
}

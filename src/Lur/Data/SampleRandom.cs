using Lur.Tensors;

namespace Lur.Data;

/// <summary>
/// The draws of one generated sample: Philox blocks index * 2^16, index * 2^16 + 1, ... of a stream. A value type, where
/// <see cref="RandomStream"/> is an object: a sample is generated without touching the managed heap.
/// </summary>
internal struct SampleRandom(ulong seed, ulong stream, int index)
{
    private ulong _block = (ulong)index << 16;
    private (uint X, uint Y, uint Z, uint W) _words;
    private int _left;

    public uint Next()
    {
        if (_left == 0)
        {
            _words = Philox.Block(seed, stream, _block++);
            _left = 4;
        }
        return _left-- switch
        {
            4 => _words.X,
            3 => _words.Y,
            2 => _words.Z,
            _ => _words.W,
        };
    }

    /// <summary>Uniform in [0, 1), 24 bits.</summary>
    public float Uniform() => Philox.Uniform(Next());

    /// <summary>Uniform in [low, high).</summary>
    public float Uniform(float low, float high) => low + (high - low) * Uniform();

    /// <summary>Uniform in 0 to n - 1, by multiply-shift; bias below n / 2^32.</summary>
    public int Below(int n) => Philox.Below(Next(), n);
}

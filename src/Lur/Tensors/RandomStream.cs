using System.Text;

namespace Lur.Tensors;

/// <summary>
/// A stream of random numbers that kernels and C# share: number <c>i</c> of (seed, stream) is the same on the host, on
/// the device and in a resumed run.
/// </summary>
/// <remarks>
/// Word <c>i</c> is word <c>i mod 4</c> of Philox block <c>i / 4</c>. <c>random_uniform</c> and <c>random_normal</c>
/// write elements <c>i = 0 .. n-1</c> of the same sequence, offset by <c>step * 2^32</c>. Save <see cref="Seed"/>,
/// <see cref="Stream"/> and <see cref="Position"/> to resume. Not thread-safe; make one stream per purpose instead.
/// </remarks>
public sealed class RandomStream
{
    private (uint X, uint Y, uint Z, uint W) _block;
    private ulong _blockIndex;
    private bool _hasBlock;

    /// <summary>A stream by number, at its beginning.</summary>
    public RandomStream(ulong seed, ulong stream)
    {
        Seed = seed;
        Stream = stream;
    }

    /// <summary>A stream by name ("init/layer1.0.conv1.weight", "data/shuffle"), at its beginning.</summary>
    public RandomStream(ulong seed, string name)
        : this(seed, StreamOf(name)) { }

    /// <summary>A stream by name and number (an epoch, a step), at its beginning.</summary>
    public RandomStream(ulong seed, string name, long number)
        : this(seed, StreamOf(name, number)) { }

    /// <summary>The key of the generator.</summary>
    public ulong Seed { get; }

    /// <summary>The stream's number.</summary>
    public ulong Stream { get; }

    /// <summary>How many words have been drawn; the number of the next one.</summary>
    public ulong Position { get; set; }

    /// <summary>
    /// The stream's number for a name: FNV-1a (64 bit) over its UTF-8 bytes, finished by the mixer of SplitMix64. It
    /// never changes between versions: saved runs depend on it.
    /// </summary>
    public static ulong StreamOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var hash = 14695981039346656037ul;
        foreach (var b in Encoding.UTF8.GetBytes(name))
            hash = unchecked((hash ^ b) * 1099511628211ul);
        return Mix(hash);
    }

    /// <summary>The stream's number for a name and a number (an epoch, a step).</summary>
    public static ulong StreamOf(string name, long number) => Mix(unchecked(StreamOf(name) + (ulong)number));

    /// <summary>Word <paramref name="position"/> of the stream; does not move it.</summary>
    public uint WordAt(ulong position)
    {
        var index = position >> 2;
        if (!_hasBlock || index != _blockIndex)
        {
            _block = Philox.Block(Seed, Stream, index);
            _blockIndex = index;
            _hasBlock = true;
        }
        return (position & 3) switch
        {
            0 => _block.X,
            1 => _block.Y,
            2 => _block.Z,
            _ => _block.W,
        };
    }

    /// <summary>The next 32 random bits.</summary>
    public uint NextUInt() => WordAt(Position++);

    /// <summary>The next 64 random bits, low word first.</summary>
    public ulong NextULong()
    {
        ulong low = NextUInt();
        return low | ((ulong)NextUInt() << 32);
    }

    /// <summary>Uniform in [0, 1): a multiple of 2^-24. One word.</summary>
    public float Uniform() => Philox.Uniform(NextUInt());

    /// <summary>Uniform between two bounds, rounded as <c>random_uniform</c> rounds in float. One word.</summary>
    public float Uniform(float low, float high) => MathF.FusedMultiplyAdd(high - low, Uniform(), low);

    /// <summary>Uniform in [0, 1): a multiple of 2^-53. Two words.</summary>
    public double UniformDouble() => (NextULong() >> 11) * (1.0 / (1ul << 53));

    /// <summary>
    /// Standard normal (Box and Muller 1958). Element <c>i</c> is <c>random_normal</c>'s element <c>i</c> but for the
    /// last bits of log, cos and sin. One word's place, although a pair of normals is made of a pair of words.
    /// </summary>
    public float Normal()
    {
        var first = Position & ~1ul;
        var radius = Philox.NormalRadius(WordAt(first));
        var angle = Philox.NormalAngle(WordAt(first + 1));
        return radius * ((Position++ & 1) == 0 ? MathF.Cos(angle) : MathF.Sin(angle));
    }

    /// <summary>
    /// Uniform integer in [0, <paramref name="n"/>) without bias (Lemire 2019: multiply-shift with rejection). One word,
    /// seldom more.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="n"/> is not positive.</exception>
    public int Below(int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        var product = (ulong)NextUInt() * (uint)n;
        if ((uint)product >= (uint)n)
            return (int)(product >> 32);
        var threshold = unchecked((uint)-n) % (uint)n;
        while ((uint)product < threshold)
            product = (ulong)NextUInt() * (uint)n;
        return (int)(product >> 32);
    }

    /// <summary>Puts the items into a uniformly random order (Fisher and Yates; Durstenfeld 1964).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>A uniformly random permutation of 0 .. <paramref name="n"/>-1.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="n"/> is negative.</exception>
    public int[] Permutation(int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        var items = new int[n];
        for (var i = 0; i < n; i++)
            items[i] = i;
        Shuffle<int>(items);
        return items;
    }

    private static ulong Mix(ulong z)
    {
        unchecked
        {
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ul;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBul;
            return z ^ (z >> 31);
        }
    }
}

namespace Lur.Device;

/// <summary>What a GPU is capable of at best, by its maker's data sheet. Rates are dense, without sparsity.</summary>
/// <param name="Key">Name on the command line.</param>
/// <param name="Name">The maker's name.</param>
/// <param name="Capability">Compute capability.</param>
/// <param name="Multiprocessors">Streaming multiprocessors.</param>
/// <param name="BytesPerSecond">Peak of its memory.</param>
/// <param name="Float32">Operations a second in float32, outside of tensor cores; a multiply-add is two.</param>
/// <param name="Tf32">In TF32, on tensor cores.</param>
/// <param name="Bfloat16">In bfloat16, on tensor cores.</param>
/// <param name="L2Bytes">Second-level cache.</param>
/// <param name="SharedBytes">Shared memory of a multiprocessor.</param>
/// <param name="MemoryBytes">Memory.</param>
public sealed record DeviceModel(
    string Key,
    string Name,
    Version Capability,
    int Multiprocessors,
    double BytesPerSecond,
    double Float32,
    double Tf32,
    double Bfloat16,
    long L2Bytes,
    int SharedBytes,
    long MemoryBytes
)
{
    private const long Mib = 1L << 20;

    /// <summary>Threads of a multiprocessor, warps, blocks and registers: the same for compute capability 8.0 and 9.0 (CUDA C++
    /// Programming Guide, technical specifications per compute capability).</summary>
    internal const int Threads = 2048,
        Warps = 64,
        Blocks = 32,
        Registers = 65536;

    /// <summary>Those known. NVIDIA H100, H200 and A100 data sheets (SXM, dense rates), and the architecture white papers for
    /// multiprocessors, caches and shared memory.</summary>
    public static IReadOnlyList<DeviceModel> All { get; } =
    [
        new("a100", "A100 SXM 80 GB", new(8, 0), 108, 2.039e12, 19.5e12, 156e12, 312e12, 40 * Mib, 164 << 10, 80_000 * Mib),
        new("h100", "H100 SXM", new(9, 0), 132, 3.35e12, 67e12, 494.7e12, 989.4e12, 50 * Mib, 228 << 10, 80_000 * Mib),
        new("h200", "H200 SXM", new(9, 0), 132, 4.8e12, 67e12, 494.7e12, 989.4e12, 50 * Mib, 228 << 10, 141_000 * Mib),
    ];

    /// <summary>The names of those known, for help and messages.</summary>
    public static string Known => string.Join(", ", All.Select(m => m.Key));

    /// <summary>Finds one.</summary>
    /// <param name="key">Its name; case does not count.</param>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static DeviceModel Find(string key) =>
        All.FirstOrDefault(m => string.Equals(m.Key, key, StringComparison.OrdinalIgnoreCase))
        ?? throw new UserErrorException($"There is no device model '{key}'; known are {Known}.") { IsUsage = true };

    /// <summary>Operations a second of products whose factors are rounded so.</summary>
    internal double Rate(ProductPrecision products) =>
        products switch
        {
            ProductPrecision.Tf32 => Tf32,
            ProductPrecision.Bf16 => Bfloat16,
            _ => Float32,
        };

    /// <summary>Blocks of a kernel that one multiprocessor holds at once, as NVIDIA's occupancy calculator counts: registers are allotted
    /// to a warp in units of 256 and to four warps at a time, shared memory in units of 128 bytes.</summary>
    /// <param name="needs">What the kernel occupies; its shared memory with the system's 1024 bytes on compute capability 9.0.</param>
    /// <param name="threads">Threads of a block.</param>
    internal int BlocksAtOnce(KernelOccupancy needs, int threads)
    {
        var warps = (threads + 31) / 32;
        var perWarp = RoundUp(Math.Max(1, needs.Registers) * 32, 256);
        var byRegisters = Registers / perWarp / 4 * 4 / warps;
        var shared = RoundUp(needs.SharedBytes + (Capability.Major < 9 || needs.SharedBytes == 0 ? 1024 : 0), 128);
        return Math.Min(Math.Min(Blocks, Warps / warps), Math.Min(byRegisters, SharedBytes / shared));
    }

    private static int RoundUp(int n, int unit) => (n + unit - 1) / unit * unit;
}

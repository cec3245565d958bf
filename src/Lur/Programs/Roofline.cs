using Lur.Device;

namespace Lur.Programs;

/// <summary>What keeps an operation from being faster.</summary>
public enum Bound
{
    /// <summary>Bytes from and to memory.</summary>
    Memory,

    /// <summary>Arithmetic.</summary>
    Arithmetic,

    /// <summary>Starting it takes longer than running it.</summary>
    Launch,
}

/// <summary>A node and the time that it is predicted to take.</summary>
/// <param name="Node">The node.</param>
/// <param name="Seconds">With its start.</param>
/// <param name="Bound">What decides.</param>
/// <param name="Occupancy">Share of the warps that a multiprocessor can hold; NaN for products and copies.</param>
public sealed record PredictedNode(PlannedNode Node, double Seconds, Bound Bound, double Occupancy);

/// <summary>
/// A roofline: the time of a step on a model of GPU, from bytes and operations of its nodes, before it has run there.
/// </summary>
/// <remarks>
/// A node takes a start and, after it, the longer of bytes / bandwidth and operations / rate (Williams, Waterman, Patterson, "Roofline:
/// an insightful visual performance model for multicore architectures", 2009), each at the share of the peak that its blocks can
/// reach. Bandwidth: by Little's law as many bytes must be under way as memory delivers in its latency. Arithmetic: multiprocessors
/// without a block are idle, and one with fewer than <see cref="BusyThreads"/> threads waits for its own results.
/// </remarks>
public static class Roofline
{
    /// <summary>From the end of a node of a graph to the start of the next.</summary>
    public const double LaunchSeconds = 1e-6;

    /// <summary>From a request to memory to its answer.</summary>
    public const double LatencySeconds = 600e-9;

    /// <summary>Bytes that a thread has under way: four loads of four bytes.</summary>
    public const int BytesUnderWay = 16;

    /// <summary>As <see cref="BytesUnderWay"/>, of kernels for tensor cores: two steps of six asynchronous copies of 16 bytes.</summary>
    public const int CopiesUnderWay = 2 * 6 * 16;

    /// <summary>Threads that keep a multiprocessor busy: 128 lanes, four cycles from a multiply-add to its result.</summary>
    public const int BusyThreads = 512;

    /// <summary>A product is cut into tiles of this many rows and columns, and its sums into pieces of <see cref="Piece"/> terms.</summary>
    private const int Tile = 64,
        Piece = 256;

    /// <summary>Predicts one node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="model">The GPU.</param>
    /// <param name="needs">What its kernel occupies; null for products and copies.</param>
    /// <param name="products">What the factors of products are rounded to where the node does not round them further.</param>
    internal static PredictedNode Predict(PlannedNode node, DeviceModel model, KernelOccupancy? needs, ProductPrecision products)
    {
        var (memoryShare, arithmeticShare, occupancy) =
            needs is { } n && node.Shape.GridX > 0 ? Shares(node.Shape, n, model)
            : node.Product.Batch > 0 ? (1, ProductShare(node.Product, model), double.NaN)
            : (1, 1, double.NaN);
        var memory = node.Bytes / (model.BytesPerSecond * memoryShare);
        var isProduct = node.Product.Batch > 0 || node.Shape.MultiplyAdds > 0;
        var rate = isProduct ? model.Rate(node.Rounding > products ? node.Rounding : products) : model.Float32;
        var arithmetic = node.Operations / (rate * arithmeticShare);
        var work = Math.Max(memory, arithmetic);
        var bound =
            work < LaunchSeconds ? Bound.Launch
            : memory >= arithmetic ? Bound.Memory
            : Bound.Arithmetic;
        return new PredictedNode(node, LaunchSeconds + work, bound, occupancy);
    }

    /// <summary>Shares of peak bandwidth and peak rate that a launch can reach, and the share of the warps that its blocks could fill
    /// if there were enough of them.</summary>
    internal static (double Memory, double Arithmetic, double Occupancy) Shares(LaunchShape shape, KernelOccupancy needs, DeviceModel model)
    {
        var threads = (int)(shape.BlockX * shape.BlockY);
        var blocks = (long)shape.GridX * shape.GridY;
        // A block that does not fit would not start; one is what its launch then amounts to.
        var atOnce = Math.Max(1, model.BlocksAtOnce(needs, threads));
        var resident = Math.Min(blocks, (long)atOnce * model.Multiprocessors);
        var busy = Math.Min(blocks, model.Multiprocessors);
        var underWay = resident * threads * (double)(shape.MultiplyAdds > 0 ? CopiesUnderWay : BytesUnderWay);
        return (
            Math.Min(1, underWay / (model.BytesPerSecond * LatencySeconds)),
            (double)busy / model.Multiprocessors * Math.Min(1, (double)resident / busy * threads / BusyThreads),
            (double)atOnce * ((threads + 31) / 32) / DeviceModel.Warps
        );
    }

    private static double ProductShare(ProductSize p, DeviceModel model)
    {
        var tiles = Pieces(p.M, Tile) * Pieces(p.N, Tile) * p.Batch * Pieces(p.K, Piece);
        return Math.Min(1, (double)tiles / model.Multiprocessors);
    }

    private static long Pieces(int n, int size) => (n + size - 1) / size;
}

using Lur.Device;

namespace Lur.Layers;

/// <summary>Geometry of a two-dimensional convolution (cross-correlation, as in deep learning).</summary>
/// <param name="N">Images in the batch.</param>
/// <param name="H">Height of the input in pixels.</param>
/// <param name="W">Width of the input in pixels.</param>
/// <param name="C">Input channels.</param>
/// <param name="K">Output channels, the number of filters.</param>
/// <param name="R">Height of a filter.</param>
/// <param name="S">Width of a filter.</param>
/// <param name="Stride">Distance between neighbouring patches, the same in both directions.</param>
/// <param name="Pad">Rows of zeros above and columns of zeros left of the input; as many below and right of it unless
/// <see cref="PadEnd"/> or <see cref="Columns"/> say otherwise.</param>
public readonly record struct ConvolutionShape(int N, int H, int W, int C, int K, int R, int S, int Stride, int Pad)
{
    private readonly Padding? _columns;

    /// <summary>Rows of zeros below and columns of zeros right of the input.</summary>
    public int PadEnd { get; init; } = Pad;

    /// <summary>Columns of zeros, where they are not as many as the rows of zeros.</summary>
    public Padding Columns
    {
        get => _columns ?? new Padding(Pad, PadEnd);
        init => _columns = value == new Padding(Pad, PadEnd) ? null : value;
    }

    /// <summary>Height of the output in pixels.</summary>
    public int OutH => (H + Pad + PadEnd - R) / Stride + 1;

    /// <summary>Width of the output in pixels.</summary>
    public int OutW => (W + Columns.Begin + Columns.End - S) / Stride + 1;

    /// <summary>Elements of the input, N H W C.</summary>
    public long InputLength => (long)N * H * W * C;

    /// <summary>Elements of the filters, K R S C.</summary>
    public long FilterLength => (long)K * R * S * C;

    /// <summary>Elements of the output, N OutH OutW K.</summary>
    public long OutputLength => (long)N * OutH * OutW * K;

    /// <summary>Multiplications of one pass by the definition, without those saved by a fast algorithm.</summary>
    public long MultiplyAdds => OutputLength * R * S * C;

    /// <summary>The sizes as kernels take them.</summary>
    internal WindowGeometry Geometry =>
        new()
        {
            N = N,
            H = H,
            W = W,
            C = C,
            K = K,
            R = R,
            S = S,
            Stride = Stride,
            Top = Pad,
            Left = Columns.Begin,
            OH = OutH,
            OW = OutW,
        };

    /// <summary>True when every output pixel depends on the input pixel at its own place only: a plain matrix product.</summary>
    public bool IsPointwise => R == 1 && S == 1 && Stride == 1 && Pad == 0 && PadEnd == 0 && Columns == default;

    /// <summary>Checks that the geometry has an output and that kernels can index it.</summary>
    /// <exception cref="ArgumentException">A size below 1, a filter that does not fit, or 2^31 elements or more.</exception>
    public void Validate()
    {
        if (
            N < 1
            || H < 1
            || W < 1
            || C < 1
            || K < 1
            || R < 1
            || S < 1
            || Stride < 1
            || Math.Min(Math.Min(Pad, PadEnd), Math.Min(Columns.Begin, Columns.End)) < 0
        )
            throw new ArgumentException($"{this}: every size must be at least 1 and the padding at least 0.");
        if (H + Pad + PadEnd < R || W + Columns.Begin + Columns.End < S)
            throw new ArgumentException($"{this}: the filter is larger than the padded input; add padding or use a smaller filter.");
        if (Math.Max(InputLength, Math.Max(FilterLength, OutputLength)) > int.MaxValue)
            throw new ArgumentException($"{this}: a tensor has 2^31 elements or more; use a smaller batch.");
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"Convolution {N}x{H}x{W}x{C} -> {K}, filter {R}x{S}, stride {Stride}, padding {Pad}{(PadEnd == Pad ? "" : $" and {PadEnd}")}"
        + (_columns is { } c ? $", of columns {c.Begin} and {c.End}" : "");
}

using System.Globalization;

namespace Lur.Programs;

/// <summary>Extents of a dense tensor of rank 1 to 4, outermost first (activations: N, H, W, C; filters: K, R, S, C).</summary>
public readonly record struct Shape
{
    private readonly int _d0,
        _d1,
        _d2,
        _d3;

    /// <summary>Creates a shape of rank 1 to 4.</summary>
    /// <param name="extents">Positive extents, outermost first.</param>
    /// <exception cref="ArgumentException">The rank is not 1 to 4, an extent is below 1, or the element count reaches 2^31
    /// (kernels index with 32-bit integers).</exception>
    public Shape(params ReadOnlySpan<int> extents)
    {
        if (extents.Length is < 1 or > 4)
        {
            throw new ArgumentException($"A shape has 1 to 4 extents; {extents.Length} were given.", nameof(extents));
        }

        Rank = extents.Length;
        long count = 1;
        foreach (var extent in extents)
        {
            if (extent < 1)
                throw new ArgumentException($"Extents are at least 1; got {extent}.", nameof(extents));
            count = checked(count * extent);
        }

        if (count > int.MaxValue)
        {
            throw new ArgumentException(
                $"A tensor has fewer than 2^31 elements; this shape has {count}: use a smaller batch.",
                nameof(extents)
            );
        }

        Count = (int)count;
        _d0 = extents[0];
        _d1 = extents.Length > 1 ? extents[1] : 1;
        _d2 = extents.Length > 2 ? extents[2] : 1;
        _d3 = extents.Length > 3 ? extents[3] : 1;
    }

    /// <summary>Number of extents.</summary>
    public int Rank { get; }

    /// <summary>Number of elements.</summary>
    public int Count { get; }

    /// <summary>Extent of one axis; 1 beyond the rank.</summary>
    public int this[int axis] =>
        axis switch
        {
            0 => _d0,
            1 => _d1,
            2 => _d2,
            3 => _d3,
            _ => throw new ArgumentOutOfRangeException(nameof(axis)),
        };

    /// <summary>The last extent (channels of an activation).</summary>
    public int Innermost => this[Rank - 1];

    /// <summary>Number of innermost rows: <see cref="Count"/> / <see cref="Innermost"/>.</summary>
    public int Rows => Count / Innermost;

    /// <summary>The same extents but for the last one.</summary>
    public Shape WithInnermost(int extent)
    {
        var self = this;
        return new Shape([.. Sequences.Range(0, Rank - 1).Select(axis => self[axis]), extent]);
    }

    /// <summary>The shape of a batch of such tensors.</summary>
    /// <exception cref="ArgumentException">The rank is 4 already.</exception>
    public Shape Batched(int batch)
    {
        var self = this;
        return new Shape([batch, .. Sequences.Range(0, Rank).Select(axis => self[axis])]);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var self = this;
        return "[" + string.Join(", ", Sequences.Range(0, Rank).Select(i => self[i].ToString(CultureInfo.InvariantCulture))) + "]";
    }
}

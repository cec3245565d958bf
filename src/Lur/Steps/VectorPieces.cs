namespace Lur.Steps;

/// <summary>A part of a vector that one launch works on: at most a whole segment, and few enough elements for an int.</summary>
/// <param name="Segment">Segment it lies in.</param>
/// <param name="Offset">First element, counted within the segment.</param>
/// <param name="Count">Number of elements.</param>
internal readonly record struct VectorPiece(int Segment, long Offset, int Count);

/// <summary>How the vectors of a step are cut, and where a step keeps its numbers: one block of doubles.</summary>
internal sealed class VectorPieces
{
    /// <summary>Most sums that a pass makes.</summary>
    internal const int MostValues = 6;

    private const int LongestPiece = 1 << 30;
    private const long MostElements = 1L << 40;

    /// <summary>Cuts vectors.</summary>
    /// <param name="counts">Elements of each segment.</param>
    /// <exception cref="ArgumentException">There is no segment, or one is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are more elements than memory can hold.</exception>
    internal VectorPieces(ReadOnlySpan<long> counts)
    {
        if (counts.IsEmpty)
            throw new ArgumentException("A vector needs at least one segment.");
        var pieces = new List<VectorPiece>();
        for (var s = 0; s < counts.Length; s++)
        {
            if (counts[s] < 1)
                throw new ArgumentException($"Segment {s} has {counts[s]} elements; leave empty ones out.");
            if (counts[s] > MostElements - Elements)
                throw new ArgumentOutOfRangeException(null, $"The vector has more than {MostElements} elements.");
            Elements += counts[s];
            for (long offset = 0; offset < counts[s]; offset += LongestPiece)
                pieces.Add(new VectorPiece(s, offset, (int)Math.Min(LongestPiece, counts[s] - offset)));
        }

        (All, Segments) = ([.. pieces], counts.Length);
        // One piece is cut as Step cuts a flat vector; of many, each still has enough parts for a GPU.
        Parts = All.Length == 1 ? Optimizers.Optimizer.PartialCount : Math.Max(64, Optimizers.Optimizer.PartialCount / All.Length);
    }

    /// <summary>The pieces, in the order of the vector.</summary>
    internal VectorPiece[] All { get; }

    /// <summary>Segments of a vector.</summary>
    internal int Segments { get; }

    /// <summary>Elements of a vector.</summary>
    internal long Elements { get; }

    /// <summary>Partial sums of a piece.</summary>
    internal int Parts { get; }

    /// <summary>Doubles for the sums of the pieces and their partial sums.</summary>
    internal long SumDoubles => (long)All.Length * MostValues * (Parts + 1);
}

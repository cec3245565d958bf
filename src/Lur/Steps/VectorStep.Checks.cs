using Lur.Device;

namespace Lur.Steps;

/// <content>What a caller can get wrong, and the guard.</content>
public sealed partial class VectorStep
{
    private static void Require(bool inOrder, string call, string rule)
    {
        if (!inOrder)
            throw new InvalidOperationException($"The {call} is out of order: {rule}.");
    }

    private void Check(ReadOnlySpan<ulong> vector, string name, int size = 0)
    {
        if (vector.Length != Segments)
            throw new ArgumentException($"'{name}' has {vector.Length} segments; the vectors of this step have {Segments}.");
        var alignment = (ulong)(size == 0 ? _options.Precision.Size() : size);
        for (var s = 0; s < vector.Length; s++)
        {
            if (vector[s] == 0)
                throw new ArgumentException($"Segment {s} of '{name}' has no address.");
            if (vector[s] % alignment != 0)
                throw new ArgumentException($"Segment {s} of '{name}' lies at 0x{vector[s]:x}, which is no multiple of {alignment}.");
        }
    }

    private void CheckOptional(ReadOnlySpan<ulong> vector, string name, int size = 0)
    {
        if (!vector.IsEmpty)
            Check(vector, name, size);
    }

    /// <summary>Refuses a vector that is written and shares memory with one that is read, or is written as well.</summary>
    /// <param name="vector">What is written.</param>
    /// <param name="name">Its name.</param>
    /// <param name="other">The other; empty for one that is left out.</param>
    /// <param name="maySame">Whether the two may be one vector, segment by segment.</param>
    /// <param name="size">Bytes of an element of the other; 0 for those of the step's vectors.</param>
    private void CheckApart(ReadOnlySpan<ulong> vector, string name, ReadOnlySpan<ulong> other, bool maySame = false, int size = 0)
    {
        if (other.Length != vector.Length || (maySame && vector.SequenceEqual(other)))
            return;
        var bytes = _options.Precision.Size();
        ReadOnlySpan<Range> mine = Sorted(vector, bytes, _mine),
            theirs = Sorted(other, size == 0 ? bytes : size, _theirs);
        // Both in the order of their addresses: the one that ends first cannot meet what follows in the other.
        for (int i = 0, j = 0; i < mine.Length && j < theirs.Length; )
        {
            if (mine[i].Start < theirs[j].End && theirs[j].Start < mine[i].End)
                throw new ArgumentException(
                    $"'{name}' is written, and its segment {mine[i].Segment} "
                        + $"{(mine[i].Start == theirs[j].Start ? "is that" : "overlaps one")} of another vector of the call."
                );
            if (mine[i].End < theirs[j].End)
                i++;
            else
                j++;
        }
    }

    private ReadOnlySpan<Range> Sorted(ReadOnlySpan<ulong> vector, int bytes, Range[] ranges)
    {
        var sorted = true;
        for (var s = 0; s < ranges.Length; s++)
        {
            ranges[s] = new Range(vector[s], vector[s] + ((ulong)_counts[s] * (ulong)bytes), s);
            sorted &= s == 0 || ranges[s - 1].Start <= ranges[s].Start;
        }

        if (!sorted)
            Array.Sort(ranges, s_byStart);
        return ranges;
    }

    private static readonly Comparison<Range> s_byStart = (a, b) => a.Start.CompareTo(b.Start);

    /// <summary>Bytes from the start up to the end, which is not one of them.</summary>
    private readonly record struct Range(ulong Start, ulong End, int Segment);

    /// <summary>Checks g, v and h, measures what was not measured before, and decides whether the step counts.</summary>
    /// <returns>h; empty where it has no effect, so that alpha = 0 is first order bit for bit.</returns>
    private ReadOnlySpan<ulong> BeginGradient(string call, ReadOnlySpan<ulong> g, ReadOnlySpan<ulong> v, ReadOnlySpan<ulong> h)
    {
        Require(_stage is Stage.LookedAhead or Stage.HasProduct, call, "it comes behind the look-ahead, and behind a whole difference");
        Check(g, nameof(g));
        CheckOptional(v, nameof(v));
        CheckOptional(h, nameof(h));
        if (!h.IsEmpty && (v.IsEmpty || _options.Product == VectorProduct.None))
            throw new ArgumentException(v.IsEmpty ? "There is an h, and no v." : "There is an h, and the step is of first order.");
        var measured = _stage == Stage.HasProduct;
        Require(h.IsEmpty || measured || _options.Product == VectorProduct.Given, call, "its h comes from a difference");
        if (_options.Alpha == 0)
            h = default;
        if (v.IsEmpty || !measured)
            Square(v, ForgetSquare);
        if (h.IsEmpty || !measured)
            Square(h, ProductSquare);
        _kernels.Guard.StepGuard(_device.Elements(1), At(Skip).As<int>(), At(RetainSquare), default, Guarded);
        return h;
    }
}

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

    /// <summary>Refuses a vector that is written and is one of those that are read.</summary>
    private static void CheckApart(ReadOnlySpan<ulong> vector, string name, ReadOnlySpan<ulong> other)
    {
        for (var s = 0; s < Math.Min(vector.Length, other.Length); s++)
        {
            if (vector[s] == other[s])
                throw new ArgumentException($"'{name}' is written, and its segment {s} is that of another vector of the call.");
        }
    }

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

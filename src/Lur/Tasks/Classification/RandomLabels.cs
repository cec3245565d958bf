using Lur.Tensors;

namespace Lur.Tasks.Classification;

/// <summary>Classes a random label is drawn from.</summary>
public enum LabelDraw
{
    /// <summary>The other classes: never the given label.</summary>
    [Choice("other")]
    Other,

    /// <summary>All classes, the given label among them with probability 1 / classes.</summary>
    [Choice("any")]
    Any,
}

/// <summary>Labels drawn for the forget set. One word of a stream belongs to each sample, so that a draw depends on the
/// sample's number and on nothing drawn before it.</summary>
internal static class RandomLabels
{
    private static readonly ulong s_stream = RandomStream.StreamOf("forget-labels");

    /// <summary>Replaces the labels of a batch by draws.</summary>
    /// <param name="labels">Labels, replaced in place.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="counter">Number of the batch's first sample.</param>
    /// <param name="classes">Number of classes; at least 2 for <see cref="LabelDraw.Other"/>.</param>
    /// <param name="draw">Classes to draw from.</param>
    public static void Redraw(Span<int> labels, ulong seed, ulong counter, int classes, LabelDraw draw = LabelDraw.Other)
    {
        // The words of RandomStream, without the object: a step allocates nothing.
        for (var i = 0; i < labels.Length; i++)
        {
            var position = counter + (ulong)i;
            var (x, y, z, w) = Philox.Block(seed, s_stream, position >> 2);
            var word = (position & 3) switch
            {
                0 => x,
                1 => y,
                2 => z,
                _ => w,
            };
            labels[i] = Draw(word, labels[i], classes, draw);
        }
    }

    /// <summary>The label that a random word stands for. The bias of the plain multiply-shift is below classes / 2^32; a
    /// rejection would shift what follows.</summary>
    public static int Draw(uint word, int label, int classes, LabelDraw draw)
    {
        if (draw == LabelDraw.Any)
            return (int)(((ulong)word * (ulong)classes) >> 32);
        var other = (int)(((ulong)word * (ulong)(classes - 1)) >> 32);
        return other >= label ? other + 1 : other;
    }
}

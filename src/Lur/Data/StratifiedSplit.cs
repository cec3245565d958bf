using Lur.Tensors;

namespace Lur.Data;

/// <summary>Holds out the same share of every class.</summary>
internal static class StratifiedSplit
{
    /// <summary>
    /// Draws round(share * n) of the n samples of each class, but at least one and never all (a class of one sample is
    /// kept whole); a share of 0 holds out nothing.
    /// </summary>
    /// <returns>Both parts in ascending order.</returns>
    public static (int[] Kept, int[] HeldOut) Draw(IImageDataset data, double share, ulong seed)
    {
        var byClass = new List<int>[data.ClassNames.Count];
        for (var c = 0; c < byClass.Length; c++)
            byClass[c] = [];
        for (var i = 0; i < data.Count; i++)
            byClass[data.Label(i)].Add(i);
        var kept = new List<int>(data.Count);
        var heldOut = new List<int>();
        for (var c = 0; c < byClass.Length; c++)
        {
            int[] members = [.. byClass[c]];
            new RandomStream(seed, "data/split", c).Shuffle<int>(members);
            var take =
                share == 0 || members.Length < 2
                    ? 0
                    : Math.Clamp((int)Math.Round(share * members.Length, MidpointRounding.AwayFromZero), 1, members.Length - 1);
            heldOut.AddRange(members.AsSpan(0, take));
            kept.AddRange(members.AsSpan(take));
        }
        kept.Sort();
        heldOut.Sort();
        return ([.. kept], [.. heldOut]);
    }
}

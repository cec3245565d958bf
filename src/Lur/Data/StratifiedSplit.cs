namespace Lur.Data;

/// <summary>First values of the Philox streams of this folder; what is added to one stays below 2^48.</summary>
internal static class Streams
{
    public const ulong Split = 1ul << 48, Forget = 2ul << 48, Epoch = 3ul << 48, Synthetic = 4ul << 48;
}

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
        for (int c = 0; c < byClass.Length; c++)
            byClass[c] = [];
        for (int i = 0; i < data.Count; i++)
            byClass[data.Label(i)].Add(i);
        var kept = new List<int>(data.Count);
        var heldOut = new List<int>();
        for (int c = 0; c < byClass.Length; c++)
        {
            int[] members = [.. byClass[c]];
            new CounterRandom(seed, Streams.Split + (ulong)c).Shuffle(members);
            int take = share == 0 || members.Length < 2
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

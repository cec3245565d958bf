using Lur.Data;

namespace Lur.Runs;

/// <summary>Resolves what a run forgets, and says which other pictures of the data set show the same.</summary>
internal static class CopyCheck
{
    private const int Shown = 3;

    /// <summary>Resolves specifications and looks for copies.</summary>
    /// <param name="specifications">As <see cref="ForgetSet.Resolve(IReadOnlyList{string}, DataSource, ReadOnlySpan{int}, ulong,
    /// ReadOnlySpan{int})"/>
    /// takes them.</param>
    /// <param name="alsoCopies">Whether copies in the retain set are forgotten, too; null where that cannot be asked for.</param>
    /// <param name="source">Data set.</param>
    /// <param name="pictures">Its samples as pictures; null where copies cannot be found.</param>
    /// <param name="split">Split of its training part.</param>
    /// <param name="seed">Seed of random choices.</param>
    /// <param name="host">Hears of copies and of samples that were held out.</param>
    /// <param name="cancel">Stops the search.</param>
    /// <param name="earlier">Samples that earlier requests made the model forget.</param>
    public static (ForgetSet Set, SampleCopies Copies) Resolve(
        IReadOnlyList<string> specifications,
        bool? alsoCopies,
        DataSource source,
        DataSource? pictures,
        DataSplit split,
        ulong seed,
        RunHost host,
        CancellationToken cancel,
        params ReadOnlySpan<int> earlier
    )
    {
        var set = ForgetSet.Resolve(specifications, source, split.Train, seed, earlier);
        foreach (var note in set.Notes)
            host.Progress.Warn(note + ".");
        if (pictures is null || !SampleCopies.MayHave(pictures))
            return (set, SampleCopies.None);
        SampleCopies copies;
        using (var stage = host.Progress.Stage("compare pictures", source.Train.Count + source.Test.Count, "images"))
            copies = SampleCopies.Find(pictures, split, set, stage.Report, cancel);
        if (alsoCopies == true)
            (set, copies) = copies.AlsoForget(source.Train, set);
        // Only a forgetting run has the option.
        Tell(copies, host, alsoCopies is null ? "name them, too" : $"{host.Spell("also-copies")} forgets them, too");
        return (set, copies);
    }

    private static void Tell(SampleCopies copies, RunHost host, string remedy)
    {
        Warn(copies.Retain, "retained", "what is to be forgotten stays known through them; " + remedy);
        Warn(copies.Validation, "in the validation part", "validation counts what the model is to forget");
        Warn(copies.Test, "in the test part", "the test accuracy counts what the model is to forget");
        if (copies.AlsoForgotten.Count > 0)
            host.Progress.Note($"forgets {Count(copies.AlsoForgotten.Count)} more that equal one to forget: {Names(copies.AlsoForgotten)}");
        void Warn(IReadOnlyList<SampleCopy> found, string where, string why)
        {
            if (found.Count > 0)
                host.Progress.Warn(
                    $"{Count(found.Count)} {(found.Count == 1 ? "equals a sample" : "equal samples")} to forget and "
                        + $"{(found.Count == 1 ? "is" : "are")} {where} ({Names(found)}): {why}."
                );
        }
    }

    private static string Count(int count) => count == 1 ? "1 picture" : $"{count} pictures";

    private static string Names(IReadOnlyList<SampleCopy> copies) =>
        string.Join(
            ", ",
            copies.Take(Shown).Select(c => $"'{c.Copy.Name}' has the {(c.SameBytes ? "bytes" : "pixels")} of '{c.Sample.Name}'")
        ) + (copies.Count > Shown ? ", ..." : "");
}

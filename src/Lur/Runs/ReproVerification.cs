using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>Verifies the runs of one seed of a recipe whose models draw: one judge, and one look at the original and at Retrain. A
/// verification that is done is not made again.</summary>
/// <param name="recipe">The recipe.</param>
/// <param name="seed">Images start from it, and the judge is trained with it.</param>
/// <param name="data">Data set.</param>
/// <param name="cacheFolder">Where judges are kept.</param>
/// <param name="host">Where it computes and whom it tells.</param>
internal sealed class ReproVerification(Recipe recipe, ulong seed, string data, string cacheFolder, RunHost host)
{
    private readonly GenerationSettings _settings = RecipeVerification.For(recipe.Verification, seed) with
    {
        Assessed = new Dictionary<string, GenerativeAssessment>(StringComparer.Ordinal),
    };

    /// <summary>Verifies a run, unless it was verified by this very program in the same way.</summary>
    /// <param name="output">Its folder.</param>
    /// <param name="original">The original model.</param>
    /// <param name="reference">Folder of Retrain of the same seed; null for Retrain itself, and where there is none.</param>
    /// <param name="key">Makes a key of what is asked and everything that all keys have.</param>
    /// <param name="cancel">Stops it.</param>
    public void Verify(
        string output,
        string original,
        string? reference,
        Func<IReadOnlyList<(string, string)>, ContentKey> key,
        CancellationToken cancel
    )
    {
        var asked = key([
            ("model", Sha256In(output)),
            ("reference", reference is null ? "none" : Sha256In(reference)),
            .. RecipeVerification.Key(_settings),
        ]);
        if (DoneFile.WhyMissing(output, asked, DoneKind.Verification) is not { } why)
            return;
        if (why.Length > 0)
            host.Progress.Note(why);
        File.Delete(Path.Combine(output, DoneKind.Verification.Name));
        var settings = new VerifySettings
        {
            Runs = [output],
            References = reference is null ? [] : [reference],
            Model = original,
            Data = data,
            Seed = seed,
            Generation = _settings,
            CacheFolder = cacheFolder,
        };
        var result = new GenerationVerifyRun(settings, host).Run(cancel);
        DoneFile.Mark(output, asked, host.Producer, DoneKind.Verification);
        host.Progress?.Report(new RunVerified(output, result.Verdict.Sentence));
    }

    private static string Sha256In(string folder) => RunFolder.Sha256Of(Path.Combine(folder, OutputFolder.ModelName));
}

using System.Text.Json;

namespace Lur.Runs;

/// <summary>A number of a verified model that draws.</summary>
/// <param name="Name">Name in files, and of columns.</param>
/// <param name="Of">Reads it from the folder of a run; NaN where it was not measured.</param>
public sealed record DrawnNumber(string Name, Func<RunFolder, double> Of);

/// <summary>The numbers by which comparisons and reproductions set models that draw side by side.</summary>
public static class DrawnNumbers
{
    /// <summary>Share of the images of forgotten labels that are not classed as asked, percent.</summary>
    public const string Unlearning = "ua";

    /// <summary>Share of the images of kept labels that are classed as asked, percent.</summary>
    public const string Agreement = "agreement";

    /// <summary>Fréchet distance of the kept classes to real images, in the judge's features.</summary>
    public const string Distance = "fd";

    /// <summary>That distance of real to other real images at the same count.</summary>
    public const string Floor = "floor";

    /// <summary>Mean denoising loss of the forgotten classes' test images.</summary>
    public const string ForgottenLoss = "forgottenLoss";

    /// <summary>Mean denoising loss of the kept classes' test images.</summary>
    public const string KeptLoss = "keptLoss";

    /// <summary>What the name of a loss ends with where it is a difference to Retrain's.</summary>
    public const string Gap = "Gap";

    /// <summary>What the folder of a run has.</summary>
    public static IReadOnlyList<DrawnNumber> Measured { get; } =
    [
        new(Unlearning, r => Metric(r, Unlearning)),
        new("entropy", r => Mean(r.Verification, "forgotten", f => f.Number("unlearned", "entropy"))),
        new(Agreement, r => Metric(r, Agreement)),
        new(Distance, r => Kept(r, "distance")),
        new(Floor, r => r.Verification.Number("keptFeatures", "floor")),
        new("precision", r => Kept(r, "precision")),
        new("recall", r => Kept(r, "recall")),
        new(ForgottenLoss, r => TestLoss(r, "unlearnedLoss", forgotten: true)),
        new(KeptLoss, r => TestLoss(r, "unlearnedLoss", forgotten: false)),
    ];

    /// <summary>Losses that are compared with Retrain's, on the same images with the same noise.</summary>
    public static IReadOnlyList<string> Compared { get; } = [ForgottenLoss, KeptLoss];

    /// <summary>Names of all: those of <see cref="Measured"/>, then the gaps.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Measured.Select(m => m.Name), .. Compared.Select(c => c + Gap)];

    /// <summary>The measured numbers of a run, by name.</summary>
    /// <param name="run">A run that was verified by itself.</param>
    /// <exception cref="UserErrorException">It was not.</exception>
    public static Dictionary<string, double> Read(RunFolder run)
    {
        ArgumentNullException.ThrowIfNull(run);
        RequireVerified(run);
        return Measured.ToDictionary(m => m.Name, m => m.Of(run), StringComparer.Ordinal);
    }

    /// <summary>Denoising losses of the test images of some classes.</summary>
    /// <param name="run">The run.</param>
    /// <param name="model">"originalLoss" or "unlearnedLoss".</param>
    /// <param name="forgotten">Of the classes that the request names, or of those that are neither forgotten now nor were
    /// earlier.</param>
    internal static double[] TestLosses(RunFolder run, string model, bool forgotten)
    {
        string[] names = [.. Array(run.Verification, "classes").Select(c => c.Text("class"))];
        var (requested, gone) = (run.RequestedClasses, run.ForgottenClasses);
        double[] losses = run.Result.Numbers("samples", "test", model),
            labels = run.Result.Numbers("samples", "test", "label");
        bool Counts(double label) =>
            label >= 0 && label < names.Length && (forgotten ? requested.Contains(names[(int)label]) : !gone.Contains(names[(int)label]));
        return [.. losses.Zip(labels).Where(p => Counts(p.Second)).Select(p => p.First)];
    }

    /// <summary>Refuses a run of which nobody knows what it draws.</summary>
    /// <exception cref="UserErrorException">It was not verified, or together with others.</exception>
    internal static void RequireVerified(RunFolder run)
    {
        if (run.Verification.Text("kind") == ConceptVerifyFiles.Kind)
            throw new UserErrorException(
                $"'{run.Path}' was verified for a concept, and such runs are not set side by side; each one's {VerifyFiles.FileName} and "
                    + $"{OutputFolder.PageName} have its numbers."
            );
        if (run.Verification.Text("kind") != GenerationVerifyFiles.Kind)
            throw new UserErrorException(
                $"'{run.Path}' was not verified, so nobody knows what it draws; run 'lur verify {run.Path}' first."
            );
        if (Find(run, Unlearning)?.Number("unlearned", "seeds") is > 1 and var seeds)
            throw new UserErrorException(
                $"'{run.Path}' was verified together with others, and {VerifyFiles.FileName} has the mean of {seeds} runs; run 'lur verify "
                    + $"{run.Path}' for it alone."
            );
    }

    internal static JsonElement[] Array(JsonElement e, string name) =>
        e.Find(name) is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray()] : [];

    private static JsonElement? Find(RunFolder run, string metric) =>
        Array(run.Verification, "metrics").Where(m => m.Text("metric") == metric).Select(m => (JsonElement?)m).FirstOrDefault();

    private static double Metric(RunFolder run, string name) => Find(run, name)?.Number("unlearned", "mean") ?? double.NaN;

    private static double Kept(RunFolder run, string name) => run.Verification.Number("keptFeatures", name, "unlearned", "mean");

    private static double TestLoss(RunFolder run, string model, bool forgotten) =>
        TestLosses(run, model, forgotten) is { Length: > 0 } losses ? losses.Average() : double.NaN;

    private static double Mean(JsonElement e, string list, Func<JsonElement, double> of) =>
        Array(e, list) is { Length: > 0 } all ? all.Average(of) : double.NaN;
}

using System.Globalization;
using Lur.Data;

namespace Lur.Runs;

/// <summary>Work of stages in passes of an image through the model, by rule of thumb: forward 1, forward and backward 3. It only has to
/// be right enough for the time that is left before the first stage of a kind is over.</summary>
internal static class StageWork
{
    private const double Step = 3,
        UnlearningStep = 6,
        Attacks = 4;

    /// <summary>An epoch of training.</summary>
    public static double Train(long images) => Step * images;

    /// <summary>The steps of a method.</summary>
    public static double Unlearn(long steps, string? batch) =>
        UnlearningStep * steps * (int.TryParse(batch, NumberStyles.None, CultureInfo.InvariantCulture, out var rows) ? rows : 128);

    /// <summary>A model on all three sets, and on what earlier requests made it forget.</summary>
    public static double Evaluate(ForgetSet set, DataSource source) => Compared(set, source) + set.Earlier.Length;

    /// <summary>What attacks look at.</summary>
    private static double Compared(ForgetSet set, DataSource source) => set.Forget.Length + set.Retain.Length + source.Test.Count;

    /// <summary>Stages of a forgetting run.</summary>
    public static IEnumerable<PlannedStage> Forget(BoundMethod bound, ForgetParts parts)
    {
        var (method, set) = (parts.Method, parts.Set);
        var evaluate = Evaluate(set, parts.Source);
        var batch = bound.Options.Texts().FirstOrDefault(o => o.Option.Name == "batch").Text;
        yield return new PlannedStage("evaluate", evaluate);
        foreach (var preparation in method.Preparations)
            yield return new PlannedStage(preparation.Name, set.Forget.Length);
        if (method.Steps > 0)
            yield return new PlannedStage(RunFolder.RepairStage, Unlearn(method.Steps, batch));
        yield return new PlannedStage("evaluate", evaluate);
    }

    /// <summary>Stages of a verification, once the references are there.</summary>
    public static IEnumerable<PlannedStage> Verify(VerifySettings settings, ForgetSet set, DataSource source, int unlearned, int retrained)
    {
        var images = Compared(set, source);
        for (var model = 0; model < 1 + unlearned + retrained; model++)
        {
            yield return new PlannedStage("evaluate", Evaluate(set, source));
            if (settings.Attacks != AttackChoice.None)
                yield return new PlannedStage("attack", Attacks * images);
        }

        foreach (var attack in settings.Relearning)
            for (var model = 0; model < unlearned + retrained; model++)
                yield return new PlannedStage("relearn", Step * attack.Steps[^1] * attack.BatchSize);
    }
}

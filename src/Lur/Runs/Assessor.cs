using Lur.Data;
using Lur.Metrics;
using Lur.Models;
using Lur.Tasks.Classification;

namespace Lur.Runs;

/// <summary>Predictions of one model on the three sets, and the metrics that follow.</summary>
/// <param name="Forget">On the forget set.</param>
/// <param name="Retain">On the retain set.</param>
/// <param name="Test">On the test set, all of it.</param>
/// <param name="Metrics">UA, RA, TA.</param>
/// <param name="MembershipInference">MIA: share of the forget set judged non-member, percent.</param>
public sealed record Assessment(
    Predictions Forget,
    Predictions Retain,
    Predictions Test,
    ForgettingMetrics Metrics,
    double MembershipInference
) : ModelMeasure
{
    internal override ForgetOutcome Then(ModelMeasure unlearned) => new ClassifierOutcome(this, (Assessment)unlearned);

    /// <summary>The four numbers of an unlearning table.</summary>
    public UnlearningScores Scores => new(Metrics.UnlearningAccuracy, Metrics.RetainAccuracy, Metrics.TestAccuracy, MembershipInference);

    /// <summary>On what earlier requests made the model forget; null where there were none. It counts in no metric.</summary>
    public Predictions? Earlier { get; init; }

    /// <summary>What further attacks found; empty unless they were asked for.</summary>
    public IReadOnlyList<AttackResult> Attacks { get; init; } = [];
}

/// <summary>Which membership attacks are run beside that of the MIA column.</summary>
public enum AttackChoice
{
    /// <summary>None.</summary>
    None,

    /// <summary>All but the vector of all probabilities.</summary>
    Scalar,

    /// <summary>All.</summary>
    All,
}

/// <summary>Measures models on the sets of one forgetting task.</summary>
/// <param name="progress">Where progress goes.</param>
/// <param name="source">Data.</param>
/// <param name="set">What was forgotten and retained.</param>
/// <param name="attacks">Attacks to run beside that of the MIA column.</param>
/// <param name="seed">Seed of the attacks' draws.</param>
internal sealed class Assessor(
    IProgress<RunEvent>? progress,
    DataSource source,
    ForgetSet set,
    AttackChoice attacks = AttackChoice.None,
    ulong seed = 1
)
{
    /// <summary>Measures a model.</summary>
    /// <param name="model">Model.</param>
    /// <param name="name">Which model it is, for progress.</param>
    /// <param name="cancel">Stops between batches.</param>
    public Assessment Assess(Model model, string name, CancellationToken cancel)
    {
        using var evaluator = new Evaluator(model);
        var (forget, retain, test, earlier) = Predict(evaluator, $"evaluate {name}", cancel);
        var metrics = ForgettingMetrics.Compute(forget, retain, test, set.WholeClasses.ToHashSet(), source.Train.ClassNames.Count);
        var kept = set.WholeClasses.Count == 0 ? test : test.Where(c => !set.WholeClasses.Contains(c));
        var result = new Assessment(forget, retain, test, metrics, MembershipInference.ForgetEfficacy(retain, kept, forget).Value)
        {
            Earlier = earlier,
        };
        if (attacks == AttackChoice.None)
            return result;
        var vector = attacks == AttackChoice.All;
        using var stage = progress.Stage($"attack {name}", MembershipAttacks.Names(vector).Count, "attacks");
        return result with { Attacks = MembershipAttacks.Run(retain, kept, forget, vector, seed, n => stage.Report(n), cancel) };
    }

    private (Predictions Forget, Predictions Retain, Predictions Test, Predictions? Earlier) Predict(
        Evaluator evaluator,
        string task,
        CancellationToken cancel
    )
    {
        var total = (long)set.Forget.Length + set.Retain.Length + set.Earlier.Length + source.Test.Count;
        using var stage = progress.Stage(task, total, "images");
        long done = 0;
        Predictions Of(IImageDataset data, int[] indices)
        {
            var start = done;
            var result = evaluator.Predict(data, indices, attacks != AttackChoice.None, n => stage.Report(done = start + n), cancel);
            done = start + indices.Length;
            return result;
        }

        return (
            Of(source.Train, set.Forget),
            Of(source.Train, set.Retain),
            Of(source.Test, [.. Sequences.Range(0, source.Test.Count)]),
            set.Earlier.Length == 0 ? null : Of(source.Train, set.Earlier)
        );
    }
}

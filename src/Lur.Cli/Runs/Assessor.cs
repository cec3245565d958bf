using Lur.Data;
using Lur.Layers;
using Lur.Metrics;
using Lur.Training;

namespace Lur.Cli.Runs;

/// <summary>Predictions of one model on the three sets, and the metrics that follow.</summary>
/// <param name="Forget">On the forget set.</param>
/// <param name="Retain">On the retain set.</param>
/// <param name="Test">On the test set, all of it.</param>
/// <param name="Metrics">UA, RA, TA.</param>
/// <param name="MembershipInference">MIA: share of the forget set judged non-member, percent.</param>
internal sealed record Assessment(Predictions Forget, Predictions Retain, Predictions Test, ForgettingMetrics Metrics, double MembershipInference)
{
    /// <summary>The four numbers of an unlearning table.</summary>
    public UnlearningScores Scores => new(Metrics.UnlearningAccuracy, Metrics.RetainAccuracy, Metrics.TestAccuracy, MembershipInference);
}

/// <summary>Measures models on the sets of one forgetting task.</summary>
internal sealed class Assessor(CommandContext context, DataSource source, ForgetSet set)
{
    /// <summary>Measures a model.</summary>
    /// <param name="model">Model.</param>
    /// <param name="task">Name for progress.</param>
    /// <param name="cancel">Stops between batches.</param>
    public Assessment Assess(TrainedModel model, string task, CancellationToken cancel)
    {
        using var evaluator = new Evaluator(model);
        return Assess(evaluator, task, cancel);
    }

    /// <summary>Measures the model of an evaluator as it is now.</summary>
    public Assessment Assess(Evaluator evaluator, string task, CancellationToken cancel)
    {
        var total = (long)set.Forget.Length + set.Retain.Length + source.Test.Count;
        using var progress = new ProgressReporter(context, task, total, "images");
        long done = 0;
        Predictions Predict(IImageDataset data, int[] indices)
        {
            var start = done;
            var result = evaluator.Predict(data, indices, n => progress.Report(done = start + n), cancel);
            done = start + indices.Length;
            return result;
        }

        var forget = Predict(source.Train, set.Forget);
        var retain = Predict(source.Train, set.Retain);
        var test = Predict(source.Test, [.. Enumerable.Range(0, source.Test.Count)]);
        var metrics = ForgettingMetrics.Compute(forget, retain, test, set.WholeClasses.ToHashSet(), source.Train.ClassNames.Count);
        var kept = set.WholeClasses.Count == 0 ? test : test.Where(c => !set.WholeClasses.Contains(c));
        return new Assessment(forget, retain, test, metrics, MembershipInference.ForgetEfficacy(retain, kept, forget).Value);
    }
}

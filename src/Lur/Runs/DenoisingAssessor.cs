using Lur.Data;
using Lur.Models;
using Lur.Tasks.Diffusion;

namespace Lur.Runs;

/// <summary>Measures diffusion models on the sets of one forgetting task, each with the same draws.</summary>
/// <param name="progress">Where progress goes.</param>
/// <param name="source">Data.</param>
/// <param name="set">What was forgotten and retained.</param>
internal sealed class DenoisingAssessor(IProgress<RunEvent>? progress, DataSource source, ForgetSet set)
{
    // The retain set is large enough to make up for one draw.
    private const int Draws = 4,
        RetainDraws = 1;

    /// <summary>Measures a model.</summary>
    /// <param name="model">Model.</param>
    /// <param name="name">Which model it is, for progress.</param>
    /// <param name="cancel">Stops between batches.</param>
    public DenoisingAssessment Assess(Model model, string name, CancellationToken cancel)
    {
        using var evaluator = new DenoisingEvaluator(model);
        var total = (long)set.Forget.Length + set.Retain.Length + set.Earlier.Length + source.Test.Count;
        using var stage = progress.Stage($"evaluate {name}", total, "images");
        long done = 0;
        SampleLosses Of(IImageDataset data, int[] indices, int draws)
        {
            var start = done;
            var losses = evaluator.Losses(data, indices, draws, n => stage.Report(start + n), cancel);
            done = start + indices.Length;
            return new SampleLosses(indices, [.. indices.Select(data.Label)], losses);
        }

        return new DenoisingAssessment(
            Of(source.Train, set.Forget, Draws),
            Of(source.Train, set.Retain, RetainDraws),
            Of(source.Test, [.. Sequences.Range(0, source.Test.Count)], Draws),
            set.Earlier.Length == 0 ? null : Of(source.Train, set.Earlier, Draws)
        );
    }
}

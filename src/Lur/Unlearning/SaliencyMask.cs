using Lur.Layers;
using Lur.Models;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>What the saliency mask of SalUn holds.</summary>
/// <param name="Kept">Entries that may move.</param>
/// <param name="Ranked">All entries.</param>
/// <param name="Threshold">Smallest saliency among those kept.</param>
public sealed record SaliencyReport(int Kept, int Ranked, double Threshold)
{
    /// <summary>The report as a preparation of a method.</summary>
    public PreparationReport ToPreparation() =>
        new(
            FormattableString.Invariant($"saliency: {Kept:N0} of {Ranked:N0} weights may move (saliency from {Threshold:G4})"),
            ("kept", Kept),
            ("ranked", Ranked),
            ("threshold", Threshold)
        );
}

/// <summary>How the gradients behind a saliency mask are taken.</summary>
/// <param name="BatchSize">Rows of a batch.</param>
/// <param name="Augment">Random changes of the images, those the model was trained with.</param>
/// <param name="Seed">Seed of the draws.</param>
/// <param name="LargestNorm">Largest norm of a batch's gradient; 0 for any.</param>
public readonly record struct SaliencyPass(int BatchSize, bool Augment, ulong Seed, double LargestNorm = 0)
{
    /// <summary>That of a loop for classifiers.</summary>
    internal static SaliencyPass Of(RepairOptions options) => new(options.BatchSize, options.Augment, options.Seed);
}

/// <summary>The weights that the forget data moves most: |sum of the batch gradients of the forget loss|, all
/// parameters ranked jointly, the largest int(ratio N) kept.</summary>
public static class SaliencyMask
{
    private const int Parts = RankSelection.Parts;

    /// <summary>Fills a mask.</summary>
    /// <param name="model">Model; not changed. Normalisation uses its running statistics.</param>
    /// <param name="mask">Receives exactly max(1, int(ratio N)) ones; ties go to the lower indices.</param>
    /// <param name="ratio">Share of the weights that may move, in (0, 1].</param>
    /// <param name="pass">How the gradients are taken.</param>
    /// <param name="batches">Batches to add up: one pass over the forget set.</param>
    /// <param name="nextBatch">Fills the stage with the next forget batch.</param>
    /// <exception cref="UserErrorException">A gradient is not finite.</exception>
    public static SaliencyReport Fill(
        Model model,
        ParameterMask mask,
        double ratio,
        SaliencyPass pass,
        int batches,
        Action<BatchStage> nextBatch
    )
    {
        var n = model.Parameters.Count;
        using var sum = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "summed gradient");
        using var saliency = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "saliency");
        Accumulate(model, sum, pass, batches, nextBatch);
        model.Device.Kernels(model.Precision).Vector.VectorAbsAccumulate(model.Device.Elements(n), saliency.Pointer, sum.Pointer, n);
        var kept = Math.Clamp((int)(ratio * n), 1, n);
        return new SaliencyReport(kept, n, Select(model, saliency, mask, kept));
    }

    private static void Accumulate(Model model, FlatVector sum, SaliencyPass pass, int batches, Action<BatchStage> nextBatch)
    {
        using var program = new Program(model.Device, model.Precision);
        var task = LearningTask.Of(model);
        var stage = task.Batch(program, "saliency", pass.BatchSize, pass.Augment, pass.Seed);
        using var gradient = new FlatVector(model.Device, model.Precision, sum.Layout, "gradient");
        _ = new GradientEvaluation(program, "saliency", model, model.Parameters, stage, task.Ascent, NormalizationMode.Frozen, gradient);
        var (kernels, shape, n) = (program.Launch.Vector, model.Device.Elements(sum.Count), sum.Count);
        if (pass.LargestNorm > 0)
        {
            var results = program.Raw("saliency/norm", ValueRole.Workspace, new Shape(GradientClipping.Results), sizeof(double));
            GradientClipping.Emit(program, gradient, pass.LargestNorm, results.At<double>(0));
        }

        kernels.VectorAxpy(shape, sum, gradient, n, 1);
        for (var i = 0; i < batches; i++)
        {
            nextBatch(stage);
            program.Run();
            model.Device.Synchronize();
        }
    }

    /// <summary>Ranks, writes the mask, and gives the smallest saliency kept.</summary>
    private static double Select(Model model, FlatVector saliency, ParameterMask mask, int kept)
    {
        var (device, n) = (model.Device, saliency.Count);
        using var p = new Program(device, model.Precision);
        var kernels = p.Launch;
        var state = p.Raw("saliency/state", ValueRole.Workspace, new Shape(2), sizeof(ulong));
        var partials = p.Raw("saliency/partials", ValueRole.Workspace, new Shape(Parts), sizeof(double));
        var bad = Program.Keep(p.Raw("saliency/nonfinite", ValueRole.Output, new Shape(1), sizeof(double)));
        var counts = p.Raw("saliency/counts", ValueRole.Workspace, new Shape(2, Parts), sizeof(int));
        kernels.Vector.VectorCountNonfinite(device.Blocks(Parts), partials, saliency, n, Parts);
        kernels.Vector.VectorFinishSum(device.Blocks(1), bad, partials, Parts, 1);
        kernels.Trim.TrimSelectBegin(device.Elements(1), state, n - kept + 1);
        var threshold = Program.Keep(RankSelection.Select(p, "saliency", saliency, state));
        kernels.Saliency.SaliencyTally(device.Blocks(Parts), counts, saliency, threshold, n, Parts);
        kernels.Saliency.SaliencyMask(device.Blocks(Parts), mask, counts, saliency, threshold, n, Parts, kept);
        p.Run();
        var read = new double[1];
        device.Download(read.AsSpan(), bad.Typed<double>());
        if (read[0] > 0)
            throw new UserErrorException(
                "The gradient of the forget data is not finite, so no saliency can be ranked: check the model and the data."
            );
        device.Download(read.AsSpan(), threshold.Typed<double>());
        return read[0];
    }

    /// <summary>Number of masked-out entries whose bits differ between two vectors.</summary>
    internal static long CountMoved(FlatVector theta, FlatVector anchor, ParameterMask mask)
    {
        var (device, n) = (theta.Device, theta.Count);
        using var p = new Program(device, theta.Precision);
        var partials = p.Raw("moved/partials", ValueRole.Workspace, new Shape(Parts), sizeof(double));
        var count = Program.Keep(p.Raw("moved/count", ValueRole.Output, new Shape(1), sizeof(double)));
        var kernels = p.Launch;
        kernels.Saliency.SaliencyMoved(device.Blocks(Parts), partials, theta, anchor, mask, n, Parts);
        kernels.Vector.VectorFinishSum(device.Blocks(1), count, partials, Parts, 1);
        p.Run();
        var read = new double[1];
        device.Download(read.AsSpan(), count.Typed<double>());
        return (long)read[0];
    }
}

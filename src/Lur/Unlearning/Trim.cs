using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>What the trim stage did.</summary>
/// <param name="Threshold">tau: entries with a saliency above it were reset.</param>
/// <param name="Ranked">Entries that were ranked (M).</param>
/// <param name="Eligible">Entries of the eligible tensors.</param>
/// <param name="Reset">Entries that were reset.</param>
/// <param name="PerTensor">Entries reset in each eligible tensor.</param>
public sealed record TrimReport(
    double Threshold,
    long Ranked,
    long Eligible,
    long Reset,
    IReadOnlyList<(string Name, long Reset)> PerTensor
)
{
    /// <summary>The report as a preparation of a method.</summary>
    public PreparationReport ToPreparation() =>
        new(
            FormattableString.Invariant($"trim: reset {Reset:N0} of {Eligible:N0} eligible weights (saliency above {Threshold:G4})"),
            ("threshold", Threshold),
            ("ranked", Ranked),
            ("eligible", Eligible),
            ("reset", Reset)
        );
}

/// <summary>Stage 1 of LUR and ScissorHands: SNIP saliency |g theta| on forget data, then re-initialisation of
/// the entries of late layers above the s-quantile: weights to U(-b, b) with b = 1/sqrt(fan in), biases to 0.</summary>
public static class Trim
{
    private const int PartialCount = 512;

    /// <summary>The stage as a preparation of a method; none when the sparsity is 0.</summary>
    /// <param name="task">What the method was given.</param>
    /// <param name="options">As for <see cref="Run"/>; their seed orders the batches.</param>
    public static IReadOnlyList<Preparation> Preparations(UnlearningTask task, TrimOptions options) =>
        options.Sparsity == 0
            ? []
            :
            [
                new Preparation(
                    "trim",
                    () =>
                    {
                        using var feed = new BatchFeed(
                            task.Data,
                            task.Set.Forget,
                            options.BatchSize,
                            RandomStream.StreamOf("order/trim", (long)options.Seed)
                        );
                        return Run(task.Model, options, task.Counted("trim", options.Batches, feed.Fill)).ToPreparation();
                    }
                ),
            ];

    /// <summary>Runs the stage on a model.</summary>
    /// <param name="model">Model to change.</param>
    /// <param name="options">Sparsity, scope, layers, batches, seed.</param>
    /// <param name="nextBatch">Fills the stage with the next forget batch.</param>
    /// <remarks>The gradient is taken in train mode (batch statistics) as the sources do, but the running statistics are
    /// left alone: the sources pollute them with a forget-only batch, and so does <see cref="TrimOptions.Compat"/>.</remarks>
    public static TrimReport Run(Model model, TrimOptions options, Action<BatchStage> nextBatch)
    {
        var layout = model.Parameters.Layout;
        var eligible = EligibleTensors(model, options);
        using var saliency = new FlatVector(model.Device, model.Precision, layout, "saliency");
        Accumulate(model, options, saliency, nextBatch);
        var (device, kernels) = (model.Device, model.Device.Kernels(model.Precision));
        kernels.Trim.TrimSaliency(
            device.Elements(saliency.Count),
            saliency.Pointer,
            saliency.Pointer,
            model.Parameters.Pointer,
            saliency.Count
        );

        using var gathered = options.Scope == ThresholdScope.Global ? null : Gather(saliency, eligible);
        var ranked = gathered ?? saliency;
        var threshold = Threshold(ranked, options);
        return Reset(model, options, saliency, eligible, threshold, ranked.Count);
    }

    /// <summary>Tensors that may be reset: those of <see cref="LateTensors"/> that are not part of a normalisation layer (by kind;
    /// with <see cref="TrimOptions.Compat"/> by the name "bn", which misses the shortcut's normalisation, as in the public
    /// code).</summary>
    /// <exception cref="UserErrorException">No tensor qualifies.</exception>
    public static IReadOnlyList<ParameterSlot> EligibleTensors(Model model, TrimOptions options)
    {
        string Named() => string.Join(", ", model.Parameters.Layout.Slots.Where(s => !s.IsNormalization).Select(s => s.Name));
        // Each of them: one that is misspelt among others would be left out without a word.
        foreach (var part in options.Layers)
        {
            if (!model.Parameters.Layout.Slots.Any(s => s.Name.Contains(part, StringComparison.Ordinal)))
                throw options.Refusal($"[Layers] {part} names no tensor; the model has {Named()}.");
        }

        bool Excluded(ParameterSlot s) => options.Compat ? s.Name.Contains("bn", StringComparison.Ordinal) : s.IsNormalization;
        ParameterSlot[] eligible = [.. Chosen(model, options).Where(s => !Excluded(s))];
        return eligible.Length > 0
            ? eligible
            : throw options.Refusal($"[Layers] {string.Join(',', options.Layers)} names no tensor; the model has {Named()}.");
    }

    /// <summary>Tensors that trimming looks at, normalisation included: those of the model's late part, or those whose name contains
    /// one of <see cref="TrimOptions.Layers"/>. ScissorHands' projection takes them too.</summary>
    /// <exception cref="UserErrorException">None of them may be reset.</exception>
    internal static IReadOnlyList<ParameterSlot> LateTensors(Model model, TrimOptions options)
    {
        _ = EligibleTensors(model, options);
        return Chosen(model, options);
    }

    private static IReadOnlyList<ParameterSlot> Chosen(Model model, TrimOptions options) =>
        options.Layers.Count == 0
            ? model.LateTensors
            : [.. model.Parameters.Layout.Slots.Where(s => options.Layers.Any(n => s.Name.Contains(n, StringComparison.Ordinal)))];

    private static void Accumulate(Model model, TrimOptions options, FlatVector total, Action<BatchStage> nextBatch)
    {
        using var program = new Program(model.Device, model.Precision);
        var task = LearningTask.Of(model);
        var stage = task.Batch(program, "trim", options.BatchSize, options.Augment, options.Seed);
        using var gradient = new FlatVector(model.Device, model.Precision, total.Layout, "gradient");
        _ = new GradientEvaluation(
            program,
            "trim",
            model,
            model.Parameters,
            stage,
            task.Loss,
            options.Compat ? NormalizationMode.TrainAndUpdate : NormalizationMode.Train,
            gradient
        );
        var (kernels, shape, n) = (program.Launch.Vector, model.Device.Elements(total.Count), total.Count);
        kernels.VectorAbsAccumulate(shape, total, gradient, n);
        for (var i = 0; i < options.Batches; i++)
        {
            nextBatch(stage);
            program.Run();
            model.Device.Synchronize();
            if (options.Compat)
                model.BatchesTracked++;
        }
    }

    /// <summary>tau = k-th smallest saliency, k = int(s M) counted from 1; in the degenerate cases of the sources (tau at the
    /// minimum or the maximum) half the range.</summary>
    private static double Threshold(FlatVector ranked, TrimOptions options)
    {
        using var reductions = new VectorReductions(ranked.Device);
        if (reductions.NonFinite(ranked) > 0)
        {
            throw new UserErrorException(
                "The gradient of the forget data is not finite, so no saliency can be ranked: check the model and the data."
            );
        }

        var k = (int)Math.Clamp((long)(options.Sparsity * ranked.Count), 1, ranked.Count - 1);
        double min = RankSelection.Read(ranked, 1),
            max = RankSelection.Read(ranked, ranked.Count),
            tau = RankSelection.Read(ranked, k);
        return tau >= max - 1e-12 || tau <= min + 1e-12 ? min + ((max - min) / 2) : tau;
    }

    // The eligible tensors one behind the other.
    private static FlatVector Gather(FlatVector saliency, IReadOnlyList<ParameterSlot> eligible)
    {
        var layout = new ParameterLayout();
        layout.Add("ranked", ParameterKind.Matrix, new Shape(1, eligible.Sum(t => t.Count)));
        var gathered = new FlatVector(saliency.Device, saliency.Precision, layout, "ranked saliency");
        var (size, offset) = (saliency.Precision.Size(), 0);
        foreach (var slot in eligible)
        {
            saliency.Device.Copy(gathered.Pointer.At(offset, size), saliency.Pointer.At(slot.Offset, size), (long)slot.Count * size);
            offset += slot.Count;
        }

        return gathered;
    }

    private static TrimReport Reset(
        Model model,
        TrimOptions options,
        FlatVector saliency,
        IReadOnlyList<ParameterSlot> eligible,
        double threshold,
        long ranked
    )
    {
        var device = model.Device;
        var kernels = device.Kernels(model.Precision);
        using var scratch = device.Allocate((2 + PartialCount) * sizeof(double));
        var tau = new DevicePointer<double>(scratch.Address);
        var (count, partials) = (tau.At(1, sizeof(double)), tau.At(2, sizeof(double)));
        device.Upload(tau, new ReadOnlySpan<double>(in threshold));
        var perTensor = new List<(string, long)>();
        var read = new double[1];
        foreach (var slot in eligible)
        {
            var bound = slot.Kind == ParameterKind.Bias || slot.Kind == ParameterKind.NormalizationShift ? 0 : 1 / Math.Sqrt(slot.FanIn);
            kernels.Trim.TrimReset(
                device.Blocks(PartialCount),
                model.Parameters.Pointer,
                partials,
                saliency.Pointer,
                tau,
                slot.Offset,
                slot.End,
                PartialCount,
                options.Seed,
                RandomStream.StreamOf("trim/" + slot.Name),
                bound
            );
            kernels.Vector.VectorFinishSum(device.Blocks(1), count, partials, PartialCount, 1);
            device.Download(read.AsSpan(), count);
            perTensor.Add((slot.Name, (long)read[0]));
        }

        return new TrimReport(threshold, ranked, eligible.Sum(s => (long)s.Count), perTensor.Sum(t => t.Item2), perTensor);
    }
}

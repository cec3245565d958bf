using Lur.Models;
using Lur.Steps;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>What a step of LUR takes on the device, and how it is made to fit.</summary>
public static class LurMemory
{
    /// <summary>Bytes of a step: arena, flat vectors, momentum, weights and running statistics.</summary>
    /// <param name="model">Model.</param>
    /// <param name="options">Options.</param>
    public static long Bytes(Model model, LurOptions options)
    {
        using var momentum = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, "momentum");
        using var step = new LurStep(model, momentum, options, withForget: true);
        return step.Program.Plan().ArenaBytes + momentum.Bytes + model.Parameters.Bytes + model.Frozen.Bytes + model.Buffers.Bytes;
    }

    /// <summary>Meets <see cref="LurOptions.MaxMemory"/>: as given if that fits, else by recomputing, else, where batches may
    /// be split, by halving the micro-batch until it does.</summary>
    /// <param name="model">Model.</param>
    /// <param name="options">Options.</param>
    /// <returns>Options that fit, and a sentence that says what was done; null if nothing was.</returns>
    /// <exception cref="OptionException">Nothing fits; says what the least is.</exception>
    public static (LurOptions Options, string? Note) Fit(Model model, LurOptions options)
    {
        if (options.MaxMemory == 0)
            return (options, null);
        var bytes = Bytes(model, options);
        if (bytes <= options.MaxMemory)
            return (options, null);
        var least = bytes;
        foreach (var candidate in Candidates(options))
        {
            var taken = Bytes(model, candidate);
            least = Math.Min(least, taken);
            if (taken > options.MaxMemory)
                continue;
            var how =
                candidate.MicroBatch == options.MicroBatch
                    ? "the retain batch is evaluated again for the Hessian-vector product"
                    : $"batches are evaluated {candidate.MicroBatch} rows at a time"
                        + (candidate.Hvp == HessianVectorProduct.Exact ? ", again for the Hessian-vector product" : "");
            return (candidate, $"{Text(bytes)} a step would exceed the limit of {Text(options.MaxMemory)}: {how}, {Text(taken)} a step");
        }

        var remedy =
            options.BatchNorm == BatchNormPolicy.Frozen
                ? "lower [BatchSize]"
                : "lower [BatchSize], or add [BatchNorm] frozen, which lets batches be split";
        throw options.Refusal(
            $"[MaxMemory] {Text(options.MaxMemory)} does not hold a step: it takes {Text(bytes)}, and {Text(least)} at the least with "
                + $"these options; {remedy}."
        );
    }

    private static IEnumerable<LurOptions> Candidates(LurOptions options)
    {
        if (options.Hvp == HessianVectorProduct.Exact && !options.Recompute)
            yield return options with
            {
                Recompute = true,
            };
        if (options.BatchNorm != BatchNormPolicy.Frozen)
            yield break;
        var rows = Math.Max(options.BatchSize, options.ForgetBatchSize);
        // Every part is a pass of its own in the captured step: beyond 32 the step is launches more than arithmetic.
        for (var micro = (options.MicroBatch == 0 ? rows : options.MicroBatch) / 2; micro >= Math.Max(1, rows / 32); micro /= 2)
            yield return options with
            {
                MicroBatch = micro,
            };
    }

    private static string Text(long bytes) => FormattableString.Invariant($"{bytes / 1048576.0:0.0} MiB");
}

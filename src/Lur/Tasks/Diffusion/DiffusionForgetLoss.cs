using Lur.Layers;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;

namespace Lur.Tasks.Diffusion;

/// <summary>What makes a diffusion model forget a class, measured on noisy images of it.</summary>
public enum DiffusionForgetLoss
{
    /// <summary>The denoising loss, ascended; unbounded.</summary>
    [Choice("neg")]
    Negative,

    /// <summary>Squared distance from what a reference gives for another class on the same rows (SalUn).</summary>
    [Choice("reassign")]
    Reassign,

    /// <summary>The denoising loss on images of uniform noise under the class that is to be forgotten (Selective Amnesia).</summary>
    [Choice("uniform")]
    Uniform,

    /// <summary>Squared distance from what a reference gives without a class on the same rows.</summary>
    [Choice("null")]
    Null,

    /// <summary>Squared distance from what a reference gives without a class, less a multiple of what the class adds (ESD).</summary>
    [Choice("esd")]
    Erase,
}

/// <summary>Losses that take what other weights, or the same ones, give on the same noisy rows for their target. The target is a
/// constant, and nothing is dropped in the pass that makes it.</summary>
public static class DiffusionTargets
{
    /// <summary>Mean squared distance from what weights give for other classes.</summary>
    /// <param name="model">Gives the network.</param>
    /// <param name="weights">Weights of the target: frozen ones, or those that are trained.</param>
    /// <param name="table">The class that stands in for each.</param>
    public static LossFactory Other(Model model, FlatVector weights, IReadOnlyList<int> table) =>
        site =>
        {
            var target = Predict(site, model, weights, "reference", table);
            return new Losses.MeanSquaredError(site.Program, site.Name, site.Output, target);
        };

    /// <summary>Mean squared distance from m(none) - eta (m(class) - m(none)), m what weights give: guidance away from the class
    /// (Gandikota et al. 2023).</summary>
    /// <param name="model">Gives the network; its table has a row for no class.</param>
    /// <param name="weights">Weights of the target.</param>
    /// <param name="eta">Strength.</param>
    public static LossFactory Away(Model model, FlatVector weights, double eta) =>
        site =>
        {
            var spec = RequireClasses(model);
            var target = Predict(site, model, weights, "without class", NullTable(spec));
            var own = Predict(site, model, weights, "with class", [.. Sequences.Range(0, spec.TableRows)]);
            var (kernels, n) = (site.Program.Launch.Vector, target.Shape.Count);
            var (shape, mixed) = (site.Program.Device.Elements(n), site.Program.Real($"{site.Name}/target", ValueRole.Input, target.Shape));
            kernels.VectorScale(shape, mixed, target, n, 1 + eta);
            kernels.VectorAxpy(shape, mixed, own, n, -eta);
            return new Losses.MeanSquaredError(site.Program, site.Name, site.Output, mixed);
        };

    /// <summary>For each class the next one that is kept, in the circle of the classes; no class stays no class.</summary>
    /// <param name="spec">The network.</param>
    /// <param name="forgotten">Classes that are forgotten whole.</param>
    public static IReadOnlyList<int> NextTable(UNetSpec spec, IReadOnlyCollection<int> forgotten)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var n = spec.ClassCount;
        var table = Sequences.Range(0, spec.TableRows).ToArray();
        for (var c = 0; c < n; c++)
        {
            var next = Sequences.Range(1, n).Select(i => (c + i) % n);
            table[c] = next.Where(k => !forgotten.Contains(k)).Append((c + 1) % n).First();
        }

        return table;
    }

    /// <summary>No class for each.</summary>
    /// <param name="spec">The network.</param>
    /// <exception cref="UserErrorException">It has no row for none.</exception>
    public static IReadOnlyList<int> NullTable(UNetSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return spec.NullRow
            ? [.. Sequences.Repeat(spec.ClassCount, spec.TableRows)]
            : throw new UserErrorException(
                $"The model {spec.Text} has no row for images without a class, which the loss compares with; take a model that was "
                    + "trained with one, or another method or forget loss."
            );
    }

    /// <summary>The network of a model that takes classes.</summary>
    /// <exception cref="UserErrorException">It takes none.</exception>
    public static UNetSpec RequireClasses(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var spec = (UNetSpec)model.Spec;
        return spec.Condition != ClassCondition.None
            ? spec
            : throw new UserErrorException(
                $"The model {spec.Text} draws images without a class, and there is none to put in the place of another; take the forget "
                    + "loss neg, or the method ga, neggrad, ft or retrain."
            );
    }

    private static Value Predict(LossSite site, Model model, FlatVector weights, string name, IReadOnlyList<int> table)
    {
        _ = RequireClasses(model);
        var (rows, prefix) = (DiffusionTask.RowsOf(site), $"{site.Name}/{name}");
        var classes = DiffusionDraws.MapClasses(site.Program, prefix, rows.Classes!, [.. table]);
        var pass = new NetworkPass(site.Program, prefix, rows.Batch, weights, model.Buffers, NormalizationMode.Frozen)
        {
            Frozen = model.Frozen,
            Inference = true,
        };
        var asked = new NoisyRows(rows.Batch, rows.Noisy, rows.Times, classes, rows.Target);
        return model.Network.Forward(pass, NoisyRows.InputsOf(asked).ToValues());
    }
}

using System.Globalization;
using Lur.Tasks.Classification;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>How influence unlearning applies the inverse of the curvature.</summary>
public enum InverseForm
{
    /// <summary>The recursion of the public code.</summary>
    [Choice("published")]
    Published,

    /// <summary>The inverse itself, see <see cref="WoodburyInverse"/>.</summary>
    [Choice("woodbury")]
    Woodbury,
}

/// <summary>Options of <see cref="InfluenceUnlearning"/>.</summary>
[Options]
public sealed partial record InfluenceUnlearningOptions : OptionRecord
{
    /// <summary>published: the public code's recursion, which is no inverse; woodbury: the exact inverse of damping I + mean of g g^T
    /// over the samples, whose gradients are kept on the device.</summary>
    [Option("iu", InverseForm.Published, Source = "public code of SalUn")]
    public partial InverseForm Form { get; init; }

    /// <summary>Length of the step.</summary>
    [Option(
        "alpha",
        10,
        Source = "SalUn's and ScissorHands' scripts for CIFAR-10; 20 for CIFAR-100 (2 at 50 %), 15 for SVHN (2 class-wise), 5 for CelebA; "
            + "all for models that fit their training data to 100 %"
    )]
    public partial double Alpha { get; init; }

    /// <summary>N: retain samples behind the inverse; the published recursion visits N + 2.</summary>
    [Option("samples", 1000, Source = "public code of SalUn", Least = 1)]
    public partial int Samples { get; init; }

    /// <summary>Damping of woodbury.</summary>
    [Option("damping", 1, Source = "ours: the published recursion starts from the identity", Above = 0)]
    public partial double Damping { get; init; }

    /// <summary>Do as the public code where numbers depend on it: random changes of the images (crop, flip) under the gradients.</summary>
    [Option("compat", false, Source = "ours")]
    public partial bool Compat { get; init; }
}

/// <summary>IU, influence unlearning (Izzo et al. 2021; WoodFisher form of Jia et al. 2023): one Newton-like step that takes the
/// forget data's pull on the weights back.</summary>
/// <remarks>With gf and gr the sums of gradients over forget and retain set, Nf and Nr their sizes:
/// v = gf / (Nf + Nr) - gr Nf / ((Nf + Nr) Nr);  theta += alpha F^-1 v, F the damped empirical Fisher matrix of some retain
/// samples. Published recursion, with o = g of the first sample and k = v, then sample by sample, N = 1000:
/// t = &lt;o, g&gt;;  k -= &lt;k, g&gt; / (N + t) o;  o -= t / (N + t) o.  It keeps no gradient, so it is not F^-1 v for any F.
/// <para>v = Nf / N (mean of gf - mean of gr): the number of samples cancels, and what is left is the share to forget times
/// gradients that vanish as the training data is fitted. k stays close to v. At 10 % the published alpha of 10 is a step
/// of ascent of rate 1, harmless where the training loss is 1e-3 and ruinous where it is not.</para></remarks>
public sealed class InfluenceUnlearning : UnlearningMethod
{
    private const int GradientBatch = 256;
    private readonly InfluenceUnlearningOptions _options;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public InfluenceUnlearning(UnlearningTask task, InfluenceUnlearningOptions options)
        : base(task) => _options = options.Validated();

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<InfluenceUnlearningOptions>(
            "iu",
            "IU",
            "Moves the weights once, by alpha times an approximate inverse Fisher matrix applied to the difference of forget "
                + "and retain gradients.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels | MethodNeeds.Fisher,
            "Izzo et al., AISTATS 2021; Wfisher.py of the public code of Jia et al. (NeurIPS 2023) and SalUn",
            "The default recursion is the public code's, a heuristic; --iu woodbury applies the inverse itself. No "
                + "augmentation under the gradients (--compat has it).",
            (task, options) => new InfluenceUnlearning(task, options)
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("influence", MakeInfluenceStep)];

    private PreparationReport MakeInfluenceStep()
    {
        var (device, n) = (Model.Device, Model.Parameters.Count);
        var (kernels, shape) = (device.Kernels(Model.Precision).Vector, device.Elements(n));
        using var direction = Difference();
        using var reductions = new VectorReductions(device);
        var before = Math.Sqrt(reductions.Dot(direction, direction));
        using (var pass = new FisherPass(Model, Task.Data, 1, _options.Compat, Task.Seed))
        {
            if (_options.Form == InverseForm.Published)
                ApplyRecursion(pass, direction, reductions);
            else
                ApplyInverse(pass, direction);
        }

        FisherPass.RequireFinite(direction, "entries of the influence step");
        kernels.VectorAxpy(shape, Model.Parameters.Pointer, direction.Pointer, n, _options.Alpha);
        var length = Math.Abs(_options.Alpha) * Math.Sqrt(reductions.Dot(direction, direction));
        return new PreparationReport(
            string.Create(CultureInfo.InvariantCulture, $"iu: moved the weights by {length:G4}"),
            ("step", length),
            ("gradient", before)
        );
    }

    /// <summary>v = gf / (Nf + Nr) - gr Nf / ((Nf + Nr) Nr).</summary>
    private FlatVector Difference()
    {
        var set = Task.Set;
        var (device, kernels) = (Model.Device, Model.Device.Kernels(Model.Precision).Vector);
        double forgotten = set.Forget.Length,
            retained = set.Retain.Length;
        using var pass = new FisherPass(
            Model,
            Task.Data,
            Math.Min(GradientBatch, Math.Max(set.Forget.Length, set.Retain.Length)),
            _options.Compat,
            Task.Seed
        );
        using var retain = pass.Sum(set.Retain, Task.Counter("retain gradient", set.Retain.Length), Task.Cancellation);
        var v = pass.Sum(set.Forget, Task.Counter("forget gradient", set.Forget.Length), Task.Cancellation);
        kernels.VectorScale(device.Elements(v.Count), v.Pointer, v.Pointer, v.Count, 1 / (forgotten + retained));
        kernels.VectorAxpy(device.Elements(v.Count), v.Pointer, retain.Pointer, v.Count, -forgotten / ((forgotten + retained) * retained));
        return v;
    }

    private void ApplyRecursion(FisherPass pass, FlatVector k, VectorReductions reductions)
    {
        var (device, kernels, shape) = (Model.Device, Model.Device.Kernels(Model.Precision).Vector, Model.Device.Elements(k.Count));
        using var o = new FlatVector(device, Model.Precision, k.Layout, "o");
        var visited = Task.Set.Retain.AsSpan(0, Math.Min(Task.Set.Retain.Length, _options.Samples + 2));
        var progress = Task.Counter("inverse curvature", visited.Length);
        for (var i = 0; i < visited.Length; i++)
        {
            Task.Cancellation.ThrowIfCancellationRequested();
            pass.Run(visited.Slice(i, 1));
            progress(i + 1);
            if (i == 0)
            {
                o.CopyFrom(pass.Gradient);
                continue;
            }

            var (t, along) = (reductions.Dot(o, pass.Gradient), reductions.Dot(k, pass.Gradient));
            kernels.VectorAxpy(shape, k.Pointer, o.Pointer, k.Count, -along / (_options.Samples + t));
            kernels.VectorScale(shape, o.Pointer, o.Pointer, k.Count, 1 - (t / (_options.Samples + t)));
        }
    }

    private void ApplyInverse(FisherPass pass, FlatVector v)
    {
        var samples = FisherPass.Choose(Task.Set.Retain, _options.Samples, Task.Seed, "influence/samples");
        var (needed, free) = (samples.Length * v.Bytes, Model.Device.FreeMemory);
        if (needed > free)
        {
            throw _options.Refusal(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"[Samples] is {_options.Samples}; the inverse keeps {samples.Length} gradients of {v.Bytes / 1e6:F0} MB, and "
                        + $"{free / 1e9:F1} GB of device memory are free: it must be at most {Math.Max(1, free / v.Bytes)}."
                )
            );
        }

        var gradients = new List<FlatVector>();
        var (taken, combined) = (Task.Counter("gradients of the inverse", samples.Length), Task.Counter("inverse", samples.Length));
        try
        {
            for (var i = 0; i < samples.Length; i++)
            {
                Task.Cancellation.ThrowIfCancellationRequested();
                pass.Run(samples.AsSpan(i, 1));
                var kept = new FlatVector(Model.Device, Model.Precision, v.Layout, "gradient");
                gradients.Add(kept);
                kept.CopyFrom(pass.Gradient);
                taken(i + 1);
            }

            WoodburyInverse.Apply(gradients, v, _options.Damping, combined, Task.Cancellation);
        }
        finally
        {
            foreach (var gradient in gradients)
                gradient.Dispose();
        }
    }
}

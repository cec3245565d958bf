using System.Globalization;
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

/// <summary>IU, influence unlearning (Izzo et al. 2021; WoodFisher form of Jia et al. 2023): one Newton-like step that takes the
/// forget data's pull on the weights back (methods 5).</summary>
/// <remarks>With gf and gr the sums of gradients over forget and retain set, Nf and Nr their sizes:
/// v = gf / (Nf + Nr) - gr Nf / ((Nf + Nr) Nr);  theta += alpha F^-1 v, F the damped empirical Fisher matrix of some retain
/// samples. Published recursion, with o = g of the first sample and k = v, then sample by sample, N = 1000:
/// t = &lt;o, g&gt;;  k -= &lt;k, g&gt; / (N + t) o;  o -= t / (N + t) o.  It keeps no gradient, so it is not F^-1 v for any F.
/// <para>v = Nf / N (mean of gf - mean of gr): the number of samples cancels, and what is left is the share to forget times
/// gradients that vanish as the training data is fitted. k stays close to v. At 10 % the published alpha of 10 is a step
/// of ascent of rate 1, harmless where the training loss is 1e-3 and ruinous where it is not.</para></remarks>
public sealed class InfluenceUnlearningMethod : OneShotMethod
{
    private const int GradientBatch = 256;
    private readonly InverseForm _form;
    private readonly double _alpha,
        _damping;
    private readonly int _samples;
    private readonly bool _augment;

    private InfluenceUnlearningMethod(UnlearningTask task, OptionValues values)
        : base(task)
    {
        (_form, _alpha, _damping) = (values.Choice<InverseForm>("iu"), values.Number("alpha"), Damping(values));
        (_samples, _augment) = (values.Integer("samples", 1), values.Flag("compat"));
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        new(
            "iu",
            "IU",
            "Moves the weights once, by alpha times an approximate inverse Fisher matrix applied to the difference of forget "
                + "and retain gradients.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels | MethodNeeds.Fisher,
            "Izzo et al., AISTATS 2021; Wfisher.py of the public code of Jia et al. (NeurIPS 2023) and SalUn",
            "The default recursion is the public code's, a heuristic; --iu woodbury applies the inverse itself. No "
                + "augmentation under the gradients (--compat has it).",
            [
                MethodOption.Choice(
                    "iu",
                    InverseForm.Published,
                    "published: the public code's recursion, which is no inverse; woodbury: the exact inverse of damping I + "
                        + "mean of g g^T over the samples, whose gradients are kept on the device.",
                    "public code of SalUn",
                    ("published", InverseForm.Published),
                    ("woodbury", InverseForm.Woodbury)
                ),
                MethodOption.Number(
                    "alpha",
                    10,
                    "Length of the step.",
                    "SalUn's and ScissorHands' scripts for CIFAR-10; 20 for CIFAR-100 (2 at 50 %), 15 for SVHN (2 class-wise), "
                        + "5 for CelebA; all for models that fit their training data to 100 %"
                ),
                MethodOption.Integer(
                    "samples",
                    1000,
                    "N: retain samples behind the inverse; the published recursion visits N + 2.",
                    "public code of SalUn"
                ),
                MethodOption.Number("damping", 1, "Damping of woodbury.", "ours: the published recursion starts from the identity"),
                MethodChoices.Compat("random changes of the images (crop, flip) under the gradients"),
            ],
            values =>
            {
                _ = (values.Integer("samples", 1), Damping(values));
                return task => new InfluenceUnlearningMethod(task, values);
            }
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("influence", MakeInfluenceStep)];

    private static double Damping(OptionValues values) =>
        values.Number("damping") is > 0 and var d
            ? d
            : throw new UserErrorException(
                string.Create(CultureInfo.InvariantCulture, $"Option --damping is {values.Number("damping")}; it must be above 0.")
            );

    private PreparationReport MakeInfluenceStep()
    {
        var (device, n) = (Model.Device, Model.Parameters.Count);
        var (kernels, shape) = (device.Kernels(Model.Precision).Vector, device.Elements(n));
        using var direction = Difference();
        using var reductions = new VectorReductions(device);
        var before = Math.Sqrt(reductions.Dot(direction, direction));
        using (var pass = new FisherPass(Model, Task.Data, 1, _augment, Task.Seed))
        {
            if (_form == InverseForm.Published)
                ApplyRecursion(pass, direction, reductions);
            else
                ApplyInverse(pass, direction);
        }

        FisherPass.RequireFinite(direction, "entries of the influence step");
        kernels.VectorAxpy(shape, Model.Parameters.Pointer, direction.Pointer, n, _alpha);
        var length = Math.Abs(_alpha) * Math.Sqrt(reductions.Dot(direction, direction));
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
            _augment,
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
        var visited = Task.Set.Retain.AsSpan(0, Math.Min(Task.Set.Retain.Length, _samples + 2));
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
            kernels.VectorAxpy(shape, k.Pointer, o.Pointer, k.Count, -along / (_samples + t));
            kernels.VectorScale(shape, o.Pointer, o.Pointer, k.Count, 1 - (t / (_samples + t)));
        }
    }

    private void ApplyInverse(FisherPass pass, FlatVector v)
    {
        var samples = FisherPass.Choose(Task.Set.Retain, _samples, Task.Seed, "influence/samples");
        var (needed, free) = (samples.Length * v.Bytes, Model.Device.FreeMemory);
        if (needed > free)
        {
            throw new UserErrorException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The inverse keeps {samples.Length} gradients of {v.Bytes / 1e6:F0} MB, and {free / 1e9:F1} GB of device "
                        + $"memory are free; give at most --samples {Math.Max(1, free / v.Bytes)}."
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

            WoodburyInverse.Apply(gradients, v, _damping, combined, Task.Cancellation);
        }
        finally
        {
            foreach (var gradient in gradients)
                gradient.Dispose();
        }
    }
}

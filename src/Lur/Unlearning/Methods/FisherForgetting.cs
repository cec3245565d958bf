using Lur.Device;
using Lur.Tasks.Classification;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>How the noise of Fisher forgetting follows from the diagonal.</summary>
public enum FisherForm
{
    /// <summary>Deviation min(sqrt(alpha / F), 1e-3), element by element; F at the true labels.</summary>
    [Choice("fisher")]
    Plain,

    /// <summary>Variance alpha min(1 / (F + 1e-8), 1e3), averaged over inputs; F over the model's own labels.</summary>
    [Choice("fisher-new")]
    Averaged,
}

/// <summary>Options of <see cref="FisherForgetting"/>.</summary>
[Options]
public sealed partial record FisherForgettingOptions : FisherOptions
{
    /// <summary>fisher: deviation min(sqrt(alpha/F), 1e-3); fisher-new: variance alpha min(1/F, 1000) averaged over inputs, F over all
    /// labels by their probability, the forgotten class's outputs drawn around 0.</summary>
    [Option("form", FisherForm.Plain, Source = "public code of SalUn has both", Before = nameof(FisherBatch))]
    public partial FisherForm Form { get; init; }

    /// <summary>Strength of the noise.</summary>
    [Option(
        "alpha",
        1e-8,
        Source = "within 1e-9 to 1e-6, the advice of SalUn's authors; their parser's 0.2 destroys the model",
        Least = 0,
        Before = nameof(FisherBatch)
    )]
    public partial double Alpha { get; init; }

    /// <summary>Do as the public code where numbers depend on it: all of the departures above.</summary>
    [Option("compat", false, Source = "ours")]
    public partial bool Compat { get; init; }
}

/// <summary>Fisher forgetting (Golatkar, Achille, Soatto, CVPR 2020): adds noise to every weight, the more the less the retain
/// data determines it. Both forms of the public code of SalUn.</summary>
public sealed class FisherForgetting : UnlearningMethod
{
    private const double PlainCap = 1e-3,
        Epsilon = 1e-8,
        VarianceCap = 1e3,
        ClassifierVarianceCap = 1e2,
        ForgottenVariance = 1e-4;
    private readonly FisherForm _form;
    private readonly double _alpha;
    private readonly bool _compat,
        _augment;
    private readonly int _batch,
        _samples;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public FisherForgetting(UnlearningTask task, FisherForgettingOptions options)
        : base(task)
    {
        options.Validate();
        (_form, _alpha, _compat) = (options.Form, options.Alpha, options.Compat);
        (_batch, _samples, _augment) = (options.FisherBatch, options.FisherSamples, options.FisherAugment);
        if (_compat)
            (_batch, _augment) = (_form == FisherForm.Plain ? 1 : 32, true);
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<FisherForgettingOptions>(
            "fisher",
            "Fisher forgetting",
            "Adds normal noise to every weight, with a variance that grows as the Fisher information of the retain data falls; one shot.",
            MethodNeeds.RetainData | MethodNeeds.Fisher,
            "Golatkar, Achille, Soatto, CVPR 2020, Eternal Sunshine of the Spotless Net; fisher.py of the public code of SalUn",
            "No 1e-8 is added to gradients; form fisher-new squares gradients of single samples, not means of 32; the "
                + "classifier's tenfold variance goes to the classifier, not to every tensor whose last or first dimension equals "
                + "the number of classes; no augmentation. --compat does as the public code.",
            (task, options) => new FisherForgetting(task, options)
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new Preparation("noise", AddNoise)];

    private PreparationReport AddNoise()
    {
        var (device, theta) = (Model.Device, Model.Parameters);
        var (kernels, n) = (device.Kernels(Model.Precision), theta.Count);
        using var deviation = new FlatVector(device, Model.Precision, theta.Layout, "deviation");
        var samples = FisherPass.Choose(Task.Set.Retain, _samples, Task.Seed, "fisher/samples");
        using (var pass = new FisherPass(Model, Task.Data, _batch, _augment, Task.Seed))
        {
            // The public code's gradient is that of log p, minus ours: log p's gradient + e squared is ours - e squared.
            var shift = _compat && _form == FisherForm.Plain ? -Epsilon : 0;
            using var fisher = pass.Diagonal(
                samples,
                _form == FisherForm.Plain ? FisherLabels.True : FisherLabels.Model,
                shift,
                Task.Counter("Fisher diagonal", samples.Length),
                Task.Cancellation
            );
            SetDeviations(deviation, fisher);
        }

        using var noise = new FlatVector(device, Model.Precision, theta.Layout, "noise");
        kernels.Random.RandomNormal(
            device.Elements((n + 3) / 4),
            noise.Pointer,
            default,
            n,
            Task.Seed,
            RandomStream.StreamOf("fisher/noise"),
            0,
            1
        );
        kernels.Fisher.FisherNoise(device.Elements(n), theta.Pointer, deviation.Pointer, noise.Pointer, n);
        using var reductions = new VectorReductions(device);
        var rms = Math.Sqrt(reductions.Dot(deviation, deviation) / n);
        return new PreparationReport(
            FormattableString.Invariant($"fisher: noise of deviation {rms:G3} (root mean square over {n:N0} weights)"),
            ("deviation", rms),
            ("samples", samples.Length)
        );
    }

    private void SetDeviations(FlatVector deviation, FlatVector fisher)
    {
        var device = Model.Device;
        var kernels = device.Kernels(Model.Precision).Fisher;
        foreach (var slot in deviation.Layout.Slots)
        {
            var (target, f) = (deviation.At(slot).Pointer, fisher.At(slot).As<double>().Pointer);
            if (_form == FisherForm.Plain)
            {
                kernels.FisherDeviation(device.Elements(slot.Count), target, f, slot.Count, _alpha, PlainCap, IsTenfold(slot) ? 10 : 1);
                continue;
            }

            // Filters lie as K, R, S, C and matrices as out, in: dimension 1 of torch's layout is the innermost of ours.
            var length = slot.Shape.Rank > 1 ? slot.Shape.Innermost : 1;
            var (cap, factor) = (
                IsClassifier(slot) ? ClassifierVarianceCap : VarianceCap,
                IsClassifier(slot) || slot.Shape.Rank == 1 ? 10 : 1
            );
            kernels.FisherRowDeviation(
                device.Blocks(slot.Count / length, length),
                target,
                f,
                slot.Count / length,
                length,
                _alpha,
                Epsilon,
                cap,
                factor
            );
            if (IsClassifier(slot))
                ResetForgottenClasses(slot, target);
        }
    }

    /// <summary>Outputs of classes that are forgotten as a whole start from 0 with a variance of their own.</summary>
    private void ResetForgottenClasses(ParameterSlot slot, DevicePointer<Real> deviation)
    {
        var (device, size, length) = (Model.Device, Model.Precision.Size(), slot.Count / Model.Outputs);
        var (kernels, shape) = (device.Kernels(Model.Precision).Vector, device.Elements(length));
        foreach (var c in Task.Set.WholeClasses)
        {
            if (slot.Shape[0] != Model.Outputs)
                continue;
            kernels.VectorFill(shape, Model.Parameters.At(slot).Pointer.At((long)c * length, size), length, 0);
            kernels.VectorFill(shape, deviation.At((long)c * length, size), length, Math.Sqrt(10 * ForgottenVariance));
        }
    }

    /// <summary>Form fisher. The public code asks for a last dimension of 10, in torch's layout, where the paper's code means
    /// the classifier.</summary>
    private bool IsTenfold(ParameterSlot slot) =>
        !_compat
            ? IsClassifier(slot)
            : slot.Kind switch
            {
                ParameterKind.Filter => slot.Shape[2] == 10,
                _ => slot.Shape.Innermost == 10,
            };

    private bool IsClassifier(ParameterSlot slot) => _compat ? slot.Shape[0] == Model.Outputs : Model.Spec.IsHead(slot);
}

using Lur.Steps;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>LUR for diffusion models: trim on request, then descend w L_r(theta) + lambda L_u(theta - alpha grad L_r(theta)), L_r the
/// denoising loss. The inner step is plain, whatever the outer optimiser.</summary>
/// <remarks>Every draw of L_r (time steps, noise, dropped conditions, dropout) is a function of the batch's number, so that its gradient
/// and the Hessian-vector product are of one function.</remarks>
public sealed class DiffusionLur : DiffusionMethod
{
    private readonly DiffusionLurOptions _options;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public DiffusionLur(UnlearningTask task, DiffusionLurOptions options)
        : this(task, options, inspect: false) { }

    /// <summary>Binds the method; inspected, its vectors can be read after a step.</summary>
    internal DiffusionLur(UnlearningTask task, DiffusionLurOptions options, bool inspect)
        : base(task)
    {
        using var construction = Construct();
        _options = options = options.Validated() with { Seed = task.Seed };
        var loop = Begin(options);
        var step = loop.Begin("lur", inspect);
        (step.Parameters.RetainWeight, step.Parameters.ForgetWeight) = (options.RetainWeight, options.Lambda);
        step.Parameters.Alpha = options.Alpha;
        var (g, kept) = loop.Gradient(step, Model.Parameters, TermRole.Retain, loop.Task, loop.Task.Loss);
        RetainGradient = g.Vector;
        var retain = loop.Retain();
        if (options.Lambda == 0)
        {
            step.Update(step.Bilevel(g, null, null), loop.Ruled(null));
            SetSteps(options.Steps, new FedStep(step, (retain, kept)), retain);
        }
        else
        {
            var forget = loop.Forget();
            var (forgetting, loss) = loop.ForgetLoss(options.ForgetLoss, loop.Frozen, Replacements, options.Strength);
            var (v, forgotten) = loop.Gradient(step, step.LookAhead(g, options.LookAheadCap), TermRole.Forget, forgetting, loss);
            // With alpha = 0 the product has no effect, bit for bit.
            var kind = options.Alpha == 0 ? HessianVectorProduct.None : options.Hvp;
            Product = step.Product(g, v, kind, options.FiniteDifferenceRadius);
            loop.Gate(step, Product);
            ForgetGradient = v.Vector;
            step.Update(step.Bilevel(g, v, Product), loop.Ruled(null));
            SetSteps(options.Steps, new FedStep(step, (retain, kept), (forget, forgotten)), forget);
        }

        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<DiffusionLurOptions>(
            "lur",
            "LUR",
            "Minimises the denoising loss of the retain set + lambda times a forget loss after a simulated retain step of length alpha; "
                + "trims the weights that the forget data depends on first, if asked.",
            MethodNeeds.RetainData | MethodNeeds.ForgetData | MethodNeeds.ForgetLabels,
            "Learning to Unlearn while Retaining, ICCV 2025; no public code",
            "Nothing public says which losses the paper takes for generation: those here are of the methods it compares with. Both losses "
                + "are means over elements. The target of reassign and null is the original model's, which stays as it is. Forget "
                + "batches keep their class; retain batches drop it as in training.",
            (task, options) => new DiffusionLur(task, options),
            MethodTask.Diffusion
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => Trim.Preparations(Task, _options.Trim.Stage(_options));

    /// <summary>g = grad L_r(theta) of the last step.</summary>
    internal FlatVector RetainGradient { get; }

    /// <summary>v = grad L_u(theta') of the last step; null without a forget loss.</summary>
    internal FlatVector? ForgetGradient { get; }

    /// <summary>h = H_r(theta) v of the last step; null in first order.</summary>
    internal FlatVector? Product { get; }
}

using Lur.Layers;
using Lur.Tensors;

namespace Lur.Steps;

/// <summary>How the second-order term H_r v of LUR's gradient is obtained.</summary>
public enum HessianVectorProduct
{
    /// <summary>Tangent passes (R-operator), exact to rounding.</summary>
    [Choice("exact")]
    Exact,

    /// <summary>Central finite difference of two retain gradients.</summary>
    [Choice("fd")]
    FiniteDifference,

    /// <summary>h = 0: first order.</summary>
    [Choice("none")]
    None,
}

/// <summary>What an update descends along, recorded by a <see cref="Step"/>.</summary>
public abstract record Direction
{
    private protected Direction() { }
}

/// <summary>w_r g + w_u (v - alpha h), put together by the update itself. v and h may be missing.</summary>
internal sealed record BilevelDirection(GradientTerm Retain, GradientTerm? Forget, FlatVector? Product) : Direction;

/// <summary>A vector that holds the direction.</summary>
internal sealed record VectorDirection(FlatVector Vector, bool SquareKnown) : Direction;

/// <content>Look-ahead weights, products and directions.</content>
public sealed partial class Step
{
    private const string RetainSection = "retain gradient",
        ForgetSection = "forget gradient",
        ProductSection = "Hessian-vector product",
        UpdateSection = "update";

    private int _alpha = -1,
        _norms = -1,
        _square = -1,
        _retainSquare = -1,
        _forgetSquare = -1;
    private FlatVector? _ahead;

    /// <summary>theta' = theta - a g with a = alpha of <see cref="Parameters"/>, or less where |a g| would exceed a share of
    /// |theta| as it is when the step is recorded.</summary>
    /// <param name="g">The retain gradient at theta.</param>
    /// <param name="cap">Largest |a g| / |theta|; 0 for no cap.</param>
    /// <returns>Weights to take the forget gradient at; they are gone after <see cref="Product"/>.</returns>
    public FlatVector LookAhead(GradientTerm g, double cap = 0)
    {
        Program.Section(UpdateSection);
        var (launch, device, theta) = (Program.Launch, Program.Device, Model.Parameters);
        _alpha = _telemetry.Reported(1);
        _retainSquare = _telemetry.Guarded(2); // |g|^2, |theta|^2
        var length = 0.0;
        if (cap > 0)
        {
            // theta hardly moves in norm, and a constant needs no pass.
            Square(g.Vector, _retainSquare);
            length = cap * Math.Sqrt(theta.ToArray().Sum(x => x * x));
        }

        launch.Lur.LurCappedAlpha(device.Elements(1), _telemetry.At(_alpha), _telemetry.At(_retainSquare), Parameters.Device, length);
        var partials = Partials("look-ahead", 2);
        _ahead = Vector("look-ahead weights");
        launch.Lur.LurLookAhead(
            device.Blocks(PartialCount),
            _ahead,
            partials,
            theta,
            g.Vector,
            _telemetry.At(_alpha),
            theta.Count,
            PartialCount
        );
        Finish(partials, _retainSquare, 2);
        return _ahead;
    }

    /// <summary>h = H_r(theta) v on the retain batch, behind the gradient of it.</summary>
    /// <param name="retain">The retain gradient at theta, whose caches are used.</param>
    /// <param name="forget">v.</param>
    /// <param name="kind">How; <see cref="HessianVectorProduct.None"/> gives null.</param>
    /// <param name="radius">Relative radius r of a finite difference, eps = r / |v|.</param>
    /// <returns>h; null for first order.</returns>
    public FlatVector? Product(GradientTerm retain, GradientTerm forget, HessianVectorProduct kind, double radius = 1e-2)
    {
        var v = forget.Vector;
        if (kind == HessianVectorProduct.None)
            return null;
        RequireForgetSquare(forget);
        Program.Section(ProductSection);
        var h = Vector("Hessian-vector product");
        var square = _telemetry.Guarded(1);
        if (kind == HessianVectorProduct.Exact)
        {
            retain.Evaluation.HessianVectorProduct(v, h);
            Square(h, square);
        }
        else
        {
            Difference(retain, v, h, square, radius);
        }

        return h;
    }

    /// <summary>G = w_r g + w_u (v - alpha h), with the weights and alpha of <see cref="Parameters"/>. The update puts it together as
    /// it goes.</summary>
    /// <param name="retain">g.</param>
    /// <param name="forget">v; null for none.</param>
    /// <param name="product">h; null for first order.</param>
    public Direction Bilevel(GradientTerm retain, GradientTerm? forget, FlatVector? product)
    {
        if (forget is not null)
            RequireForgetSquare(forget);
        else
            Square(retain.Vector, _retainSquare = _telemetry.Guarded(1));
        return new BilevelDirection(retain, forget, product);
    }

    /// <summary>G = w_r g + w_u v of two gradients at the same weights, by the arithmetic of <see cref="Bilevel"/> with alpha = 0: the
    /// same bits.</summary>
    /// <param name="retain">g; receives G.</param>
    /// <param name="forget">v.</param>
    public Direction Joint(GradientTerm retain, GradientTerm forget)
    {
        Program.Section(UpdateSection);
        _norms = _telemetry.Guarded(4); // |g|^2, |v|^2, <g, v>, |theta|^2
        var (partials, total, device) = (Partials("joint", 4), retain.Vector, Program.Device);
        Program.Launch.Joint.JointGradient(
            device.Blocks(PartialCount),
            total,
            partials,
            total,
            forget.Vector,
            Model.Parameters,
            Parameters.Device,
            total.Count,
            PartialCount
        );
        Finish(partials, _norms, 4);
        return new VectorDirection(total, SquareKnown: true);
    }

    /// <summary>The gradient of one loss.</summary>
    public Direction Along(GradientTerm gradient) => new VectorDirection(gradient.Vector, SquareKnown: false);

    private void RequireForgetSquare(GradientTerm forget)
    {
        if (_forgetSquare < 0)
            Square(forget.Vector, _forgetSquare = _telemetry.Guarded(1));
    }

    private void Difference(GradientTerm retain, FlatVector v, FlatVector h, int square, double radius)
    {
        var (kernels, device, theta, n) = (Program.Launch.Lur, Program.Device, Model.Parameters, v.Count);
        var scales = _telemetry.Reported(3);
        var mode = retain.Term.Mode == NormalizationMode.TrainAndUpdate ? NormalizationMode.Train : retain.Term.Mode;
        kernels.LurDifferenceScales(device.Elements(1), _telemetry.At(scales), _telemetry.At(_forgetSquare), radius);
        // The look-ahead weights are done with; their vector holds theta + eps v, then theta - eps v.
        var (moved, minus) = (_ahead ?? Vector("moved weights"), Vector("finite-difference gradient"));
        foreach (var (sign, target, name) in new[] { (1.0, h, "+"), (-1.0, minus, "-") })
        {
            kernels.LurPerturb(device.Elements(n), moved, theta, v, _telemetry.At(scales), n, sign);
            _ = Evaluate(retain.Term.Name + name, moved, retain.Term with { Mode = mode }, target, _ => { });
        }

        var partials = Partials("difference", 1);
        kernels.LurDifference(device.Blocks(PartialCount), h, partials, h, minus, _telemetry.At(scales + 1), n, PartialCount);
        Finish(partials, square, 1);
    }
}

using Lur.Device;

namespace Lur.Layers;

/// <summary>Another implementation on operands that are rounded to TF32 or bf16 first, as tensor cores take them; sums stay
/// float32.</summary>
internal sealed class RoundedConvolution : ConvolutionImplementation
{
    private readonly ConvolutionImplementation _inner;
    private readonly long _input,
        _filter,
        _output,
        _room;

    public RoundedConvolution(LaunchSet launch, ConvolutionShape shape, ConvolutionImplementation inner)
        : base(launch, shape)
    {
        _inner = inner;
        (_input, _filter, _output) = (Align(shape.InputLength), Align(shape.FilterLength), Align(shape.OutputLength));
        _room = 2 * (_input + _filter + _output - Math.Min(_input, Math.Min(_filter, _output)));
        WorkspaceBytes = inner.WorkspaceBytes + _room * ElementSize;
    }

    public override void Forward(Operand<Real> y, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace)
    {
        var (a, b) = Round(one, two, Shape.InputLength, Shape.FilterLength, workspace);
        _inner.Forward(y, a, b, accumulate, At(workspace, _room));
    }

    public override void InputGradient(Operand<Real> dx, ConvolutionTerm one, ConvolutionTerm two, bool accumulate, Operand<Real> workspace)
    {
        var (a, b) = Round(one, two, Shape.OutputLength, Shape.FilterLength, workspace);
        _inner.InputGradient(dx, a, b, accumulate, At(workspace, _room));
    }

    public override void FilterGradient(
        Operand<Real> dw,
        ConvolutionTerm one,
        ConvolutionTerm two,
        bool accumulate,
        Operand<Real> workspace
    )
    {
        var (a, b) = Round(one, two, Shape.InputLength, Shape.OutputLength, workspace);
        _inner.FilterGradient(dw, a, b, accumulate, At(workspace, _room));
    }

    private (ConvolutionTerm One, ConvolutionTerm Two) Round(
        ConvolutionTerm one,
        ConvolutionTerm two,
        long first,
        long second,
        Operand<Real> workspace
    )
    {
        var (a, b) = (Align(first), Align(second));
        var rounded = Round(one, first, second, workspace, At(workspace, a));
        return (rounded, two.IsNone ? two : Round(two, first, second, At(workspace, a + b), At(workspace, a + b + a)));
    }

    private ConvolutionTerm Round(ConvolutionTerm term, long first, long second, Operand<Real> a, Operand<Real> b)
    {
        Round(a, term.First, first);
        Round(b, term.Second, second);
        return new ConvolutionTerm(a, b);
    }

    private void Round(Operand<Real> to, Operand<Real> from, long n)
    {
        var (shape, target, source) = (Device.Elements(n), to.Taking(n, ElementSize), from.Taking(n, ElementSize));
        if (Launch.Products.Rounding == ProductPrecision.Bf16)
            Launch.Rounding.VectorRoundBf16(shape, target, source, (int)n);
        else
            Launch.Rounding.VectorRoundTf32(shape, target, source, (int)n);
    }
}

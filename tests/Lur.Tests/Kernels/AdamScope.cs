using Lur.Device;
using Lur.Optimizers;
using Lur.Tests.Device;
using Lur.Tests.Reference;

namespace Lur.Tests.Kernels;

/// <summary>What a test of Adam's kernels holds on the device: parameters, moments, clock and the numbers of a step.</summary>
internal sealed class AdamScope
{
    private readonly KernelScope _scope;
    private readonly AdamReference.Options _options;

    public AdamScope(KernelScope scope, double[] start, AdamReference.Options options)
    {
        (_scope, _options) = (scope, options);
        (Theta, M, V) = (scope.Vector(start), scope.Vector(new double[start.Length]), scope.Vector(new double[start.Length]));
        (Clock, Numbers) = (scope.Array(0.0, 0, 0), scope.Array(StepArray(options)));
    }

    public GuardedBuffer Theta { get; }

    public GuardedBuffer M { get; }

    public GuardedBuffer V { get; }

    public GuardedArray<double> Clock { get; }

    public GuardedArray<double> Numbers { get; }

    public static double[] StepArray(AdamReference.Options o)
    {
        var step = new double[StepParameters.Count];
        step[(int)StepParameter.LearningRate] = o.Rate;
        step[(int)StepParameter.Momentum] = o.Beta1;
        step[(int)StepParameter.SecondMoment] = o.Beta2;
        step[(int)StepParameter.Epsilon] = o.Epsilon;
        step[(int)StepParameter.WeightDecay] = o.Decay;
        return step;
    }

    /// <summary>Counts the step and makes it.</summary>
    public void Step(
        GuardedBuffer g,
        GuardedArray<byte>? mask = null,
        DevicePointer<int> skip = default,
        LaunchShape? shape = null,
        bool begin = true
    )
    {
        var adam = _scope.Kernels.Adam;
        if (begin)
            adam.AdamBegin(_scope.Device.Elements(1), Clock.Pointer(), Numbers.Pointer(), skip);
        adam.AdamStep(
            shape ?? _scope.Device.Elements(Theta.Get().Length),
            Theta.Pointer,
            M.Pointer,
            V.Pointer,
            g.Pointer,
            mask?.Pointer() ?? default,
            Numbers.Pointer(),
            Clock.Pointer(),
            skip,
            Theta.Get().Length,
            _options.Decoupled ? 1 : 0
        );
    }

    public double[][] State() => [Theta.Get(), M.Get(), V.Get(), Clock.Download()];
}

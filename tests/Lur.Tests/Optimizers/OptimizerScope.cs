using Lur.Device;
using Lur.Optimizers;
using Lur.Tensors;
using Lur.Tests.Device;

namespace Lur.Tests.Optimizers;

/// <summary>Parameters, a gradient and a captured program that makes one step of an optimiser, as a training step does.</summary>
internal sealed class OptimizerScope : IDisposable
{
    private readonly GuardedArray<double> _measured;
    private readonly Program _program;
    private readonly int _n;

    public OptimizerScope(
        TestDevice test,
        Precision precision,
        double[] start,
        Func<FlatVector, Optimizer> make,
        AverageOptions? average = null,
        double clip = 0
    )
    {
        _n = start.Length;
        var layout = new ParameterLayout();
        layout.Add("w", ParameterKind.Matrix, new Shape(1, _n));
        (Parameters, Gradient) = (new(test.Device, precision, layout, "parameters"), new(test.Device, precision, layout, "gradient"));
        Parameters.Set(start);
        Optimizer = make(Parameters);
        _program = new Program(test.Device, precision) { Captured = true };
        Numbers = new StepParameterBuffer(_program, "test");
        _measured = new GuardedArray<double>(test, 2);
        var skip = _program.Raw("skip", ValueRole.Workspace, new Shape(2), sizeof(int));
        _program.Clear(skip);
        Operand<double> measured = new DevicePointer<double>(_measured.Address);
        GradientClipping.Emit(_program, Gradient, clip > 0 ? clip : double.MaxValue, measured);
        _program.Launch.Guard.StepGuard(test.Device.Elements(1), skip, measured, default, 1);
        Optimizer.Emit(_program, new UpdateTarget(Parameters, Numbers, skip), Gradient);
        if (average is not null)
            (Average = new AveragedWeights(Parameters, average)).Emit(_program, skip);
    }

    public FlatVector Parameters { get; }

    public FlatVector Gradient { get; }

    public Optimizer Optimizer { get; }

    public AveragedWeights? Average { get; }

    public StepParameterBuffer Numbers { get; }

    /// <summary>Norm of the gradient before clipping, and the factor.</summary>
    public double[] Measured => _measured.Download();

    public void Step(double[] gradient, long index = 0, long steps = 1, string schedule = "constant")
    {
        Gradient.Set(gradient);
        Optimizer.SetNumbers(Numbers, LearningRateSchedule.Parse(schedule), index, steps);
        _program.Run();
        Parameters.Device.Synchronize();
    }

    /// <summary>Everything a step may change, by name.</summary>
    public Dictionary<string, double[]> State() =>
        Optimizer.State.Concat(Average?.State ?? []).Append(Parameters).ToDictionary(v => v.Name, v => v.ToArray());

    /// <summary>Sets what <see cref="State"/> gave.</summary>
    public void Restore(Dictionary<string, double[]> state)
    {
        foreach (var vector in Optimizer.State.Concat(Average?.State ?? []).Append(Parameters))
            vector.Set(state[vector.Name]);
    }

    public void Dispose()
    {
        _program.Dispose();
        Optimizer.Dispose();
        Average?.Dispose();
        Parameters.Dispose();
        Gradient.Dispose();
        _measured.Dispose();
    }
}

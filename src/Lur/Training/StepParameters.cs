using Lur.Device;
using Lur.Tensors;

namespace Lur.Training;

/// <summary>Numbers that change from step to step, in device memory so that a captured step can be replayed with new ones.
/// The order is that of <c>kernels/include/sgd_step.cuh</c>.</summary>
public sealed class StepParameters : IDisposable
{
    private readonly PinnedBuffer<double> _host;
    private readonly Value _device;

    /// <summary>Declares the device array in a program and emits its upload as the next operation.</summary>
    public StepParameters(StepProgram program, string name)
    {
        _host = program.Device.AllocatePinned<double>(Count);
        _device = program.Raw($"{name}/step-parameters", ValueRole.Input, new Shape(Count), sizeof(double));
        var device = program.Device;
        var (host, target) = (_host, _device);
        program.Emit("upload step parameters", () => device.UploadAsync(target.Typed<double>(), host), target);
    }

    private const int Count = 6;

    /// <summary>Device array for kernels that take <c>const double* step</c>.</summary>
    public Value Device => _device;

    /// <summary>Learning rate.</summary>
    public double LearningRate { get => _host.Span[0]; set => _host.Span[0] = value; }

    /// <summary>Momentum.</summary>
    public double Momentum { get => _host.Span[1]; set => _host.Span[1] = value; }

    /// <summary>Weight decay.</summary>
    public double WeightDecay { get => _host.Span[2]; set => _host.Span[2] = value; }

    /// <summary>w_r.</summary>
    public double RetainWeight { get => _host.Span[3]; set => _host.Span[3] = value; }

    /// <summary>w_u.</summary>
    public double ForgetWeight { get => _host.Span[4]; set => _host.Span[4] = value; }

    /// <summary>alpha.</summary>
    public double Alpha { get => _host.Span[5]; set => _host.Span[5] = value; }

    /// <inheritdoc/>
    public void Dispose() => _host.Dispose();
}

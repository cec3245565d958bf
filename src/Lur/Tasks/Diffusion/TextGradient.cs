using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Tasks.Diffusion;

/// <summary>A text encoder from rows of its table, as they are or as somebody searches for them, with the gradient back to these rows;
/// its weights stay as they are. What textual inversion needs (Gal et al. 2022).</summary>
/// <remarks>The gradients of the weights are written beside, into memory that nobody reads: as many numbers as there are
/// weights.</remarks>
public sealed class TextGradient : IDisposable
{
    private readonly Program _forward,
        _backward;
    private readonly RealInput _rows,
        _rowsAgain,
        _outputGradient;
    private readonly Value _output,
        _gradient;

    internal TextGradient(ClipTextSpec spec, FlatVector weights, FlatVector buffers, int prompts, int length)
    {
        Shape = new Shape(prompts, length, spec.Width);
        var network = spec.BuildBehindTable(length);
        _forward = new Program(weights.Device, weights.Precision) { Captured = true };
        _backward = new Program(weights.Device, weights.Precision) { Captured = true };
        _rows = new RealInput(_forward, "text/rows", Shape);
        _output = Program.Keep(
            network.Forward(
                new NetworkPass(_forward, "text", prompts, weights, buffers, NormalizationMode.Frozen) { Inference = true },
                _rows.Device
            )
        );
        _rowsAgain = new RealInput(_backward, "text/rows", Shape);
        var pass = new NetworkPass(_backward, "text", prompts, weights, buffers, NormalizationMode.Frozen)
        {
            WithInputGradient = true,
            Gradients = new FlatVector(_backward, network.Parameters, "text/gradients of weights"),
        };
        var output = network.Forward(pass, _rowsAgain.Device);
        _outputGradient = new RealInput(_backward, "text/output gradient", Shape);
        _backward.Copy<Real>(pass.GradientOf(output, out _), _outputGradient.Device, _outputGradient.Device.Bytes);
        network.Backward(pass);
        _gradient = Program.Keep(pass.GradientOf(_rowsAgain.Device));
    }

    /// <summary>[N, T, C] of rows, outputs and gradients.</summary>
    public Shape Shape { get; }

    /// <summary>The last hidden state of rows, [N, T, C].</summary>
    /// <param name="rows">[N, T, C], before the positions are added.</param>
    public double[] Forward(ReadOnlySpan<double> rows)
    {
        _rows.Set(rows);
        _forward.Run();
        return HostCopy.Of(_forward, _output);
    }

    /// <summary>The gradient of rows, [N, T, C], given that of what <see cref="Forward"/> makes of them.</summary>
    /// <param name="rows">[N, T, C].</param>
    /// <param name="outputGradient">[N, T, C].</param>
    public double[] Backward(ReadOnlySpan<double> rows, ReadOnlySpan<double> outputGradient)
    {
        _rowsAgain.Set(rows);
        _outputGradient.Set(outputGradient);
        _backward.Run();
        return HostCopy.Of(_backward, _gradient);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _forward.Dispose();
        _backward.Dispose();
    }
}

using Lur.Device;
using Lur.Layers;
using Lur.Tensors;

namespace Lur.Tasks.Diffusion;

/// <summary>A network from images to images that is used as it is, evaluated a few images at a time. The pass is planned anew when the
/// size changes.</summary>
internal sealed class ImageMap : IDisposable
{
    // At the size of the larger side: 512 x 512 pixels of 256 channels in float32 are 268 MB, and some such live at a time.
    private const int MostPixels = 512 * 512,
        MostImages = 16;

    private readonly string _name;
    private readonly Func<int, int, Network> _build;
    private readonly FlatVector _buffers;
    private (int Height, int Width, int Batch) _planned;
    private Program? _program;
    private RealInput _input = null!;
    private Value _output = null!;

    /// <summary>Creates it with weights of 0.</summary>
    /// <param name="device">Device to compute on.</param>
    /// <param name="precision">Element type there.</param>
    /// <param name="name">Name for plans.</param>
    /// <param name="build">The network for a height and width of the larger images, of the same tensors for all.</param>
    /// <param name="least">Sides that it can be built for.</param>
    public ImageMap(ComputeDevice device, Precision precision, string name, Func<int, int, Network> build, int least)
    {
        var network = build(least, least);
        (_name, _build) = (name, build);
        Weights = new FlatVector(device, precision, network.Parameters, name + " parameters");
        _buffers = new FlatVector(device, precision, network.Buffers, name + " running statistics");
    }

    /// <summary>Its weights.</summary>
    public FlatVector Weights { get; }

    /// <summary>What it makes of images, [N, H, W, C] both.</summary>
    /// <param name="images">The images.</param>
    /// <param name="height">Height that the network is built for.</param>
    /// <param name="width">Width, likewise.</param>
    public double[] Of(ReadOnlySpan<double> images, int height, int width)
    {
        var most = Math.Clamp(MostPixels / Math.Max(1, height * width), 1, MostImages);
        if (_planned.Height != height || _planned.Width != width)
            Plan(height, width, 1);
        var each = _input.Device.Shape.Count / _planned.Batch;
        if (images.Length % each != 0)
            throw new ArgumentException($"An image of '{_name}' has {each} numbers; {images.Length} were given.", nameof(images));
        var count = images.Length / each;
        if (_planned.Batch < Math.Min(count, most))
            Plan(height, width, Math.Min(count, most));
        var (batch, made) = (new double[_planned.Batch * each], _output.Shape.Count / _planned.Batch);
        var result = new double[checked(count * made)];
        for (var first = 0; first < count; first += _planned.Batch)
        {
            // Places beyond the last image keep what they had: no number of an image depends on another.
            var n = Math.Min(_planned.Batch, count - first);
            images.Slice(first * each, n * each).CopyTo(batch);
            _input.Set(batch);
            _program!.Run();
            HostCopy.Of(_program, _output, n * made).CopyTo(result, first * made);
        }

        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _program?.Dispose();
        Weights.Dispose();
        _buffers.Dispose();
    }

    private void Plan(int height, int width, int batch)
    {
        _program?.Dispose();
        _program = new Program(Weights.Device, Weights.Precision) { Captured = true };
        var network = _build(height, width);
        _input = new RealInput(_program, $"{_name}/images", new Shape(batch, network.Height, network.Width, network.Channels));
        var pass = new NetworkPass(_program, _name, batch, Weights, _buffers, NormalizationMode.Frozen) { Inference = true };
        _output = Program.Keep(network.Forward(pass, _input.Device));
        _planned = (height, width, batch);
    }
}

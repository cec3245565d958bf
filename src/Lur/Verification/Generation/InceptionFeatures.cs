using Lur.Device;
using Lur.Layers;
using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Tasks;
using Lur.Tensors;

namespace Lur.Verification.Generation;

/// <summary>Features of images by the InceptionV3 network of the Fréchet Inception distance: 2048 means over all positions of the last
/// block, of images resized to 299 x 299.</summary>
public sealed class InceptionFeatures : IDisposable
{
    // The first layers' activations decide the memory: 1.4 million numbers each an image.
    private const int DefaultBatch = 16;
    private readonly FlatVector _parameters,
        _buffers;
    private readonly Program _program;
    private readonly RealInput _images;
    private readonly Value _features;
    private readonly double[] _batch;
    private readonly int _side;

    /// <summary>Reads the weights and plans the pass.</summary>
    /// <param name="path">safetensors file of the weights.</param>
    /// <param name="device">Device to compute on.</param>
    /// <exception cref="UserErrorException">The file is missing, damaged, or does not hold this network.</exception>
    public InceptionFeatures(string path, ComputeDevice device)
        : this(path, device, Precision.Float32, DefaultBatch, divisor: 1, InceptionV3.Side) { }

    /// <summary>The same of a network of a fraction of the width, on images of another side.</summary>
    internal InceptionFeatures(string path, ComputeDevice device, Precision precision, int batch, int divisor, int side)
    {
        ArgumentNullException.ThrowIfNull(device);
        var network = InceptionV3.Build(side, divisor);
        _side = side;
        _parameters = new FlatVector(device, precision, network.Parameters, "inception parameters");
        _buffers = new FlatVector(device, precision, network.Buffers, "inception running statistics");
        _program = new Program(device, precision) { Captured = true };
        try
        {
            InceptionFile.Read(path, network, _parameters, _buffers);
            var shape = new Shape(batch, side, side, 3);
            _images = new RealInput(_program, "inception/images", shape);
            _batch = new double[shape.Count];
            var pass = new NetworkPass(_program, "inception", batch, _parameters, _buffers, NormalizationMode.Frozen) { Inference = true };
            _features = Program.Keep(network.Forward(pass, _images.Device));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Numbers of a feature: 2048.</summary>
    public int Dimension => _features.Shape.Innermost;

    /// <summary>Looks at images, a batch at a time.</summary>
    /// <param name="count">Number of images, at least 1.</param>
    /// <param name="size">Their size; a grey image stands for all three channels.</param>
    /// <param name="read">Writes image number i as bytes [C, H, W].</param>
    /// <param name="progress">Called with the number of images done, or null.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">A feature is not finite.</exception>
    public FeatureRows Of(
        int count,
        ImageSize size,
        Action<int, byte[]> read,
        Action<int>? progress = null,
        CancellationToken cancel = default
    )
    {
        ArgumentNullException.ThrowIfNull(read);
        var (resizing, pixels, d) = (new BilinearImages(size, _side), new byte[size.Channels * size.Height * size.Width], Dimension);
        var (rows, batch) = (new double[checked(count * d)], _features.Shape[0]);
        var each = _batch.Length / batch;
        for (var start = 0; start < count; start += batch)
        {
            cancel.ThrowIfCancellationRequested();
            var n = Math.Min(batch, count - start);
            // Places beyond the last image keep what they had: no statistic is the batch's.
            for (var i = 0; i < n; i++)
            {
                read(start + i, pixels);
                resizing.Resize(pixels, _batch.AsSpan(i * each, each));
            }

            _images.Set(_batch);
            _program.Run();
            HostCopy.Of(_program, _features, n * d).CopyTo(rows, start * d);
            progress?.Invoke(start + n);
        }

        return rows.All(double.IsFinite)
            ? FeatureRows.Of<double>(rows, d)
            : throw new UserErrorException(
                "A feature of InceptionV3 is not finite: its weights are damaged; fetch and convert the file again."
            );
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _program.Dispose();
        _parameters.Dispose();
        _buffers.Dispose();
    }
}

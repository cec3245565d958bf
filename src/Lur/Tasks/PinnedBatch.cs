using Lur.Data;
using Lur.Device;

namespace Lur.Tasks;

/// <summary>A batch in page-locked memory: the loader assembles it there, and the copy stream sends it from there.</summary>
internal sealed class PinnedBatch : IBatchBuffer, IDisposable
{
    private readonly PinnedBuffer<byte> _images;
    private readonly DeviceEvent _sent;
    private readonly int[] _labels;

    public PinnedBatch(ComputeDevice device, int batchSize, int sampleBytes)
    {
        _labels = new int[batchSize];
        _images = device.AllocatePinned<byte>((long)batchSize * sampleBytes);
        _sent = device.CreateEvent();
    }

    /// <inheritdoc/>
    public Span<byte> Images => _images.Span;

    /// <inheritdoc/>
    public Span<int> Labels => _labels;

    /// <summary>Which batch of its feed it holds.</summary>
    public long Number { get; set; }

    /// <summary>Sends the images on the copy stream.</summary>
    public void Send(ComputeDevice device, DevicePointer<byte> target)
    {
        device.UploadAsync(target, _images, stream: DeviceStream.Copy);
        _sent.Record(DeviceStream.Copy);
    }

    /// <summary>Makes the device's work from now on wait until the images are there.</summary>
    public void HoldBackCompute() => _sent.HoldBack(DeviceStream.Compute);

    /// <summary>Waits until the images are sent and the memory may be written again.</summary>
    public void WaitUntilSent() => _sent.Synchronize();

    /// <inheritdoc/>
    public void Dispose()
    {
        _images.Dispose();
        _sent.Dispose();
    }
}

using Lur.Device;

namespace Lur.Tasks;

/// <summary>Where the images of a step lie on the device. With two slots, one is filled by the copy stream while the step before
/// reads the other; events order the two.</summary>
/// <remarks>A captured step cannot change its addresses. It reads the slot from device memory, as it reads the counter of its random
/// draws: one graph, and no copy within the device.</remarks>
internal sealed class InputSlots
{
    private readonly Program _program;
    private readonly int _count,
        _bytes;
    private (PinnedBatch Batch, long Number)? _ahead;
    private DeviceEvent? _given;
    private int _current;

    /// <summary>Declares the slots.</summary>
    public InputSlots(Program program, string name, Shape images, int count)
    {
        (_program, _count, _bytes) = (program, count, images.Count);
        Device = Program.Keep(program.Raw(name, ValueRole.Input, new Shape(count * images[0], images[1], images[2], images[3]), 1));
    }

    /// <summary>The slots, one after another.</summary>
    public Value Device { get; }

    /// <summary>First byte of the slot that the next run reads.</summary>
    public ulong Offset => (ulong)_current * (ulong)_bytes;

    /// <summary>Makes the next run read a batch, which is sent now unless that was done ahead.</summary>
    public void Take(PinnedBatch batch)
    {
        var next = (_current + 1) % _count;
        if (_ahead != (batch, batch.Number))
            Send(batch, next);
        (_ahead, _current) = (null, next);
        batch.HoldBackCompute();
    }

    /// <summary>Sends the batch of the run after the next one, while the device works on the runs it was given.</summary>
    public void TakeAhead(PinnedBatch batch)
    {
        if (_count == 1)
            return;
        Send(batch, (_current + 1) % _count);
        _ahead = (batch, batch.Number);
    }

    /// <summary>Sends images for the next run in the order of the device's work.</summary>
    public void Upload(PinnedBuffer<byte> images) => _program.Device.UploadAsync(Device.Typed<byte>().At((long)Offset, 1), images);

    // The runs given so far have read the slot before anything is written to it.
    private void Send(PinnedBatch batch, int slot)
    {
        _program.Commit();
        _given ??= _program.Own(_program.Device.CreateEvent());
        _given.Record();
        _given.HoldBack(DeviceStream.Copy);
        batch.Send(_program.Device, Device.Typed<byte>().At((long)slot * _bytes, 1));
    }
}

using Lur.Device;

namespace Lur.Programs;

/// <summary>A few numbers that the host sets between runs. What is set when a run is given belongs to that run: the host may change
/// it at once, though the device has not come to it.</summary>
/// <typeparam name="T">Element type.</typeparam>
/// <remarks>Each run sends them ahead of the captured work from one of two page-locked copies; a copy is written again when the
/// run before the last one has been sent.</remarks>
public sealed class RunInput<T>
    where T : unmanaged
{
    private readonly Program _program;
    private readonly T[] _numbers;
    private readonly (PinnedBuffer<T> Copy, DeviceEvent Sent)?[] _copies = new (PinnedBuffer<T>, DeviceEvent)?[2];
    private int _next;

    internal RunInput(Program program, Value device)
    {
        (_program, Device, _numbers) = (program, device, new T[device.Shape.Count]);
    }

    /// <summary>The array on the device.</summary>
    public Value Device { get; }

    /// <summary>The numbers of the next run. They stay as they are until they are set anew.</summary>
    public Span<T> Span => _numbers;

    internal void Send()
    {
        var (copy, sent) = _copies[_next] ??= (_program.Pinned<T>(_numbers.Length), _program.Own(_program.Device.CreateEvent()));
        sent.Synchronize();
        _numbers.CopyTo(copy.Span);
        _program.Device.UploadAsync(Device.Typed<T>(), copy);
        sent.Record();
        _next = 1 - _next;
    }
}

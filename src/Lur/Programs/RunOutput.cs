using Lur.Device;

namespace Lur.Programs;

/// <summary>A few numbers that a run leaves behind and the host reads later: while one run is being read, the next may already be with
/// the device.</summary>
/// <typeparam name="T">Element type.</typeparam>
/// <remarks>Each run copies them, behind the captured work, to one of <see cref="Depth"/> page-locked blocks.</remarks>
public sealed class RunOutput<T>
    where T : unmanaged
{
    /// <summary>Runs that may be given and not yet read.</summary>
    public const int Depth = 2;
    private readonly Program _program;
    private readonly Value _device;
    private readonly (PinnedBuffer<T> Copy, DeviceEvent Received)?[] _blocks = new (PinnedBuffer<T>, DeviceEvent)?[Depth];
    private readonly T[] _numbers;
    private long _given,
        _read;

    internal RunOutput(Program program, Value device) => (_program, _device, _numbers) = (program, device, new T[device.Shape.Count]);

    /// <summary>Runs that were given and not yet read.</summary>
    public int Pending => (int)(_given - _read);

    /// <summary>The numbers of the run that was read last; zeros before the first.</summary>
    public ReadOnlySpan<T> Span => _numbers;

    /// <summary>Waits for the oldest run that was not read, and reads it.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public void Read()
    {
        if (Pending == 0)
            throw new InvalidOperationException("Every run has been read already.");
        var (copy, received) = _blocks[_read % Depth]!.Value;
        received.Synchronize();
        copy.Span.CopyTo(_numbers);
        _read++;
    }

    /// <summary>Refuses a run before any of it is given.</summary>
    internal void RequireRoom()
    {
        if (Pending == Depth)
            throw new InvalidOperationException($"{Depth} runs have not been read; read the oldest before the next is given.");
    }

    internal void Receive()
    {
        var (copy, received) = _blocks[_given % Depth] ??= (
            _program.Pinned<T>(_numbers.Length),
            _program.Own(_program.Device.CreateEvent())
        );
        _program.Device.DownloadAsync(copy, _device.Typed<T>());
        received.Record();
        _given++;
    }
}

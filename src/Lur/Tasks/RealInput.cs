using Lur.Device;

namespace Lur.Tasks;

/// <summary>Numbers that the host gives to a program, in whichever precision it is.</summary>
internal sealed class RealInput
{
    private readonly PinnedBuffer<double>? _wide;
    private readonly PinnedBuffer<float>? _narrow;

    /// <summary>Declares the buffer and emits its upload.</summary>
    public RealInput(Program program, string name, Shape shape)
    {
        Device = program.Real(name, ValueRole.Input, shape);
        if (program.Precision == Precision.Float64)
            program.Upload(Device, _wide = program.Pinned<double>(shape.Count));
        else
            program.Upload(Device, _narrow = program.Pinned<float>(shape.Count));
    }

    /// <summary>The numbers on the device.</summary>
    public Value Device { get; }

    /// <summary>Sets the next run's numbers.</summary>
    /// <exception cref="ArgumentException">They are too few or too many.</exception>
    public void Set(ReadOnlySpan<double> values)
    {
        if (values.Length != Device.Shape.Count)
            throw new ArgumentException($"'{Device.Name}' takes {Device.Shape.Count} numbers; {values.Length} were given.", nameof(values));
        if (_wide is not null)
            values.CopyTo(_wide.Span);
        else
            for (var i = 0; i < values.Length; i++)
                _narrow!.Span[i] = (float)values[i];
    }
}

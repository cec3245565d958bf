using Lur.Device;

namespace Lur.Programs;

/// <summary>What a planned buffer is for; the plan adds up bytes by role.</summary>
public enum ValueRole
{
    /// <summary>Images, labels and other inputs of a step.</summary>
    Input,

    /// <summary>Numbers that are uploaded once, when the program gets its memory.</summary>
    Constant,

    /// <summary>Output of a layer's forward pass.</summary>
    Activation,

    /// <summary>Gradient of the loss with respect to an activation.</summary>
    Gradient,

    /// <summary>Tangent of an activation.</summary>
    Tangent,

    /// <summary>Tangent of a gradient.</summary>
    TangentGradient,

    /// <summary>Small per-layer results kept for a later pass: batch statistics, winning taps.</summary>
    Cache,

    /// <summary>Scratch that lives for one operation.</summary>
    Workspace,

    /// <summary>A flat vector with the layout of the parameters: a gradient, look-ahead weights, a product.</summary>
    Vector,

    /// <summary>Losses, predictions and other results read by the host.</summary>
    Output,
}

/// <summary>A device buffer of a <see cref="Program"/>. Its address is known once the program has memory.</summary>
public sealed class Value : IDeviceBuffer
{
    private ulong _address;

    internal Value(string name, ValueRole role, Shape shape, int elementSize, bool isReal)
    {
        Name = name;
        Role = role;
        Shape = shape;
        ElementSize = elementSize;
        IsReal = isReal;
        Bytes = (long)shape.Count * elementSize;
    }

    /// <summary>Name for plans and messages, e.g. <c>retain/layer1.0.conv1/y</c>.</summary>
    public string Name { get; }

    /// <summary>What it is for.</summary>
    public ValueRole Role { get; }

    /// <summary>Shape, in elements.</summary>
    public Shape Shape { get; }

    /// <summary>Bytes of an element.</summary>
    public int ElementSize { get; }

    /// <summary>True for elements of the program's precision.</summary>
    public bool IsReal { get; }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <inheritdoc/>
    public ulong Address =>
        _address != 0
            ? _address
            : throw new InvalidOperationException($"'{Name}' has no address yet: commit or run its program before reading it.");

    /// <summary>The address as a pointer to <c>real</c>.</summary>
    public DevicePointer<Real> Pointer => Typed<Real>();

    /// <summary>An element of an array, by its number, as an argument of a launch.</summary>
    public Operand<T> At<T>(long element)
        where T : unmanaged => ((Operand<T>)this).At(element, ElementSize);

    internal int First { get; private set; } = int.MaxValue;

    internal int Last { get; private set; } = -1;

    /// <summary>Name of the operation that touches it first, where that one only reads it; null otherwise.</summary>
    internal string? ReadFirstBy { get; private set; }

    internal bool Kept { get; set; }

    internal bool IsUsed => Kept || Last >= 0;

    /// <summary>The address as a pointer to another element type.</summary>
    /// <exception cref="InvalidOperationException">The program has no memory yet.</exception>
    public DevicePointer<T> Typed<T>()
        where T : unmanaged => new(Address);

    internal void Place(ulong address) => _address = address;

    internal void Touch(int operation, string name, bool writes)
    {
        if (Last < 0)
            ReadFirstBy = writes ? null : name;
        else if (operation == First && writes)
            ReadFirstBy = null; // read and written by one operation, through two arguments
        First = Math.Min(First, operation);
        Last = Math.Max(Last, operation);
    }
}

namespace Lur.Device;

/// <summary>An address in device memory with the type of what lies there. Not an owner.</summary>
/// <typeparam name="T"><see cref="Real"/>, float, double, int, uint, long, ulong, byte, sbyte or short.</typeparam>
/// <param name="Address">The address; 0 is null.</param>
public readonly record struct DevicePointer<T>(ulong Address)
{
    /// <summary>Whether it points nowhere.</summary>
    public bool IsNull => Address == 0;

    /// <summary>The address of another element of the same array.</summary>
    /// <param name="elements">Distance in elements; may be negative.</param>
    /// <param name="elementSize">Bytes of an element; for <see cref="Real"/> that of the precision.</param>
    public DevicePointer<T> At(long elements, int elementSize) => new(unchecked(Address + (ulong)(elements * elementSize)));

    /// <summary>The same address with another element type.</summary>
    /// <typeparam name="TOther">The other element type.</typeparam>
    public DevicePointer<TOther> As<TOther>() => new(Address);
}

/// <summary>Extent of a launch: blocks in the grid and threads in a block.</summary>
/// <param name="GridX">Blocks in x.</param>
/// <param name="BlockX">Threads of a block in x.</param>
/// <param name="BlockY">Threads of a block in y.</param>
/// <param name="GridY">Blocks in y.</param>
public readonly record struct LaunchShape(uint GridX, uint BlockX, uint BlockY = 1, uint GridY = 1)
{
    /// <summary>Multiply-adds on tensor cores, of a kernel that is made of them; 0 for others. Predictions ask for it.</summary>
    public long MultiplyAdds { get; init; }
}

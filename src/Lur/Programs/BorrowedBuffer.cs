namespace Lur.Programs;

/// <summary>Device memory of somebody else, who frees it after its last use.</summary>
public sealed class BorrowedBuffer : IDeviceBuffer
{
    /// <summary>Names the memory.</summary>
    /// <param name="name">Name for messages.</param>
    /// <param name="address">Its address.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="alignment">What the address must be a multiple of.</param>
    /// <exception cref="ArgumentException">The address is null or not aligned.</exception>
    public BorrowedBuffer(string name, ulong address, long bytes, int alignment)
    {
        if (address == 0 || address % (ulong)alignment != 0)
            throw new ArgumentException(
                $"'{name}' lies at 0x{address:x}, which is no address of elements of {alignment} bytes.",
                nameof(address)
            );
        (Name, Address, Bytes) = (name, address, bytes);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long Bytes { get; }

    /// <inheritdoc/>
    public ulong Address { get; }
}

// x, y, z are the names of the native struct.
#pragma warning disable CA1051, CA1815, CS1591, IDE1006, CS8981
namespace Lur.Cuda.VectorTypes;

/// <summary>Extent of a grid or a block.</summary>
public struct dim3
{
    public uint x;
    public uint y;
    public uint z;

    /// <summary>An extent of up to three dimensions; those left out are 1.</summary>
    public dim3(uint x, uint y = 1, uint z = 1) => (this.x, this.y, this.z) = (x, y, z);

    /// <summary>An extent of up to three dimensions; negative numbers throw <see cref="OverflowException"/>.</summary>
    public dim3(int x, int y = 1, int z = 1)
        : this(checked((uint)x), checked((uint)y), checked((uint)z)) { }
}
